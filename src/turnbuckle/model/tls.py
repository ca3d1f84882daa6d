"""Certificates, keys and the profiles that use them, as values. A private key shows itself to nobody by accident."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from turnbuckle.model.ltm import Context, LtmObject, VirtualServer
from turnbuckle.model.state import Path


class SealedPem:
    """A text in PEM that no print, log, dump or comparison shows; `reveal` hands it to whoever uploads it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return "SealedPem(…)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[type[SealedPem], tuple[str]]:
        raise TypeError("A private key is not pickled or copied.")


@dataclass(frozen=True, slots=True)
class CertificateFile(LtmObject):
    """A certificate with its chain, if it has one.

    digest: SHA-256 of the PEM text in hex; it is compared, for the text is not read back. pem: empty when the object
    was read from the device. `name` has a part of the digest, so that a renewed certificate is another object. secret:
    "namespace/name" of the Secret that it is from, and ends: the day on which it ends; both as pem.
    """

    digest: str = ""
    pem: str = field(default="", compare=False, repr=False)
    secret: str = field(default="", compare=False, repr=False)
    ends: date | None = field(default=None, compare=False, repr=False)

    KIND: ClassVar[str] = "sys/file/ssl-cert"

    @property
    def chained(self) -> bool:
        """Whether others follow it in its file; not known of one that was read from the device."""
        return self.pem.count("-----BEGIN CERTIFICATE-----") > 1


@dataclass(frozen=True, slots=True)
class KeyFile(LtmObject):
    """A private key; `name` is that of its certificate.

    digest: SHA-256 of the certificate's PEM text that it belongs to, never of the key itself. pem: None when the object
    was read from the device.
    """

    digest: str = ""
    pem: SealedPem | None = field(default=None, compare=False, repr=False)

    KIND: ClassVar[str] = "sys/file/ssl-key"


@dataclass(frozen=True, slots=True)
class ClientSsl(LtmObject):
    """A client-SSL profile: the certificate that clients see.

    certificate, key: full paths. chain: full path of the certificate file with those that lead to an authority, which
    may be `certificate` itself; empty for none. server_name: the SNI name it answers to beside those in its
    certificate; may be empty. sni_default: it answers whoever names no server, or one that nobody has.
    """

    parent: str = "/Common/clientssl"
    certificate: str = ""
    key: str = ""
    chain: str = ""
    server_name: str = ""
    sni_default: bool = False

    KIND: ClassVar[str] = "ltm/profile/client-ssl"

    def references(self) -> frozenset[Path]:
        """Its certificate, its chain and its key."""
        certificates = {Path(CertificateFile.KIND, path) for path in (self.certificate, self.chain) if path}
        return frozenset({*certificates, Path(KeyFile.KIND, self.key)})


@dataclass(frozen=True, slots=True)
class ServerSsl(LtmObject):
    """A server-SSL profile: how members are talked to.

    ca: full path of a certificate file; empty: nobody is verified. server_name: what they are asked for; may be empty.
    """

    parent: str = "/Common/serverssl"
    ca: str = ""
    server_name: str = ""

    KIND: ClassVar[str] = "ltm/profile/server-ssl"

    def references(self) -> frozenset[Path]:
        """Its certificate authority."""
        return frozenset({Path(CertificateFile.KIND, self.ca)}) if self.ca else frozenset()


@dataclass(frozen=True, slots=True)
class ProfileBinding(LtmObject):
    """A profile of ours on a virtual server of ours that is somebody's own part of it.

    `name` is the virtual server's full path, ":" and the profile's; the mark is the profile's. What is not bound so is
    in VirtualServer.profiles, profiles of operators among it, or is VirtualServer.default_ssl. kind: the collection of
    the profile.
    """

    context: Context = "clientside"
    kind: str = ClientSsl.KIND

    KIND: ClassVar[str] = "ltm/virtual/profiles"

    @property
    def virtual(self) -> str:
        """The full path of the virtual server."""
        return self.name.partition(":")[0]

    @property
    def profile(self) -> str:
        """The full path of the profile."""
        return self.name.partition(":")[2]

    def whole(self) -> Path:
        """The virtual server."""
        return Path(VirtualServer.KIND, self.virtual)

    def references(self) -> frozenset[Path]:
        """The virtual server and the profile."""
        return frozenset({self.whole(), Path(self.kind, self.profile)})


def without_digest(certificate: str) -> str:
    """What the full paths of one Secret's certificates have in common, whenever it was renewed."""
    return certificate.rpartition("_")[0]


def default_profile(virtual: str) -> str:
    """The full path of the client-SSL profile that answers at a virtual server of ours to whoever names no server."""
    folder, _, name = virtual.rpartition("/")
    return f"{folder}/default_clientssl_{name}"
