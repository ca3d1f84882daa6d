"""What a device had, as a file: enough to make a plan that brings it back.

The form is JSON for people and for later versions: a head that says what it is, and the objects as our model has them.
Of files it has what they are called and whose they are, never what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from turnbuckle.model import ltm, policy, tls
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.state import State

FORM = "turnbuckle restore file"
VERSION = 1

_TYPES: Mapping[str, type[LtmObject]] = {
    found.__name__: found
    for module in (ltm, policy, tls)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, LtmObject) and found is not LtmObject
}


class NotAnArchive(ValueError):
    """A file is no restore file, or one of a later version; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Archive:
    """device: its URL. taken_at: UTC, RFC 3339. reason: why it was taken. state: all objects, those of others too."""

    device: str
    controller_id: str
    taken_at: str
    reason: str
    state: State


def to_bytes(archive: Archive) -> bytes:
    """The file."""
    head = {
        "form": FORM,
        "version": VERSION,
        "device": archive.device,
        "controller_id": archive.controller_id,
        "taken_at": archive.taken_at,
        "reason": archive.reason,
    }
    objects = [
        {"type": type(archive.state[path]).__name__, "object": _shown(archive.state[path])}
        for path in sorted(archive.state)
    ]
    encoded = msgspec.json.encode({**head, "objects": objects}, order="sorted")
    return msgspec.json.format(encoded, indent=1)


def from_bytes(content: bytes) -> Archive:
    """The archive that a file holds.

    Raises:
        NotAnArchive: it holds none.
    """
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAnArchive(f"It is no restore file, for it is not JSON: {error}.") from error
    if not isinstance(found, dict) or found.get("form") != FORM:
        raise NotAnArchive(f'It is no restore file: one begins with "form": "{FORM}".')
    if found.get("version") != VERSION:
        raise NotAnArchive(
            f"It is a restore file of version {found.get('version')}, and this program reads version {VERSION}. "
            "Use the program that wrote it."
        )
    try:
        objects = [_object(raw) for raw in found["objects"]]
        device, controller_id, taken_at, reason = (
            str(found[name]) for name in ("device", "controller_id", "taken_at", "reason")
        )
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise NotAnArchive(f"The restore file is damaged: {error}.") from error
    return Archive(device, controller_id, taken_at, reason, State(objects))


def _shown(obj: LtmObject) -> dict[str, Any]:
    """The fields of an object, but for what it shows to nobody."""
    return {f.name: getattr(obj, f.name) for f in fields(obj) if f.repr}


def _object(raw: Mapping[str, Any]) -> LtmObject:
    return msgspec.convert(raw["object"], type=_TYPES[raw["type"]])
