"""Policies in legacy form: rules with conditions and actions, stored as they are given. Drafts are not simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes, writing
from bigipsim.objects.model import JSON, Field, Identity, Item, ObjectType, Site, fields
from bigipsim.objects.stamps import utc_text
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

EVENTS = (
    "request", "response", "clientAccepted", "proxyConnect", "proxyRequest", "proxyResponse", "serverConnected",
    "sslClientHello", "sslServerHello", "sslServerHandshake", "sslClientServerhelloSend", "wsRequest", "wsResponse",
    "classificationDetected",
)  # fmt: skip

ZEROS = ("code", "expirySecs", "length", "offset", "port", "status", "timeout", "vlanId")
"""Properties that every action shows, whatever it does."""


def _settle_event(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if not any(values.get(event) for event in EVENTS):
        values["request"] = True
    for name in [name for name, value in values.items() if value is False]:
        del values[name]


def _settle_condition(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    _settle_event(site, values, children, given)
    if not values.get("internal"):
        values["external"] = True
    if not values.get("local"):
        values["remote"] = True
    if not values.get("missing"):
        values["present"] = True
    if not values.get("caseSensitive"):
        values["caseInsensitive"] = True


CONDITION = ObjectType(
    collection="ltm/policy/rules/conditions",
    word="policy rule condition",
    open=True,
    fresh=True,
    fields=fields(
        Field("index", shapes.integer(), 0),
        Field("values", shapes.texts),
        shapes.pointer("datagroup", "ltm/data-group", "value list"),
    ),
    settle=_settle_condition,
)

ACTION = ObjectType(
    collection="ltm/policy/rules/actions",
    word="policy rule action",
    open=True,
    fresh=True,
    fields=fields(
        *(Field(name, shapes.integer(), 0) for name in ZEROS),
        shapes.pointer("pool", "ltm/pool", "Pool"),
        shapes.pointer("virtual", "ltm/virtual", "Virtual Server"),
        shapes.pointer("clonePool", "ltm/pool", "Pool"),
        shapes.pointer("snatpool", "ltm/snatpool", "SNAT Pool"),
    ),
    settle=_settle_event,
)

RULE = ObjectType(
    collection="ltm/policy/rules",
    word="policy rule",
    fresh=True,
    fields=fields(Field("ordinal", shapes.integer(), 0), shapes.DESCRIPTION, shapes.APP_SERVICE),
    children={"actions": ACTION, "conditions": CONDITION},
)


DRAFTS = 'drafts of policies; create the policy with "legacy": true'


def _policy_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    called = writing.identity(tree, body, parent)
    if called.subpath.rpartition("/")[2] == "Drafts":
        raise errors.not_implemented(DRAFTS)
    return called


def _draft(name: str, value: JSON, site: Site) -> JSON:
    raise errors.not_implemented(DRAFTS)


def _legacy(name: str, value: JSON, site: Site) -> JSON:
    return shapes.flag(name, value, site)


def _settle_policy(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    legacy = values.pop("legacy", None)
    if site.before is None:
        if legacy is None and site.tree.major > 12:
            raise errors.not_implemented(DRAFTS)
        values["status"] = "legacy"
    values["lastModified"] = utc_text(site.tree.clock)
    if site.before is not None and _unchanged(site.before, values, children):
        values["lastModified"] = site.before.values.get("lastModified", values["lastModified"])


def _unchanged(before: Item, values: dict[str, JSON], children: Children) -> bool:
    same_values = {**values, "lastModified": None} == {**before.values, "lastModified": None}
    return same_values and children == before.children


POLICY = ObjectType(
    collection="ltm/policy",
    word="Policy",
    used_word="policy",
    user_word="policy rule",
    identify=_policy_identity,
    fields=fields(
        Field("controls", shapes.texts),
        Field("createDraft", _draft),
        shapes.DESCRIPTION,
        Field("lastModified", shapes.any_text, access="server"),
        Field("legacy", _legacy, access="create-or-same"),
        shapes.METADATA,
        Field("publishedCopy", shapes.any_text, access="server"),
        Field("references", shapes.opaque, {}, access="server"),
        Field("requires", shapes.texts),
        Field("status", shapes.any_text, access="server"),
        shapes.pointer("strategy", "ltm/policy-strategy", "policy strategy", "/Common/first-match"),
        shapes.APP_SERVICE,
    ),
    children={"rules": RULE},
    settle=_settle_policy,
)

STRATEGY = ObjectType(
    collection="ltm/policy-strategy",
    word="policy strategy",
    fields=fields(
        Field("strategy", shapes.one_of("all-match", "best-match", "first-match")),
        Field("operands", shapes.opaque),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
)

TYPES = (POLICY, STRATEGY)
