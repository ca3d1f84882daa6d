"""The ledger of each partition: read ahead of the files it speaks of, written in the transaction that changes them.

It is nobody's configuration: no state holds it, no plan shows it. With the last row it goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.commands import Command, Step
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.objects.ssl_file import row_for
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import Row, name_of, parse, path_in
from turnbuckle.model.ltm import DataGroup, LtmObject
from turnbuckle.model.plan import Verb
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, KeyFile

FILES = frozenset({CertificateFile.KIND, KeyFile.KIND})
"""Collections whose marks are in the ledger."""


def rows(raw: Wire) -> dict[str, Row]:
    """What a ledger says, by the names of its records."""
    return parse(_records(raw))


def keys_of_replaced(found: Mapping[Path, LtmObject], known: Mapping[Path, LtmObject]) -> dict[Path, LtmObject]:
    """The keys whose certificate somebody replaced, so that nothing is known of their content either.

    found: what was read. known: what may be known beside it.
    """
    changed: dict[Path, LtmObject] = {}
    for name in {path.name for path in found if path.kind in FILES}:
        certificate, key = (_either(Path(kind, name), found, known) for kind in (CertificateFile.KIND, KeyFile.KIND))
        replaced = isinstance(certificate, CertificateFile) and certificate.mark is not None and not certificate.digest
        if replaced and isinstance(key, KeyFile) and key.digest:
            changed[key.path] = replace(key, digest="")
    return changed


def _either(path: Path, found: Mapping[Path, LtmObject], known: Mapping[Path, LtmObject]) -> LtmObject | None:
    return found.get(path) or known.get(path)


def _records(raw: Wire) -> dict[str, str]:
    return {str(one.get("name", "")): str(one.get("data") or "") for one in values.listed(raw.get("records"))}


async def commands(connection: Connection, partition: str, steps: Sequence[Step]) -> tuple[Command, ...]:
    """What a transaction with these steps ends with: the ledger as it is after them.

    Raises:
        DriverError: it could not be read.
    """
    changes = {name_of(step.operation.path): _text(step) for step in steps if step.operation.path.kind in FILES}
    if not changes:
        return ()
    place = path_in(partition).name
    standing = await _standing(connection, place)
    after = {name: text for name, text in (standing or {}).items() if name.lower() not in changes}
    after |= {name: text for name, text in changes.items() if text}
    records = {"records": [{"name": name, "data": text} for name, text in sorted(after.items())]}
    if standing is None:
        body = {**uri.naming(place), "type": "string", **records}
        return (Command("POST", uri.collection(DataGroup.KIND), place, body),) if after else ()
    if not after:
        return (Command("DELETE", uri.of(DataGroup.KIND, place), place),)
    return (Command("PATCH", uri.of(DataGroup.KIND, place), place, records),)


async def _standing(connection: Connection, place: str) -> dict[str, str] | None:
    """The records of a ledger, whatever they say; None when there is none."""
    answer = await connection.patiently("GET", uri.one(DataGroup.KIND, place, "name,records"))
    if answer.sense is Sense.GONE:
        return None
    found = answer.required(f"show data group {place}").value
    return _records(found if isinstance(found, dict) else {})


def _text(step: Step) -> str:
    """What the row of a file will say; empty when there is to be none."""
    operation = step.operation
    if operation.verb is Verb.DELETE or operation.after is None:
        return ""
    row = row_for(operation.after)
    return str(row) if row is not None else ""
