"""Certificates and keys: files made from what was uploaded before. Their marks and digests are rows of the ledger.

What is in a file is never read back, and of a key not even its checksum is kept. A certificate with another checksum
than ours had was replaced by somebody: its digest is read as empty.
"""

from __future__ import annotations

import hashlib

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import Body, Change, Codec, Field, Scene, in_ledger
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import Row
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, KeyFile

DOWNLOADS = "/var/config/rest/downloads"
"""Where the device puts what is uploaded. Source: iControl REST, file-transfer uploads."""

_ENDINGS = {CertificateFile.KIND: "crt", KeyFile.KIND: "key"}

File = CertificateFile | KeyFile


def upload_name(file: LtmObject) -> str:
    """What a file is called while it lies there: letters and digits, and not what another object's file is called."""
    assert isinstance(file, File)
    seed = hashlib.sha256(f"{file.name} {file.digest}".encode()).hexdigest()
    return f"turnbuckle-{seed[:32]}.{_ENDINGS[file.KIND]}"


def source_path(file: LtmObject) -> str:
    """Where the device finds the content that a file is to have."""
    return f"file:{DOWNLOADS}/{upload_name(file)}"


def content_of(file: LtmObject) -> bytes:
    """What is to be uploaded; empty when it is not at hand."""
    match file:
        case CertificateFile():
            return file.pem.encode()
        case KeyFile() if file.pem is not None:
            return file.pem.reveal().encode()
        case _:
            return b""


def row_for(file: LtmObject) -> Row | None:
    """What the ledger says of a file that has the content at hand; None for what has no row."""
    if not isinstance(file, File) or file.mark is None:
        return None
    public = content_of(file) if isinstance(file, CertificateFile) else b""
    checksum = f"SHA1:{len(public)}:{hashlib.sha1(public, usedforsecurity=False).hexdigest()}" if public else ""
    return Row(file.mark, file.digest, checksum)


def _codec(type_: type[CertificateFile] | type[KeyFile]) -> Codec:
    def digest(raw: Wire, scene: Scene) -> str:
        row = scene.row_of(Path(type_.KIND, values.full_path(raw)))
        return row.digest if row is not None and row.checksum in ("", str(raw.get("checksum"))) else ""

    def write(file: File, _: Change) -> Body:
        return {"sourcePath": source_path(file)}

    return Codec(
        kind=type_.KIND,
        type=type_,
        fields=(in_ledger(type_.KIND), Field("digest", ("checksum",), digest, write)),
    )


CERTIFICATE = _codec(CertificateFile)
KEY = _codec(KeyFile)
