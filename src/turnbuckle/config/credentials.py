"""Which user name and password are in force now: what was given, else what the files of a directory say.

The files are read again when they change, so a new password needs no restart. A file that cannot be read, or
is empty while it is being written, leaves the last good one in force.
"""

from __future__ import annotations

from pathlib import Path

from turnbuckle.config.settings import Config
from turnbuckle.drivers.base import Credentials

LARGEST_BYTES = 65_536

Stamp = tuple[int, int, int]


def read_credential(directory: Path, name: str) -> str:
    """The text of a file username, password or url in a directory, without blanks around it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no text, or far too long; the sentence says so.
    """
    with (directory / name).open("rb") as stream:
        raw = stream.read(LARGEST_BYTES + 1)
    if len(raw) > LARGEST_BYTES:
        raise ValueError(f"has more than {LARGEST_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


class CredentialSource:
    """Answers the credentials in force; cheap to ask before each login."""

    def __init__(self, config: Config) -> None:
        self._username = config.bigip_username
        self._password = config.bigip_password
        self._directory = config.credentials_directory
        self._stamps: dict[str, Stamp] = {}
        self._read: dict[str, str] = {}

    def reconfigure(self, config: Config) -> None:
        """Takes over what a configuration file that was read again says."""
        self._username = config.bigip_username
        self._password = config.bigip_password

    def credentials(self) -> Credentials:
        """The user name and the password in force; either is empty when nobody says it."""
        username = self._username or self._from_file("username")
        password = self._password.reveal() or self._from_file("password")
        return Credentials(username, password)

    def _from_file(self, name: str) -> str:
        if self._directory is None:
            return ""
        try:
            # A mounted Secret is swapped by a symbolic link, which stat follows: the inode changes too.
            status = (self._directory / name).stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._stamps.get(name) != stamp:
                text = read_credential(self._directory, name)
                if text:
                    self._read[name] = text
                    self._stamps[name] = stamp
        except (OSError, ValueError):
            pass
        return self._read.get(name, "")
