"""Certificates for tests: an authority, what it signs, and how both come onto a device."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
FROM = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2044, 2, 3, 4, 5, 6, tzinfo=dt.UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Signed:
    """A certificate with its key, both as PEM."""

    certificate: bytes
    key: bytes
    secret: Key = field(repr=False)

    def locked(self, passphrase: str) -> bytes:
        """The key, encrypted."""
        return _written(self.secret, serialization.BestAvailableEncryption(passphrase.encode()))


def _written(key: Key, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One for all tests: making them takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


class Authority:
    """Signs certificates; `pem` is its own."""

    def __init__(self, common: str = "Test Root") -> None:
        self._name = name(common)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._signed(self._name, self._key, authority=True).public_bytes(PEM)

    def sign(self, common: str, *names: str, key: Key | None = None, until: dt.datetime = UNTIL) -> Signed:
        """A certificate for DNS names (or IP addresses) beside the common one."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        made = self._signed(name(common), key, names, until=until)
        return Signed(made.public_bytes(PEM), _written(key, serialization.NoEncryption()), key)

    def _signed(
        self,
        subject: x509.Name,
        key: Key,
        names: tuple[str, ...] = (),
        authority: bool = False,
        until: dt.datetime = UNTIL,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(4711)
            .not_valid_before(FROM)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        return builder.sign(self._key, hashes.SHA256())


def _general(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
