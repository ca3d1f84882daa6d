"""Where contents lie that no object shows: uploads that wait to be used, certificates and keys, and sealed secrets.

Objects hold the checksum of a content, or a secret in its sealed form; both lead back to the real thing only here. So a
reply or a dump, which are made of objects, cannot hold a private key or a passphrase.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

FOLDER: Final = "/var/config/rest/downloads"
"""Where a device puts what was uploaded."""

SEAL: Final = "$M$"


def checksum(content: bytes) -> str:
    """How a device marks a content: "SHA1:<bytes>:<digest in hex>"."""
    return f"SHA1:{len(content)}:{hashlib.sha1(content).hexdigest()}"


def sealed(secret: str) -> str:
    """A secret as a device shows it: of no use to anyone who reads it."""
    return SEAL + base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()


@dataclass(slots=True)
class Upload:
    """A file that comes in chunks: the size that it is to have, and what is there of it."""

    total: int
    content: bytearray = field(default_factory=bytearray, repr=False)
    chunks: dict[int, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many bytes are still to come."""
        return self.total - len(self.content)

    def add(self, chunk: bytes) -> None:
        """Takes the next chunk."""
        self.chunks[len(self.content)] = len(chunk)
        self.content += chunk


class Filestore:
    """The contents of one device. Staged copies of its configuration share it: what is in it is in force only through
    the objects that name it."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self._open: dict[str, bytes] = {}
        self._private: dict[str, bytes] = {}
        self._secrets: dict[str, str] = {}

    def uploaded(self, name: str) -> bytes | None:
        """The content of an upload, once all of it is there."""
        upload = self.uploads.get(name)
        return bytes(upload.content) if upload is not None and not upload.missing else None

    def keep(self, content: bytes, private: bool = False) -> str:
        """Keeps a content for the objects that will name it; answers its checksum."""
        name = checksum(content)
        (self._private if private else self._open)[name] = content
        return name

    def content(self, name: str) -> bytes | None:
        """The content of a checksum; None for one that was never here, as after loading a dump with a key."""
        return self._private.get(name, self._open.get(name))

    def seal(self, secret: str) -> str:
        """Keeps a secret; answers what an object may hold of it. What is sealed already stays as it is."""
        if secret.startswith(SEAL):
            return secret
        name = sealed(secret)
        self._secrets[name] = secret
        return name

    def unseal(self, name: str) -> str | None:
        """The secret behind a sealed text, None if it was never here."""
        return self._secrets.get(name)

    def dump(self, used: Container[str]) -> dict[str, str]:
        """Those of the contents `used` that anybody may read, in Base64 by checksum."""
        return _as_text(self._open, used)

    def dump_private(self, used: Container[str]) -> dict[str, dict[str, str]]:
        """The others of them, and what is sealed; for files that nobody else can read."""
        return {"keys": _as_text(self._private, used), "secrets": dict(self._secrets)}

    def load(self, files: Mapping[str, str], private: Mapping[str, Mapping[str, str]]) -> None:
        """Takes what `dump` and `dump_private` gave, beside what is here.

        Raises:
            ValueError: it is damaged.
        """
        for name, text in files.items():
            self._open[name] = base64.b64decode(text, validate=True)
        for name, text in private.get("keys", {}).items():
            self._private[name] = base64.b64decode(text, validate=True)
        self._secrets.update(private.get("secrets", {}))


def _as_text(contents: Mapping[str, bytes], used: Container[str]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in contents.items() if name in used}
