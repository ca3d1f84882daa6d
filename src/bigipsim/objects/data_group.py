"""Data groups: sorted tables that iRules and policies look things up in.

The records of an internal one are part of the configuration, those of an external one lie in a file.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, ObjectType, Site, fields
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

MAX_DATA = 65520
FAMILY: Final = "ltm/data-group"
FILE: Final = "sys/file/data-group"

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([{}])|([^\s{}"]+))')
_ESCAPED = re.compile(r"\\(.)")
_LINE = re.compile(r'\s*(?:(?:host|network)\s+)?(?P<key>"[^"]*"|\S.*?)\s*,?\s*')


@dataclass(frozen=True, slots=True)
class RecordEdit:
    """A change to single records, as tmsh writes it ("records add { k { data v } }"), in the place of a whole list."""

    verb: str
    records: Mapping[str, str | None]


def edit(text: str) -> RecordEdit | None:
    """Reads the option of a write; None for one that is about something else.

    Raises:
        Refused: it is about records, and not in the grammar.
    """
    found = _TOKEN.findall(text)
    tokens = [(mark or _ESCAPED.sub(r"\1", quoted) or word, bool(mark)) for quoted, mark, word in found]
    words = [token for token, _ in tokens]
    if not words or words[0] != "records":
        return None
    if len(words) < 4 or words[1] not in EDITS or words[2] != "{" or words[-1] != "}":
        raise errors.unexpected(words[1] if len(words) > 1 else "records")
    return RecordEdit(words[1], dict(_listed(tokens[3:-1])))


def _listed(tokens: list[tuple[str, bool]]) -> Iterator[tuple[str, str | None]]:
    """Keys, each perhaps with a group of its own behind it."""
    at = 0
    while at < len(tokens):
        key, mark = tokens[at]
        if mark:
            raise errors.unexpected(key)
        at += 1
        data: str | None = None
        if at < len(tokens) and tokens[at] == ("{", True):
            end = next((i for i in range(at, len(tokens)) if tokens[i] == ("}", True)), None)
            inner = [token for token, _ in tokens[at + 1 : end]]
            if end is None or (inner and (len(inner) != 2 or inner[0] != "data")):
                raise errors.unexpected(inner[0] if inner else key)
            data, at = (inner[1] if inner else ""), end + 1
        yield key, data


def _records(name: str, value: JSON, site: Site) -> JSON:
    if isinstance(value, RecordEdit):
        return _edited(value, site) or ABSENT
    if value in shapes.NOTHING:
        return ABSENT
    listed = value if isinstance(value, list) else [value]
    records = {}
    for entry in listed:
        record = {"name": entry} if isinstance(entry, str | int) else entry
        if not isinstance(record, dict) or record.get("name") in (None, ""):
            raise errors.identifier_needed()
        strange = record.keys() - {"name", "data"}
        if strange:
            raise errors.unknown_property(min(strange))
        records[str(record["name"])] = _data(record.get("data"))
    return [{"name": key, "data": data} for key, data in records.items()]


def _data(value: JSON) -> str:
    data = "" if value is None else str(value)
    if len(data.encode()) > MAX_DATA:
        message = (
            "01070712:3: Max string size exceeded during update of attribute:data type:class_value_item "
            f"max:{MAX_DATA} received:{len(data.encode())}"
        )
        raise errors.refusal(400, message, errors.DATABASE)
    return data


def _edited(change: RecordEdit, site: Site) -> list[dict[str, str]]:
    """The records after a change to some of them.

    Raises:
        Refused: one that is added is there, or one that is changed or deleted is not.
    """
    before: Mapping[str, Any] = site.before.values if site.before is not None else {}
    found = {one["name"]: one["data"] for one in before.get("records", ())}
    if change.verb == "replace-all-with":
        found = {}
    sort = str(before.get("type", "string"))
    for written, data in change.records.items():
        key = KEYS[sort][0](written)
        item = f"class {sort} item"
        if change.verb == "add" and key in found:
            raise errors.already_exists(item, f"{site.full_path} {key}", site.partition)
        if change.verb in ("modify", "delete") and key not in found:
            raise errors.not_found(item, f"{site.full_path} {key}")
        if change.verb == "delete":
            del found[key]
        else:
            found[key] = _data(data)
    return [{"name": key, "data": data} for key, data in found.items()]


EDITS: Final = ("add", "modify", "delete", "replace-all-with")


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "type" not in values:
        raise errors.identifier_needed()
    if "records" in given and "records" in values:
        records = {one["name"]: one["data"] for one in values["records"]}
        values["records"] = [{"name": key, "data": data} for key, data in _sorted(values["type"], records).items()]


def _sorted(sort: str, records: Mapping[str, str]) -> dict[str, str]:
    """Records with their keys as the device writes them, in its order."""
    written, order = KEYS[sort]
    normal = {written(key): data for key, data in records.items()}
    return {key: normal[key] for key in sorted(normal, key=order)}


def _network(text: str) -> str:
    host, slash, bits = text.partition("/")
    address, percent, domain = host.partition("%")
    try:
        parsed = ipaddress.ip_network(f"{address}/{bits}" if slash else address, strict=False)
    except ValueError:
        raise errors.invalid_address(text) from None
    return f"{parsed.network_address}{percent}{domain}/{parsed.prefixlen}"


def _network_key(text: str) -> tuple[int, int, str]:
    host, _, bits = text.partition("/")
    address, _, domain = host.partition("%")
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed), domain + bits


def _number(text: str) -> str:
    if not text.lstrip("-").isdecimal():
        raise errors.invalid_value("name", text)
    return str(int(text))


KEYS: Mapping[str, tuple[Callable[[str], str], Callable[[str], Any]]] = {
    "string": (str, str),
    "ip": (_network, _network_key),
    "integer": (_number, int),
}
"""By type: how keys are written, and in which order they come."""


def records(tree: Tree, path: str) -> Mapping[str, str] | None:
    """The table of a data group of either sort: keys as the device writes them, and values; None for no such group."""
    item = tree.find(FAMILY, path)
    if item is None:
        return None
    if item.type is INTERNAL:
        return {one["name"]: one["data"] for one in item.values.get("records", ())}
    file = tree.get(FILE, str(item.values.get("externalFileName")))
    content = tree.files.content(str(file.values.get("checksum"))) if file is not None else None
    if file is None or content is None:
        return {}
    separator = str(file.values.get("separator", ":="))
    return in_file(content, str(file.values.get("type", "string")), separator)


def in_file(content: bytes, sort: str, separator: str = ":=") -> dict[str, str]:
    """The records in a file: one a line, key and value in quotes or not, a comma behind it.

    Raises:
        Refused: a key is not of its type.
    """
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        before, _, after = line.partition(separator)
        key = _LINE.fullmatch(before)
        value = _LINE.fullmatch(after)
        if key is not None:
            found[key["key"].strip('"')] = value["key"].strip('"') if value is not None else ""
    return _sorted(sort, found)


INTERNAL = ObjectType(
    collection="ltm/data-group/internal",
    family=FAMILY,
    word="value list",
    fields=fields(
        Field("type", shapes.one_of(*KEYS), access="create-or-same"),
        Field("records", _records),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
    settle=_settle,
)


def _settle_external(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    """Takes the type of the file, which is the one that counts."""
    file = site.tree.get(FILE, str(values.get("externalFileName")))
    if file is None:
        raise errors.identifier_needed()
    values["type"] = file.values.get("type", values.get("type", "string"))


EXTERNAL = ObjectType(
    collection="ltm/data-group/external",
    family=FAMILY,
    word="value list",
    fields=fields(
        Field("type", shapes.one_of(*KEYS), access="create-or-same"),
        shapes.pointer("externalFileName", FILE, "data group file"),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
    settle=_settle_external,
)

TYPES = (INTERNAL, EXTERNAL)
