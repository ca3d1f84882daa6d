"""iRules. A rule is read when it is saved; what is wrong with it, or what it names and is not there, refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bigipsim.dataplane.irule.compiler import compile_rule
from bigipsim.dataplane.irule.rule import Rule
from bigipsim.exchange import Refused
from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, ObjectType, Ref, Site, fields
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

MAX_BYTES: Final = 65535

FAMILIES: Final = {
    "pool": "ltm/pool",
    "value_list": "ltm/data-group",
    "snatpool": "ltm/snatpool",
    "virtual_server": "ltm/virtual",
}
"""Where the objects are that a rule can name, by the words of the refusal (assumed for the last two)."""


def _text(name: str, value: JSON, site: Site) -> JSON:
    if value is None:
        return ABSENT
    text = shapes.any_text(name, value, site).replace("\r\n", "\n").strip()
    if len(text.encode()) > MAX_BYTES:
        message = f"01020057:3: The string with more than {MAX_BYTES} characters cannot be stored in a message."
        raise errors.refusal(400, message, errors.DATABASE)
    return text or ABSENT


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    text = values.get("apiAnonymous")
    if text is None or "apiAnonymous" not in given:
        return
    rule = compile_rule(text)
    if rule.faults:
        told = (f"{site.full_path}:{one.line}: error: [{one.what}][{one.command}]" for one in rule.faults)
        raise _refusal(site, "\n".join(told))
    for one in rule.mentions:
        if _path(site, one.sort, one.name) is None:
            raise _refusal(
                site, f"Unable to find {one.sort} ({one.name}) referenced at line {one.line}: [{one.command}]"
            )


def _refusal(site: Site, what: str) -> Refused:
    return errors.refusal(400, f"01070151:3: Rule [{site.full_path}] error: {what}", errors.DATABASE)


def _path(site: Site, sort: str, name: str) -> Ref | None:
    paths = [name] if name.startswith("/") else [f"/{site.partition}/{name}", f"/Common/{name}"]
    refs = (Ref(FAMILIES[sort], path) for path in paths)
    return next((ref for ref in refs if site.tree.kind_of(*ref) is not None), None)


def _refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    text = values.get("apiAnonymous")
    rule: Rule | None = compile_rule(text) if isinstance(text, str) else None
    found = (_path(site, one.sort, one.name) for one in (rule.mentions if rule is not None else ()))
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
