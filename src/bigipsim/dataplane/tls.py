"""Decides how TLS is spoken with clients and members: which profile a client gets, and the contexts that serve them.

A context is made once for each specification, so that connections go on with what they began with when a certificate
is renewed, and new ones get the new certificate.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bigipsim import pem
from bigipsim.dataplane.connect import Upstream
from bigipsim.dataplane.tls_spec import SYSTEM, ClientSsl, Pair, ServerSsl, Unusable, Versions
from bigipsim.dataplane.traffic import ClientTls
from bigipsim.filestore import Filestore

Profile = TypeVar("Profile", ClientSsl, ServerSsl)

NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the standard library does not name."""


IN_MEMORY: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files are that never reach a disk, which is quicker, too; None is the usual place."""


def choose(profiles: Sequence[Profile], server_name: str) -> Profile | None:
    """The profile for clients that ask for a name ("" for none): of that name, of a wildcard for it, or the default.

    None when the client must name something that is known, and does not.
    """
    name = server_name.lower().rstrip(".")
    if name:
        wildcard = "*." + name.partition(".")[2]
        for wanted in (name, wildcard):
            for profile in profiles:
                if wanted in profile.names:
                    return profile
    default = next((one for one in profiles if one.default), profiles[0] if profiles else None)
    if isinstance(default, ClientSsl) and default.needs_name:
        return None
    return default


class Contexts:
    """The TLS contexts of one device."""

    def __init__(self, files: Filestore) -> None:
        self._files = files
        self._known: dict[ClientSsl | ServerSsl, ssl.SSLContext] = {}

    def client(self, profile: ClientSsl) -> ssl.SSLContext:
        """What clients are served with.

        Raises:
            Unusable: certificate or key cannot be loaded.
        """
        found = self._known.get(profile)
        if found is None:
            found = self._known[profile] = self._for_clients(profile)
        return found

    def upstream(self, profiles: Sequence[ServerSsl], server_name: str, pass_name: bool) -> Upstream | None:
        """How to speak to members on behalf of a client that asked for a name; None for in clear.

        `pass_name`: members are asked for that name.
        """
        profile = choose(profiles, server_name)
        if profile is None:
            return None
        found = self._known.get(profile)
        if found is None:
            found = self._known[profile] = self._for_members(profile)
        name = server_name if pass_name and server_name and not profile.checked_name else profile.server_name
        return Upstream(found, name, profile.handshake_s)

    def check(self, clients: Sequence[ClientSsl], members: Sequence[ServerSsl]) -> None:
        """Makes the contexts that a virtual server needs.

        Raises:
            Unusable: certificate or key of one cannot be loaded.
        """
        for client in clients:
            self.client(client)
        for member in members:
            self.upstream([member], "", False)

    def keep_only(self, used: set[ClientSsl | ServerSsl]) -> None:
        """Forgets contexts that no virtual server has any more."""
        for profile in self._known.keys() - used:
            del self._known[profile]

    def _for_clients(self, profile: ClientSsl) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_SERVER, profile.versions, profile.ciphers)
        for pair in profile.pairs:
            self._load(context, pair, profile.path)
        if profile.peer != "ignore":
            context.verify_mode = ssl.CERT_REQUIRED if profile.peer == "require" else ssl.CERT_OPTIONAL
            self._trust(context, profile.ca)
        if profile.alpn:
            context.set_alpn_protocols(list(profile.alpn))
        return context

    def _for_members(self, profile: ServerSsl) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_CLIENT, profile.versions, profile.ciphers)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if profile.verified:
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = bool(profile.checked_name)
            if profile.expired:
                context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
            self._trust(context, profile.ca)
        if profile.pair is not None:
            self._load(context, profile.pair, profile.path)
        return context

    def _trust(self, context: ssl.SSLContext, authorities: str) -> None:
        content = self._files.content(authorities)
        if authorities == SYSTEM:
            context.load_default_certs()
        for certificate in pem.certificates(content) if content is not None else ():
            context.load_verify_locations(cadata=certificate.public_bytes(Encoding.DER))

    def _load(self, context: ssl.SSLContext, pair: Pair, path: str) -> None:
        certificate, key, chain = (self._files.content(name) for name in (pair.certificate, pair.key, pair.chain))
        passphrase = self._files.unseal(pair.passphrase)
        try:
            load_pair(context, _sent(certificate or b"", chain or b""), key or b"", passphrase)
        except (pem.NotPem, OSError) as error:
            raise Unusable(f"the certificate and key of its profile {path} cannot be loaded: {error}") from error


def _sent(certificate: bytes, chain: bytes) -> bytes:
    """What the other side is shown: the first certificate of one file, and all of the other but that one.

    A certificate file with more in it than the first is assumed to be read no further by the device.
    """
    leaf = pem.certificates(certificate)[0]
    others = [one for one in (pem.certificates(chain) if chain else ()) if one != leaf]
    return b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, *others))


def load_pair(context: ssl.SSLContext, certificates: bytes, key: bytes, passphrase: str | None = None) -> None:
    """Gives a context a certificate and its key; the library takes them from files only, which are gone after it.

    Raises:
        ssl.SSLError: they do not belong together, or are locked.
    """
    with tempfile.TemporaryDirectory(prefix="bigipsim-", dir=IN_MEMORY) as folder:
        certificate_path, key_path = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        for path, content in ((certificate_path, certificates), (key_path, key)):
            path.touch(mode=0o600)
            path.write_bytes(content)
        # Without a password the library would ask at the terminal.
        context.load_cert_chain(certificate_path, key_path, password=lambda: passphrase or "")


def _context(protocol: int, versions: Versions, ciphers: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version, context.maximum_version = versions
    if ciphers:
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError as error:
            raise Unusable(f"its ciphers {ciphers} are none that are known here") from error
    return context


def client_facts(transport: asyncio.BaseTransport, server_name: str) -> ClientTls | None:
    """What TLS settled with a client that asked for a name; None for a connection in clear."""
    secured = transport.get_extra_info("ssl_object")
    if secured is None:
        return None
    cipher, version, bits = secured.cipher() or ("", "", 0)
    shown = secured.getpeercert(binary_form=True)
    subject = x509.load_der_x509_certificate(shown).subject.rfc4514_string() if shown else ""
    alpn = secured.selected_alpn_protocol() or ""
    return ClientTls(server_name, secured.version() or version, cipher, bits, alpn, subject)
