"""Secret, as far as it is a certificate with its key; of others only the type is kept.

What is wrong with one is told to those who use it (compose/certificate.py): a Secret that nobody publishes is nobody's
mistake here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import source_object
from turnbuckle.model.ref import Event, Put
from turnbuckle.model.tls import SealedPem

TYPES = ("kubernetes.io/tls", "Opaque")
"""An Opaque Secret counts where it has the two entries, as with the original."""

CERTIFICATE, KEY = "tls.crt", "tls.key"


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """A certificate with its key, or what is in the way: `flaw` is one of issue.SECRET_FLAWS, or empty.

    certificate: PEM text, with the certificates that lead to an authority if it has any (`chained`). digest: SHA-256 of
    it in hex. names: those that the certificate is for. ends: its last day, in UTC.
    """

    type: str
    flaw: str = ""
    digest: str = ""
    certificate: str = field(default="", repr=False)
    key: SealedPem | None = field(default=None, compare=False)
    chained: bool = False
    names: tuple[str, ...] = ()
    ends: date | None = None


class SecretKind:
    """Decodes a Secret; the key is sealed at once."""

    name = "Secret"
    resource = Resource("", "v1", "secrets")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Secret as listeners use it; nothing else of it is kept."""
        return Put(source_object(self.name, raw, _spec(raw)))


KIND = SecretKind()


def _spec(raw: Mapping[str, Any]) -> SecretSpec:
    kind = str(raw.get("type") or "Opaque")
    if kind not in TYPES:
        return SecretSpec(kind, "type")
    try:
        certificate, key = _entry(raw, CERTIFICATE), _entry(raw, KEY)
    except (binascii.Error, ValueError):
        return SecretSpec(kind, "base64")
    if not certificate or not key:
        return SecretSpec(kind, "entries")
    return _pair(kind, certificate, key)


def _entry(raw: Mapping[str, Any], name: str) -> bytes:
    """An entry as bytes; stringData goes before data, as the API server has it.

    Raises:
        ValueError: what stands under data is no base64.
    """
    plain, encoded = raw.get("stringData"), raw.get("data")
    if isinstance(plain, Mapping) and name in plain:
        return str(plain[name]).encode()
    if isinstance(encoded, Mapping) and name in encoded:
        return base64.b64decode("".join(str(encoded[name] or "").split()), validate=True)
    return b""


def _pair(kind: str, pem: bytes, key: bytes) -> SecretSpec:
    try:
        first, *others = x509.load_pem_x509_certificates(pem)
        public = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return SecretSpec(kind, "certificate")
    # Anything may stand between certificates, even a private key.
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in (first, *others))
    digest = hashlib.sha256(text.encode()).hexdigest()
    flaw = _flaw_of_key(key, public)
    if flaw:
        return SecretSpec(kind, flaw, digest)
    ends = first.not_valid_after_utc.date()
    sealed = SealedPem(key.decode(errors="replace"))
    return SecretSpec(kind, "", digest, text, sealed, bool(others), _names(first), ends)


def _flaw_of_key(key: bytes, public: bytes) -> str:
    try:
        # Whether an RSA key is well made takes OpenSSL long to find out, and the device finds out itself.
        private = load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
        own = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:
        # So it says that a passphrase is needed.
        return "encrypted"
    except (ValueError, UnsupportedAlgorithm):
        return "encrypted" if b"ENCRYPTED" in key else "key"
    return "" if own == public else "mismatch"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that a client accepts the certificate for: the alternative ones, else the common one."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))
    except (x509.ExtensionNotFound, ValueError):
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return tuple(str(one.value).lower() for one in common)
