"""Policies: rules with conditions and actions, their drafts, and how a draft becomes what is in force.

A policy is "legacy" (made so; it is in force and can be changed at any time), a "draft" in a folder of that name (it
can be changed, and nothing can use it) or "published" (in force, and changed only by publishing another draft).
Releases before 12.1 know the first form only. Source: iControl REST, ltm policy. Assumed, as the sentences are not
documented: the words of the refusals in this module that carry the code 01070734, and that a folder of drafts goes
with the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bigipsim.objects import policy_grammar as grammar
from bigipsim.objects import shapes, writing
from bigipsim.objects.addresses import find_address
from bigipsim.objects.model import JSON, Field, Identity, Item, ObjectType, Site, fields
from bigipsim.objects.stamps import utc_text
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

DRAFTS: Final = "Drafts"
FAMILY: Final = "ltm/policy"


def _one_flag(values: Mapping[str, JSON], flags: Set[str]) -> str:
    """The one flag out of some that is set, "" when there is none.

    Raises:
        Refused: two of them are.
    """
    found = flags & values.keys()
    if len(found) > 1:
        raise errors.exclusive(*sorted(found)[:2])
    return next(iter(found), "")


def _settle_event(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if not _one_flag(values, grammar.EVENT_FLAGS):
        values["request"] = True


def _settle_condition(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    _settle_event(site, values, children, given)
    for usual, other in grammar.PAIRS:
        if values.get(other):
            values.pop(usual, None)
        else:
            values[usual] = True
    comparison = _one_flag(values, grammar.COMPARISONS)
    operand = _one_flag(values, grammar.OPERAND_FLAGS)
    if not operand:
        raise errors.identifier_needed()
    known = grammar.OPERANDS[operand]
    strange = (grammar.SELECTORS - known.selectors) & values.keys()
    if strange:
        raise errors.exclusive(min(strange), operand)
    selector = _one_flag(values, known.selectors)
    if "values" in values and "datagroup" in values:
        raise errors.exclusive("values", "datagroup")
    if known.named and "tmName" not in values:
        raise errors.identifier_needed()
    if selector == "pathSegment" and values["index"] == 0:
        raise errors.invalid_value("index", 0)
    if operand == "tcp" and selector == "address":
        _check_networks(values)
    if not comparison and ("values" in values or "datagroup" in values):
        values["matches" if selector == "address" else "equals"] = True


def _check_networks(values: Mapping[str, JSON]) -> None:
    for text in values.get("values") or ():
        if find_address(text.partition("/")[0]) is None:
            raise errors.invalid_address(text)


def _settle_action(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    _settle_event(site, values, children, given)
    target = _one_flag(values, grammar.TARGET_FLAGS)
    if not target:
        raise errors.identifier_needed()
    known = grammar.TARGETS[target]
    verbs = frozenset(known.verbs)
    strange = (grammar.VERBS - verbs) & values.keys()
    if strange:
        raise errors.exclusive(min(strange), target)
    if not _one_flag(values, verbs):
        values[known.verbs[0]] = True
    if target == "httpReply" and not values.get("location"):
        raise errors.identifier_needed()
    if target in ("httpHeader", "httpCookie", "httpSetCookie") and not values.get("tmName"):
        raise errors.identifier_needed()


_CONDITION_FLAGS: Final = sorted(
    {*grammar.EVENTS, *grammar.OPERANDS, *grammar.SELECTORS, *grammar.COMPARISONS, *grammar.MODIFIERS}
    | {flag for pair in grammar.PAIRS for flag in pair}
)

CONDITION = ObjectType(
    collection="ltm/policy/rules/conditions",
    word="policy rule condition",
    fresh=True,
    fields=fields(
        *(Field(name, shapes.flag) for name in _CONDITION_FLAGS),
        Field("index", shapes.integer(), 0),
        Field("tmName", shapes.text),
        Field("values", shapes.texts),
        shapes.pointer("datagroup", "ltm/data-group", "value list"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_condition,
)


def _word_or_flag(name: str, value: JSON, site: Site) -> JSON:
    """What is a flag for one target and a word for another: "path", "host", "scheme"."""
    return shapes.flag(name, value, site) if isinstance(value, bool) else shapes.text(name, value, site)


ACTION = ObjectType(
    collection="ltm/policy/rules/actions",
    word="policy rule action",
    fresh=True,
    fields=fields(
        *(Field(name, shapes.flag) for name in (*grammar.EVENTS, *grammar.TARGETS, *sorted(grammar.VERBS))),
        *(Field(name, _word_or_flag) for name in grammar.ARGUMENTS),
        *(Field(name, shapes.integer(), 0) for name in grammar.NUMBERS),
        shapes.pointer("pool", "ltm/pool", "Pool"),
        shapes.pointer("virtual", "ltm/virtual", "Virtual Server"),
        shapes.pointer("clonePool", "ltm/pool", "Pool"),
        shapes.pointer("snatpool", "ltm/snatpool", "SNAT Pool"),
        shapes.APP_SERVICE,
    ),
    settle=_settle_action,
)

RULE = ObjectType(
    collection="ltm/policy/rules",
    word="policy rule",
    fresh=True,
    fields=fields(Field("ordinal", shapes.integer(), 0), shapes.DESCRIPTION, shapes.APP_SERVICE),
    children={"actions": ACTION, "conditions": CONDITION},
)


def _policy_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    called = writing.identity(tree, body, parent)
    folder = called.full_path.rpartition("/")[0]
    if _is_draft(called.subpath) and tree.get("auth/partition", called.partition) is not None:
        _ensure_folder(tree, folder)
    return called


def _is_draft(subpath: str) -> bool:
    return subpath.rpartition("/")[2] == DRAFTS


def _ensure_folder(tree: Tree, folder: str) -> None:
    outer = folder.rpartition("/")[0]
    if tree.get("sys/folder", folder) is None and tree.get("sys/folder", outer) is not None:
        tree.make("sys/folder", {"name": folder})


def _settle_policy(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    legacy, redraft = values.pop("legacy", False), values.pop("createDraft", False)
    before = site.before
    if before is None:
        values["status"] = _first_status(site, legacy)
    elif legacy and before.values.get("status") != "legacy":
        raise errors.create_only("legacy")
    elif before.values.get("status") == "published" and not _unchanged(before, values, children):
        raise errors.configuration(
            f"Policy ({site.full_path}) is published and cannot be modified: create a draft of it, and publish that."
        )
    needs, controls = _asked_of_the_virtual_server(children)
    if values.get("status") == "legacy":
        _check_declared(site, values, needs, given)
    else:
        _declare(values, needs, controls)
    values["lastModified"] = utc_text(site.tree.clock)
    if before is not None and _unchanged(before, values, children):
        values["lastModified"] = before.values.get("lastModified", values["lastModified"])
    if before is not None and redraft:
        _copy_to_draft(site.tree, before)


def _first_status(site: Site, legacy: bool) -> str:
    if _is_draft(site.subpath):
        if legacy:
            raise errors.exclusive("legacy", "subPath")
        return "draft"
    if legacy or site.tree.major <= 12:
        return "legacy"
    raise errors.configuration(
        f'Policy ({site.full_path}) must be created as a draft, with "subPath": "{DRAFTS}", and published, '
        'or with "legacy": true.'
    )


def _asked_of_the_virtual_server(children: Children) -> tuple[set[str], set[str]]:
    """What the rules need of a virtual server, and what they control there."""
    needs: set[str] = set()
    controls: set[str] = set()
    for rule in children["rules"].values():
        for condition in rule.children.get("conditions", {}).values():
            needs.update(grammar.OPERANDS[flag].needs for flag in grammar.OPERAND_FLAGS & condition.values.keys())
        for action in rule.children.get("actions", {}).values():
            for flag in grammar.TARGET_FLAGS & action.values.keys():
                needs.add(grammar.TARGETS[flag].needs)
                controls.add(grammar.TARGETS[flag].controls)
    return needs - {""}, controls - {""}


def _check_declared(site: Site, values: Mapping[str, JSON], needs: set[str], given: frozenset[str]) -> None:
    """A legacy policy says itself what it requires; of "http" the device is known to insist on it."""
    if "http" in needs - set(values.get("requires") or ()) and given & {"rules", "requires"}:
        raise errors.configuration(
            f"Policy ({site.full_path}) has conditions or actions that require http, "
            'and does not list it in "requires".'
        )


def _declare(values: dict[str, JSON], needs: set[str], controls: set[str]) -> None:
    for name, found in (("requires", needs), ("controls", controls)):
        if found:
            values[name] = sorted(found)
        else:
            values.pop(name, None)


def _unchanged(before: Item, values: dict[str, JSON], children: Children) -> bool:
    same_values = {**values, "lastModified": None} == {**before.values, "lastModified": None}
    return same_values and children == before.children


def _moved(tree: Tree, item: Item, subpath: str, changes: Mapping[str, JSON]) -> Item:
    """The same policy in another folder of its partition."""
    path = "/" + "/".join(filter(None, (item.partition, subpath, item.name)))
    values = {**item.values, **changes, "lastModified": utc_text(tree.clock)}
    values = {name: value for name, value in values.items() if value is not None}
    moved = replace(item, subpath=subpath, full_path=path, values=values, recorded=None)
    return replace(moved, generation=tree.next_generation())


def _copy_to_draft(tree: Tree, item: Item) -> Item:
    """Copies a published policy to where it can be changed; answers the draft.

    Raises:
        Refused: it is not published, or there is a draft of it already.
    """
    if item.values.get("status") != "published":
        raise errors.configuration(f"Policy ({item.full_path}) is not published: it can be modified as it is.")
    subpath = "/".join(filter(None, (item.subpath, DRAFTS)))
    draft = _moved(tree, item, subpath, {"status": "draft", "publishedCopy": item.full_path})
    if tree.get(FAMILY, draft.full_path) is not None:
        raise errors.already_exists("Policy", draft.full_path, draft.partition)
    _ensure_folder(tree, draft.folder)
    tree.put(FAMILY, draft.full_path, None, draft)
    return draft


def create_draft(tree: Tree, body: Mapping[str, JSON]) -> Item:
    """Copies the published policy that a command names to where it can be changed; answers the draft.

    Raises:
        Refused: there is no such policy, it is not published, or there is a draft of it already.
    """
    with tree.staged() as stage:
        return _copy_to_draft(stage, stage.need(FAMILY, writing.identity(tree, body).full_path))


def publish(tree: Tree, body: Mapping[str, JSON]) -> Item:
    """Puts a draft in force, in the place of the policy that was published before; answers the published one.

    Raises:
        Refused: there is no such draft, or a policy that was never a draft has its name.
    """
    name = writing.plain_name(body)
    called = writing.identity(tree, body)
    with tree.staged() as stage:
        draft = stage.need(FAMILY, called.full_path)
        if draft.values.get("status") != "draft":
            raise errors.configuration(f"Policy ({name}) is not a draft and cannot be published.")
        subpath = draft.subpath.removesuffix(DRAFTS).rstrip("/")
        after = _moved(stage, draft, subpath, {"status": "published", "publishedCopy": None})
        before = stage.get(FAMILY, after.full_path)
        if before is not None and before.values.get("status") != "published":
            raise errors.already_exists("Policy", after.full_path, after.partition)
        stage.put(FAMILY, after.full_path, before, after)
        stage.put(FAMILY, draft.full_path, draft, None)
        _after_write(stage, draft, None)
        return after


def _after_write(tree: Tree, before: Item | None, after: Item | None) -> None:
    """Takes a folder of drafts away with the last of them; that of /Common is there from the factory."""
    if after is None and before is not None and _is_draft(before.subpath) and before.partition != "Common":
        folder = tree.get("sys/folder", before.folder)
        if folder is not None and not tree.residents(before.folder):
            tree.put("sys/folder", before.folder, folder, None)


def check_in_force(tree: Tree, path: str, virtual: str) -> None:
    """Whether a virtual server may have a policy.

    Raises:
        Refused: it is a draft.
    """
    item = tree.get(FAMILY, path)
    if item is not None and item.values.get("status") == "draft":
        raise errors.configuration(f"Policy ({path}) is a draft and cannot be used by virtual server ({virtual}).")


def check_let_go(tree: Tree, stage: Tree) -> None:
    """Whether a transaction deletes a policy of which a virtual server lets go in the same transaction.

    Source: iControl REST, transactions: the reference has to be gone before.

    Raises:
        Refused: it does.
    """
    for change in stage.changes():
        if change.kind == FAMILY and change.after is None:
            for referrer in tree.referrers(FAMILY, change.path):
                if stage.get(referrer.kind, referrer.path) is not None:
                    raise errors.dangling_policy(change.path, referrer.path)


POLICY = ObjectType(
    collection=FAMILY,
    word="Policy",
    used_word="policy",
    user_word="policy rule",
    identify=_policy_identity,
    fields=fields(
        Field("controls", shapes.texts),
        Field("createDraft", shapes.flag),
        shapes.DESCRIPTION,
        Field("lastModified", shapes.any_text, access="server"),
        Field("legacy", shapes.flag),
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
    effects=_after_write,
    commands={"publish": publish, "createdraft": create_draft},
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
