"""Which certificate of a device is accepted, and what is said when one is not."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def load(source: str) -> tuple[bytes, ...]:
    """The certificates (DER) of a PEM text, or of the file that the text names.

    Raises:
        ValueError: the file cannot be read, or holds no certificate.
    """
    text = source
    if _BEGIN not in source:
        try:
            text = Path(source).read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise ValueError(f"--trusted-certs {source} cannot be read: {error.strerror}.") from error
    blocks = [part.split(_END)[0] for part in text.split(_BEGIN)[1:]]
    if not blocks:
        raise ValueError(
            f"--trusted-certs {source} holds no certificate. Write a PEM file with {_BEGIN} … {_END} in it."
        )
    try:
        found = tuple(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}\n{block.strip()}\n{_END}\n") for block in blocks)
    except ValueError:
        found = (b"",)
    # An empty one would be taken for "no certificates given", and the system's authorities would be trusted.
    if not all(found):
        raise ValueError("--trusted-certs has a certificate that cannot be decoded. Export it again as PEM.")
    return found


def context(trusted: tuple[bytes, ...]) -> ssl.SSLContext:
    """Verification against the trusted certificates, or against the system's when there are none."""
    if not trusted:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=b"".join(trusted))
    except ssl.SSLError as error:
        raise ValueError(f"--trusted-certs has a certificate that cannot be used: {error.reason}.") from error


def digest(certificate: bytes) -> bytes:
    """SHA-256 of a certificate (DER)."""
    return hashlib.sha256(certificate).digest()


def fingerprint(certificate: bytes) -> str:
    """SHA-256 as people compare it: `AB:CD:…`."""
    return digest(certificate).hex(":").upper()


async def presented(url: str, timeout_s: float) -> bytes | None:
    """The certificate (DER) that a server shows, without any verification and without sending anything."""
    parts = urlsplit(url)
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=unverified)
    except (OSError, TimeoutError):
        return None
    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return shown


def refusal(url: str, shown: str, error: Exception) -> str:
    """The sentence that a person reads when a certificate does not verify."""
    reason = getattr(getattr(error, "certificate_error", None), "verify_message", "") or "it is not the one of before"
    known = f" Its SHA-256 fingerprint is {shown}." if shown else ""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return (
        f"The certificate of the BIG-IP at {url} does not verify: {reason}.{known} "
        "If that is your device, save its certificate "
        f"(openssl s_client -connect {host}:{parts.port or 443} </dev/null | openssl x509 > bigip.pem) "
        "and start with --trusted-certs bigip.pem, or accept any certificate with --insecure."
    )
