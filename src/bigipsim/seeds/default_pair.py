"""The certificate and key that every device has from the factory, `/Common/default.crt` and `default.key`.

A real device makes them at its first start. Here they are the same in every simulator, so that what one has dumped, or
given to its device group, works with the key of every other. That key is no more a secret than this file.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_EXPONENT: Final = 65537
_P: Final = int(
    "d42807b9c9f6574d6d8e2c839f0f4ec2fe9140b608e315ecfa72c91d2e32ed0682870f0abc37ee047e79990e741a4ee3085370dc"
    "4aaef056a951cac1e13e5e1489ea1dc24f81d1a466e815fb53a037f0b2ae9071ec538c6093e570c42cf595ebdab0146aeb0fd797"
    "daf6aca4f5fe652cb5abb8c7f9d67b7712d4cd2527d6a799",
    16,
)
_Q: Final = int(
    "b7edb14d2f72e4fb78859d8426521e26f3d7da63eee73d9691dd77e49e473585bae1b655e5cec6e0fa85c7303fdc91c9cc6ce096"
    "e04b625e5977bb9393f6479b5c1776b84866986ba150a81540c652dd4fb08b6641140dd9c2d463f0c3963dae22df393916c1f782"
    "fadae6b03caf5b467dea927833259d34f526fac288c18571",
    16,
)
_SERIAL: Final = 1021342101
_FROM: Final = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
_UNTIL: Final = dt.datetime(2040, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


class DefaultPair(NamedTuple):
    """Both as PEM."""

    certificate: bytes
    key: bytes


@functools.cache
def default_pair() -> DefaultPair:
    """The pair, put together once in a process."""
    key = _private_key()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "MyCompany"),
            x509.NameAttribute(NameOID.COMMON_NAME, "localhost.localdomain"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(_SERIAL)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return DefaultPair(certificate.public_bytes(serialization.Encoding.PEM), secret)


def _private_key() -> rsa.RSAPrivateKey:
    d = rsa.rsa_recover_private_exponent(_EXPONENT, _P, _Q)
    numbers = rsa.RSAPrivateNumbers(
        p=_P,
        q=_Q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, _P),
        dmq1=rsa.rsa_crt_dmq1(d, _Q),
        iqmp=rsa.rsa_crt_iqmp(_P, _Q),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, _P * _Q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)
