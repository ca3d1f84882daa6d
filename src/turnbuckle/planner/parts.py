"""Objects that are parts of others: which go with their whole, and which have to travel together."""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, KeyFile


def whole_of(operation: Operation) -> Path | None:
    """The path of what an operation's object is a part of."""
    obj = operation.after or operation.before
    return obj.whole() if obj is not None else None


def gone_with(operations: Iterable[Operation]) -> dict[Path, Path]:
    """Deleted parts whose whole is deleted as well -> the whole, whose deletion is all that is needed."""
    gone = {operation.path: whole_of(operation) for operation in operations if operation.verb is Verb.DELETE}
    return {part: whole for part, whole in gone.items() if whole is not None and whole in gone}


def pairs(operations: Iterable[Operation]) -> dict[Path, Path]:
    """Certificates whose content changes -> the key that has to change with it."""
    paths = {operation.path for operation in operations if operation.verb is Verb.UPDATE}
    found = {path: Path(KeyFile.KIND, path.name) for path in paths if path.kind == CertificateFile.KIND}
    return {certificate: key for certificate, key in found.items() if key in paths}
