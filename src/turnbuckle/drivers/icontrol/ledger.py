"""The ledger of each partition: read ahead of what it speaks of, written in the transaction that changes that.

It is nobody's configuration: no state holds it, no plan shows it. With the last row it goes.

Single rows are written by tmsh's words in the URI, so that one certificate among thousands costs one certificate: the
body of a PATCH replaces all records of a data group at once. A device that does not take these words is sent all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from turnbuckle.drivers.base import TransactionLost
from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.commands import Command, Step
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.objects import irule, ssl_file
from turnbuckle.drivers.icontrol.transaction import Refusal
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.drivers.tmsh_words import listed, quoted
from turnbuckle.model.ledger import Row, name_of, parse, path_in
from turnbuckle.model.ltm import DataGroup, IRule, LtmObject
from turnbuckle.model.plan import Verb
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, KeyFile

FILES = frozenset({CertificateFile.KIND, KeyFile.KIND})

KINDS = FILES | {IRule.KIND}
"""Collections whose marks are in the ledger."""

Names = Mapping[str, str]
"""What rows are called: in lower case -> as the device writes it."""

_LONGEST = 4000
"""Characters of rows in one URI: web servers take lines of 8190, and encoding makes text half as long again."""


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


class Ledgers:
    """Writes the ledgers of one device. What their rows are called is remembered from one transaction to the next."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: dict[str, Names] = {}
        self._next: Names = {}
        self._remembered, self._rows_alone, self._takes_rows = False, False, True

    def forget(self) -> None:
        """Somebody else may have written."""
        self._names.clear()

    async def commands(self, partition: str, steps: Sequence[Step]) -> tuple[Command, ...]:
        """What a transaction with these steps ends with: the rows of what they write that has some.

        Raises:
            DriverError: the ledger could not be read.
        """
        changes = {name_of(step.operation.path): _text(step) for step in steps if step.operation.path.kind in KINDS}
        if not changes:
            return ()
        place, names = path_in(partition).name, self._names.pop(partition, {})
        standing: Mapping[str, str] | None = {}
        # A row that is added twice, or changed and is not there, the device refuses; the rest has to be known for sure.
        goes = {key for key, text in changes.items() if not text}
        self._remembered = self._takes_rows and goes <= names.keys() and bool(names.keys() - goes)
        if not self._remembered:
            standing = await _standing(self._connection, place)
            names = {name.lower(): name for name in standing or ()}
        self._next = _after(names, changes)
        self._rows_alone = self._takes_rows and bool(names and self._next)
        return tuple(_by_row(place, names, changes)) if self._rows_alone else _whole(place, standing, changes)

    def committed(self, partition: str) -> None:
        """Takes in that a transaction that ended with these commands was committed."""
        self._names[partition] = self._next

    def judge(self, partition: str, refusal: Refusal) -> None:
        """Tells a refusal that is about single rows from any other.

        Raises:
            TransactionLost: the rows are others than was thought, or the device does not take them one by one.
        """
        answer, place = refusal.answer, path_in(partition).name
        if self._rows_alone and (refusal.target == place or place in answer.words):
            self._takes_rows = self._remembered and answer.sense in (Sense.GONE, Sense.STALE)
            raise TransactionLost(answer.words)


async def _standing(connection: Connection, place: str) -> dict[str, str] | None:
    """The records of a ledger, whatever they say; None when there is none."""
    answer = await connection.patiently("GET", uri.one(DataGroup.KIND, place, "name,records"))
    if answer.sense is Sense.GONE:
        return None
    found = answer.required(f"show data group {place}").value
    return _records(found if isinstance(found, dict) else {})


def _after(names: Names, changes: Mapping[str, str]) -> Names:
    """What the rows are called after some changes; those that are to say nothing go."""
    kept = {key: name for key, name in names.items() if key not in changes}
    return kept | {key: names.get(key, key) for key, text in changes.items() if text}


def _by_row(place: str, names: Names, changes: Mapping[str, str]) -> Iterator[Command]:
    """The commands that change single rows."""
    verbs: dict[str, list[str]] = {"delete": [], "modify": [], "add": []}
    for key, text in sorted(changes.items()):
        row = quoted(names.get(key, key))
        if text:
            verbs["modify" if key in names else "add"].append(f"{row} {{ data {quoted(text)} }}")
        elif key in names:
            verbs["delete"].append(row)
    for verb, rows in verbs.items():
        for some in _portions(rows):
            query = quote(listed("records", verb, some), safe="/:")
            # The device wants a property beside the words; the name says nothing new.
            body = {"name": uri.split(place)[2]}
            yield Command("PATCH", f"{uri.of(DataGroup.KIND, place)}?options={query}", place, body)


def _portions(rows: Sequence[str]) -> Iterator[list[str]]:
    """Rows as many at a time as a URI may bear."""
    some: list[str] = []
    for row in rows:
        if some and sum(map(len, some)) + len(row) > _LONGEST:
            yield some
            some = []
        some.append(row)
    if some:
        yield some


def _whole(place: str, standing: Mapping[str, str] | None, changes: Mapping[str, str]) -> tuple[Command, ...]:
    """The command that writes all rows, or takes a ledger away that has none any more."""
    after = {name: text for name, text in (standing or {}).items() if name.lower() not in changes}
    after |= {name: text for name, text in changes.items() if text}
    records = {"records": [{"name": name, "data": text} for name, text in sorted(after.items())]}
    if standing is None:
        body = {**uri.naming(place), "type": "string", **records}
        return (Command("POST", uri.collection(DataGroup.KIND), place, body),) if after else ()
    if not after:
        return (Command("DELETE", uri.of(DataGroup.KIND, place), place),)
    return (Command("PATCH", uri.of(DataGroup.KIND, place), place, records),)


def _text(step: Step) -> str:
    """What the row of an object will say; empty when there is to be none."""
    operation = step.operation
    if operation.verb is Verb.DELETE or operation.after is None:
        return ""
    row = ssl_file.row_for(operation.after) or irule.row_for(operation.after)
    return str(row) if row is not None else ""
