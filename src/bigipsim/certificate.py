"""Decides what certificate the simulated management port shows: self-signed and made anew at each start."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

COMMON_NAME: Final = "localhost.localdomain"
VALID: Final = dt.timedelta(days=3650)


class Identity(NamedTuple):
    """A server's TLS context, its certificate as PEM, and the SHA-256 of that, in hex with colons."""

    context: ssl.SSLContext
    pem: bytes
    fingerprint: str


def self_signed() -> Identity:
    """A new key and certificate, as a device makes them at its first start; nothing is left on the disk."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + VALID)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="bigipsim-") as folder:
        path = Path(folder) / "device.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem + secret)
        context.load_cert_chain(path)
    return Identity(context, pem, certificate.fingerprint(hashes.SHA256()).hex(":").upper())
