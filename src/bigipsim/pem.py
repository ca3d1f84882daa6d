"""Decides what a PEM text holds, what the device tells of it, and whether a key belongs to a certificate.

Facts are those that a device shows of `sys file ssl-cert` and `ssl-key`; names are written with the most specific part
first, as there. Nothing here keeps a private key.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import NameOID

CURVES: Final = {"secp256r1": "prime256v1"}
"""What the device calls curves otherwise than their standard does."""

EMAIL: Final = {NameOID.EMAIL_ADDRESS: "emailAddress"}


class NotPem(ValueError):
    """The text holds nothing of the sort that was looked for."""


class Locked(NotPem):
    """The key is encrypted, and the passphrase does not open it."""


@functools.lru_cache(maxsize=4096)
def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM text, in order.

    Raises:
        NotPem: there is none, or one is damaged.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise NotPem("there is no certificate in it, or a damaged one") from error


def private_key(content: bytes, passphrase: str | None) -> PrivateKeyTypes:
    """The private key in a PEM text; a passphrase for a key that is not encrypted counts for nothing.

    Raises:
        Locked: it is encrypted, and the passphrase is missing or wrong.
        NotPem: there is no key, or a damaged one.
    """
    password = passphrase.encode() if passphrase and encrypted(content) else None
    try:
        return serialization.load_pem_private_key(content, password, unsafe_skip_rsa_key_validation=True)
    except TypeError as error:
        raise Locked("the key is encrypted, and no passphrase was given") from error
    except ValueError as error:
        if encrypted(content):
            raise Locked("the passphrase does not open the key") from error
        raise NotPem("there is no private key in it, or a damaged one") from error


def encrypted(content: bytes) -> bool:
    """Whether a PEM text says that its key is encrypted."""
    return b"ENCRYPTED" in content


def belong(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether a key is that of a certificate."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)


def certificate_facts(content: bytes) -> dict[str, Any]:
    """What a device tells of a certificate file; of a file with several certificates, what it tells of the first.

    Raises:
        NotPem: there is none.
    """
    found = certificates(content)
    first = found[0]
    sort, size, curve = _sort(first.public_key())
    until = first.not_valid_after_utc
    facts: dict[str, Any] = {
        "certificateKeyCurveName": curve,
        "certificateKeySize": size,
        "expirationDate": int(until.timestamp()),
        "expirationString": _openssl_date(until),
        "fingerprint": "SHA256/" + first.fingerprint(hashes.SHA256()).hex(":").upper(),
        "isBundle": "true" if len(found) > 1 else "false",
        "issuer": first.issuer.rfc4514_string(EMAIL),
        "keyType": f"{sort}-public",
        "serialNumber": str(first.serial_number),
        "subject": first.subject.rfc4514_string(EMAIL),
        "version": first.version.value + 1,
    }
    emails = first.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    if emails:
        facts["email"] = str(emails[0].value)
    names = ", ".join(_alternative_names(first))
    if names:
        facts["subjectAlternativeName"] = names
    return facts


def key_facts(content: bytes, passphrase: str | None) -> dict[str, Any]:
    """What a device tells of a key file; of one that is locked, no more than that it is.

    Raises:
        NotPem: there is no key, or the passphrase that was given does not open it.
    """
    locked = encrypted(content)
    facts = {"securityType": "password" if locked else "normal"}
    if locked and passphrase is None:
        return facts
    sort, size, curve = _sort(private_key(content, passphrase).public_key())
    return {**facts, "curveName": curve, "keySize": size, "keyType": f"{sort}-private"}


def host_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names that a certificate is for, in lower case: its alternative names, or else its common name."""
    names = _alternative(certificate)
    found = names.get_values_for_type(x509.DNSName) if names is not None else []
    if not found:
        found = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(name.lower() for name in found)


def key_sort(certificate: x509.Certificate) -> str:
    """ "rsa", "ec", "dsa", or another word for keys that a client-ssl profile can have only one of."""
    return _sort(certificate.public_key())[0]


def _sort(key: PublicKeyTypes) -> tuple[str, int, str]:
    """What sort of key it is, its size in bits, and its curve ("none" without one)."""
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa", key.key_size, "none"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ec", key.key_size, CURVES.get(key.curve.name, key.curve.name)
    if isinstance(key, dsa.DSAPublicKey):
        return "dsa", key.key_size, "none"
    return "unknown", 0, "none"


def _openssl_date(when: dt.datetime) -> str:
    return f"{when:%b} {when.day:2d} {when:%H:%M:%S %Y} GMT"


def _alternative(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _alternative_names(certificate: x509.Certificate) -> Iterator[str]:
    for name in _alternative(certificate) or ():
        if isinstance(name, x509.DNSName):
            yield f"DNS:{name.value}"
        elif isinstance(name, x509.IPAddress):
            yield f"IP Address:{name.value}"
        elif isinstance(name, x509.RFC822Name):
            yield f"email:{name.value}"
        elif isinstance(name, x509.UniformResourceIdentifier):
            yield f"URI:{name.value}"
