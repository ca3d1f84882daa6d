"""iRules. There is no Tcl engine; what is checked is that braces balance and that pools and data groups exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from bigipsim.exchange import Refused
from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, ObjectType, Ref, Site, fields
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

_POOL = re.compile(r"(?:^|[;{\[])\s*pool\s+(/?[A-Za-z][\w./-]*)(?=[\s;}\]]|$)")
_CLASS = re.compile(r"\[class\s+(?:match|search|lookup)\b[^\]$]*?\s(/?[A-Za-z][\w./-]*)\s*\]")
_SUBCOMMANDS = frozenset({"equals", "starts_with", "ends_with", "contains"})

FAMILIES = {"pool": "ltm/pool", "value_list": "ltm/data-group"}


def _text(name: str, value: JSON, site: Site) -> JSON:
    if value is None:
        return ABSENT
    return shapes.any_text(name, value, site).replace("\r\n", "\n").strip() or ABSENT


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("#"):
            yield number, line


def mentioned(text: str) -> Iterator[tuple[int, str, str]]:
    """Literal names in a rule: line, what it is ("pool" or "value_list") and the name as written."""
    for number, line in _lines(text):
        for match in _POOL.finditer(line):
            yield number, "pool", match[1]
        for match in _CLASS.finditer(line):
            if match[1] not in _SUBCOMMANDS:
                yield number, "value_list", match[1]


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    text = values.get("apiAnonymous")
    if text is None or "apiAnonymous" not in given:
        return
    _check_braces(site, text)
    for number, sort, name in mentioned(text):
        if _path(site, sort, name) is None:
            message = (
                f"01070151:3: Rule [{site.full_path}] error: Unable to find {sort} ({name}) referenced at line "
                f"{number}: [{text.splitlines()[number - 1].strip()}]"
            )
            raise errors.refusal(400, message, errors.DATABASE)


def _check_braces(site: Site, text: str) -> None:
    depth = 0
    escaped = False
    for number, line in _lines(text):
        for character in line:
            if not escaped:
                depth += (character == "{") - (character == "}")
            escaped = character == "\\" and not escaped
            if depth < 0:
                raise _parse_error(site, number, "extra characters after close-brace")
        escaped = False
    if depth:
        raise _parse_error(site, text.count("\n") + 1, "missing a close-brace")


def _parse_error(site: Site, line: int, what: str) -> Refused:
    message = f"01070151:3: Rule [{site.full_path}] error: {site.full_path}:{line}: error: [parse error: {what}][]"
    return errors.refusal(400, message, errors.DATABASE)


def _path(site: Site, sort: str, name: str) -> Ref | None:
    paths = [name] if name.startswith("/") else [f"/{site.partition}/{name}", f"/Common/{name}"]
    refs = (Ref(FAMILIES[sort], path) for path in paths)
    return next((ref for ref in refs if site.tree.kind_of(*ref) is not None), None)


def _refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    text = values.get("apiAnonymous")
    if not isinstance(text, str):
        return []
    found = (_path(site, sort, name) for _, sort, name in mentioned(text))
    return [ref for ref in found if ref is not None]


RULE = ObjectType(
    collection="ltm/rule",
    word="iRule",
    used_word="rule",
    user_word="rule",
    fields=fields(
        Field("apiAnonymous", _text),
        Field("apiRawValues", shapes.opaque, access="server"),
        Field("ignoreVerification", shapes.true_false),
        shapes.METADATA,
        shapes.APP_SERVICE,
    ),
    settle=_settle,
    refs=_refs,
)

TYPES = (RULE,)
