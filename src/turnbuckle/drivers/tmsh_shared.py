"""What several owners share, as tmsh commands: policies and rules, TLS profiles and files, lists of virtual servers.

A file is made from one that lies on the device; where it is expected there is said in a comment. Its mark is a record
of the ledger (see model.ledger).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnbuckle.drivers.tmsh_words import description, listed, metadata, quoted
from turnbuckle.model.ledger import Row, name_of, path_in
from turnbuckle.model.ltm import IRule, LtmObject, ProfileUse, VirtualServer
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, ServerSsl

_CONTENTS = "/var/config/rest/downloads"
_ENDINGS = {CertificateFile.KIND: ("crt", "certificate"), KeyFile.KIND: ("key", "key")}
_VERBS = {Verb.CREATE: "add", Verb.UPDATE: "modify", Verb.DELETE: "delete"}

_OPERANDS = {
    "http-host": "http-host host",
    "path": "http-uri path",
    "path-segment": "http-uri path-segment",
    "client-address": "tcp address",
    "peer-address": "tcp address",
}
_ACTS = {
    "forward": "forward select pool",
    "forward-peer": "forward select pool",
    "redirect": "http-reply redirect location",
    "replace-host": "http-host replace value",
    "replace-uri": "http-uri replace value",
    "reset": "forward reset",
    "set-variable": "tcl set-variable expression",
}
_EVENTS = {"peer-address": "client-accepted", "forward-peer": "client-accepted"}
"""When a condition is looked at, and an action done, where that is not at the request."""

Pieces = Iterator[tuple[str, str]]
"""Field of the model -> the words that set it."""


def ahead(operations: Iterable[Operation]) -> Iterator[str]:
    """What a person has to do, and what has to be made if it is not there, before the transaction."""
    todo = list(operations)
    made = [op for op in todo if op.verb is Verb.CREATE and op.path.name.count("/") > 2 and ":" not in op.path.name]
    folders = {op.path.name.rpartition("/")[0] for op in made if not op.path.kind.startswith("sys/application")}
    there = {op.path.name.rpartition("/")[0] for op in todo if op.before is not None}
    yield from (f"create sys folder {quoted(folder)}" for folder in sorted(folders - there))
    contents = [op for op in todo if _is_filled(op)]
    rows = [*contents, *(op for op in todo if op.path.kind == IRule.KIND)]
    for partition in sorted({op.path.partition for op in rows if op.verb is Verb.CREATE}):
        yield f"create ltm data-group internal {quoted(path_in(partition).name)} {{ type string }}"
    for op in contents:
        yield f"# Put the {_ENDINGS[op.path.kind][1]} of {op.path.name} into {_content(op)}"


def _is_filled(operation: Operation) -> bool:
    return operation.path.kind in _ENDINGS and (operation.verb is Verb.CREATE or "digest" in operation.fields)


def _content(operation: Operation) -> str:
    return f"{_CONTENTS}/{operation.path.leaf}.{_ENDINGS[operation.path.kind][0]}"


def file(operation: Operation) -> Iterator[str]:
    """The commands for a certificate or a key, and for its record in the ledger."""
    path, after = operation.path, operation.after
    component = f"{path.kind.replace('/', ' ')} {quoted(path.name)}"
    if after is None:
        yield f"delete {component}"
    elif _is_filled(operation):
        verb = "create" if operation.verb is Verb.CREATE else "modify"
        yield f"{verb} {component} {{ source-path file:{_content(operation)} }}"
    row = Row(after.mark, after.digest) if isinstance(after, CertificateFile | KeyFile) and after.mark else None
    yield _record(operation, row)


def irule(operation: Operation) -> Iterator[str]:
    """The commands for an iRule, and for its record in the ledger."""
    path, after = operation.path, operation.after
    if not isinstance(after, IRule):
        yield f"delete ltm rule {quoted(path.name)}"
    elif operation.verb is Verb.CREATE or "text" in operation.fields:
        verb = "create" if operation.verb is Verb.CREATE else "modify"
        yield f"{verb} ltm rule {quoted(path.name)} {{\n{after.text}\n}}"
    row = Row(after.mark, after.digest) if isinstance(after, IRule) and after.mark else None
    yield _record(operation, row)


def _record(operation: Operation, row: Row | None) -> str:
    """The command for a record in the ledger; it goes where there is no row."""
    path = operation.path
    name = quoted(name_of(path))
    record = f"{name} {{ data {quoted(str(row))} }}" if row is not None else name
    ledger = quoted(path_in(path.partition).name)
    return f"modify ltm data-group internal {ledger} {{ {listed('records', _VERBS[operation.verb], [record])} }}"


def policy(policy: Policy, before: LtmObject | None) -> Pieces:
    """The words for a policy without its rules."""
    if before is None:
        yield "", "legacy"
    yield "strategy", f"strategy {quoted(policy.strategy)}"
    yield "requires", _whole("requires", before is None, sorted(policy.requires))
    yield "controls", _whole("controls", before is None, sorted(policy.controls))
    yield "metadata", metadata(policy.mark, before)


def part(operation: Operation) -> Iterator[str]:
    """The command for a rule of a policy, or for a profile on a virtual server."""
    obj = operation.after or operation.before
    verb = _VERBS[operation.verb]
    match obj:
        case PolicyRule():
            item = quoted(obj.rule) if verb == "delete" else f"{quoted(obj.rule)} {{ {_rule(obj, operation)} }}"
            yield f"modify ltm policy {quoted(obj.policy)} {{ {listed('rules', verb, [item])} }}"
        case ProfileBinding() if operation.verb is not Verb.UPDATE or "context" in operation.fields:
            item = quoted(obj.profile) if verb == "delete" else f"{quoted(obj.profile)} {{ context {obj.context} }}"
            yield f"modify ltm virtual {quoted(obj.virtual)} {{ {listed('profiles', verb, [item])} }}"


def _rule(rule: PolicyRule, operation: Operation) -> str:
    creates = operation.verb is Verb.CREATE
    conditions = (f"{number} {{ {_condition(one)} }}" for number, one in enumerate(rule.conditions))
    actions = (f"{number} {{ {_action(one)} }}" for number, one in enumerate(rule.actions))
    pieces = {
        "ordinal": f"ordinal {rule.ordinal}",
        "conditions": _whole("conditions", creates, conditions),
        "actions": _whole("actions", creates, actions),
        "metadata": description(rule.mark),
    }
    wanted = operation.fields or pieces.keys()
    return " ".join(words for name, words in pieces.items() if name in wanted and words)


def _whole(name: str, creates: bool, items: Iterable[str]) -> str:
    """The words that set a list as a whole."""
    if creates:
        return listed(name, "add", items)
    return listed(name, "replace-all-with", items) or f"{name} none"


def _condition(one: Condition) -> str:
    words = [_OPERANDS[one.operand], *([f"index {one.index}"] if one.index else [])]
    words += ["not"] * one.negated + ["case-sensitive"] * one.case_sensitive
    words += [one.match, _EVENTS.get(one.operand, "request"), "values"]
    return f"{' '.join(words)} {{ {' '.join(map(quoted, one.values))} }}"


def _action(one: Action) -> str:
    words = [_ACTS[one.act], *([quoted(one.value)] if one.value else []), *([f"code {one.code}"] if one.code else [])]
    words += [f"name {one.variable}"] if one.variable else []
    return f"{' '.join(words)} {_EVENTS.get(one.act, 'request')}"


def client_ssl(profile: ClientSsl, before: LtmObject | None) -> Pieces:
    """The words for a client-SSL profile."""
    pair = " ".join(
        f"{word} {quoted(path) if path else 'none'}"
        for word, path in (("cert", profile.certificate), ("key", profile.key), ("chain", profile.chain))
    )
    chain = f"cert-key-chain replace-all-with {{ certificate {{ {pair} }} }}"
    yield "parent", f"defaults-from {quoted(profile.parent)}"
    yield from ((name, chain) for name in ("certificate", "key", "chain"))
    yield from _server_name(profile.server_name, before)
    yield "sni_default", f"sni-default {str(profile.sni_default).lower()}"
    yield "metadata", description(profile.mark)


def server_ssl(profile: ServerSsl, before: LtmObject | None) -> Pieces:
    """The words for a server-SSL profile."""
    yield "parent", f"defaults-from {quoted(profile.parent)}"
    if profile.ca or before is not None:
        mode = "require" if profile.ca else "ignore"
        yield "ca", f"ca-file {quoted(profile.ca) if profile.ca else 'none'} peer-cert-mode {mode}"
    yield from _server_name(profile.server_name, before)
    yield "metadata", description(profile.mark)


def _server_name(name: str, before: LtmObject | None) -> Pieces:
    if name or before is not None:
        yield "server_name", f"server-name {quoted(name) if name else 'none'}"


def uses(virtual: VirtualServer) -> list[str]:
    """The profiles of a virtual server that are no parts of it with owners of their own."""
    return [_use(use) for use in _uses(virtual)]


def _uses(virtual: VirtualServer) -> list[ProfileUse]:
    own = [ProfileUse(virtual.default_ssl, "clientside")] if virtual.default_ssl else []
    return [*sorted(virtual.profiles), *own]


def _use(use: ProfileUse) -> str:
    return f"{quoted(use.name)} {{ context {use.context} }}"


def lists(operation: Operation) -> Iterator[str]:
    """The commands that change the lists of a virtual server, of which others have a part: item by item."""
    before, after = operation.before, operation.after
    if not isinstance(before, VirtualServer) or not isinstance(after, VirtualServer):
        return
    modify = f"modify ltm virtual {quoted(operation.path.name)}"
    changes = []
    if operation.fields & {"profiles", "default_ssl"} and "protocol" not in operation.fields:
        less, more = set(_uses(before)) - set(_uses(after)), set(_uses(after)) - set(_uses(before))
        changes += [listed("profiles", "delete", sorted(quoted(use.name) for use in less))]
        changes += [listed("profiles", "add", (_use(use) for use in sorted(more)))]
    changes += [listed("policies", "delete", map(quoted, sorted(before.policies - after.policies)))]
    changes += [listed("policies", "add", (f"{quoted(p)} {{ }}" for p in sorted(after.policies - before.policies)))]
    changes += [listed("rules", "delete", map(quoted, sorted(before.rules - after.rules)))]
    changes += [listed("rules", "add", map(quoted, sorted(after.rules - before.rules)))]
    yield from (f"{modify} {{ {change} }}" for change in changes if change)
