"""What a held owner has on the device stays: its objects as they are, with fresh members and renewed certificates.

A held owner errs and was never good while this process runs, so nobody knows what it would want; the device has the
last that was good. What of it has to give way to others is decided in `places`.

What nobody can make as things are stays as well, while somebody wants it: what shows a certificate whose Secret is
missing, and the virtual server if it has no other.

A part of something that is shared, such as its rules in a policy, stays with all that it needs: the whole, whatever
uses that, and what those refer to, also when their own owners want them no more. Where it is the oldest and has said
what holds for the whole, that goes on to hold, and what others want is added to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from turnbuckle.model.ltm import DesignatedPool, IRule, LtmObject, Pool, VirtualServer
from turnbuckle.model.policy import irule_of
from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path, State
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, default_profile, without_digest
from turnbuckle.planner.diff import owners
from turnbuckle.planner.guard import is_ours


def graft(
    observed: State,
    desired: State,
    held: frozenset[Ref],
    stays: Mapping[Path, frozenset[Ref]],
    paths: Iterable[Path],
    kept: Mapping[str, Ref],
    controller_id: str,
) -> dict[Path, LtmObject | None]:
    """What is to be compared as desired, for each path. stays: as in a snapshot. kept: as `places.kept` answers."""

    def ours(path: Path) -> LtmObject | None:
        # Another controller's object may bear an owner of the same name.
        obj = observed.get(path)
        return obj if obj is not None and is_ours(obj, controller_id) else None

    found = {path: _wanted(ours(path), desired.get(path), held, kept) for path in paths}
    if held:
        found |= {path: _with_irules(obj, ours) for path, obj in found.items() if isinstance(obj, VirtualServer)}
    if stays:
        found |= _staying({path: ours(path) for path in found}, found, desired, stays)
    if held:
        found |= _renewed(found, desired)
    return found | _needed(found, observed, desired) if held or stays else found


def _with_irules(server: VirtualServer, ours: Callable[[Path], LtmObject | None]) -> VirtualServer:
    """With the iRules that are there beside its policies: a held owner's rules may need them, others do not mind."""
    there = {rule for rule in map(irule_of, server.policies) if ours(Path(IRule.KIND, rule)) is not None}
    return server if there <= server.rules else replace(server, rules=server.rules | there)


def _staying(
    before: Mapping[Path, LtmObject | None],
    wanted: Mapping[Path, LtmObject | None],
    desired: State,
    stays: Mapping[Path, frozenset[Ref]],
) -> dict[Path, LtmObject]:
    """What nobody can make as things are, as the device has it; of its parts those whose owners want it still."""
    found = {}
    for path, obj in before.items():
        if obj is None:
            continue
        whole = obj.whole()
        if wanted[path] is None:
            if path in stays or (whole is not None and owners(obj) & stays.get(whole, frozenset())):
                found[path] = obj
        elif path in stays and isinstance(obj, ClientSsl) and not _is_shown(obj, desired):
            found[path] = obj
    return found


def _is_shown(profile: ClientSsl, desired: State) -> bool:
    """Whether the Secret whose certificate a profile shows is there, though it may have been renewed."""
    secret = without_digest(profile.certificate)
    return any(path.kind == CertificateFile.KIND and without_digest(path.name) == secret for path in desired)


def _renewed(wanted: Mapping[Path, LtmObject | None], desired: State) -> dict[Path, LtmObject | None]:
    """Profiles that stay show what their Secrets hold now: that is a fact, whatever is wrong with their owners."""
    kept = {
        path: obj
        for path, obj in wanted.items()
        if isinstance(obj, ClientSsl | CertificateFile | KeyFile) and obj != desired.get(path)
    }
    if not kept:
        return {}
    files = {without_digest(obj.name): obj for obj in desired.values() if isinstance(obj, CertificateFile)}
    found: dict[Path, LtmObject | None] = {}
    for path, obj in kept.items():
        before = obj.certificate if isinstance(obj, ClientSsl) else obj.name
        now = files.get(without_digest(before))
        if now is None or now.name == before:
            continue
        if isinstance(obj, ClientSsl):
            chain = now.name if now.chained else ""
            found[path] = replace(obj, certificate=now.name, key=now.name, chain=chain)
            found |= {new: desired.get(new) for new in (now.path, Path(KeyFile.KIND, now.name))}
        else:
            found[path] = None
    return found


def _needed(wanted: Mapping[Path, LtmObject | None], observed: State, desired: State) -> dict[Path, LtmObject | None]:
    """What would go and stays, because something depends on it that only stays for a held owner's sake."""
    going = {path: observed[path] for path, obj in wanted.items() if obj is None and path in observed}
    todo = [obj for path, obj in wanted.items() if obj is not None and obj != desired.get(path)]
    found: dict[Path, LtmObject | None] = {}
    for path in _displaced(wanted, going, desired):
        todo.append(going[path])
        found[path] = going.pop(path)
    while todo and going:
        obj = todo.pop()
        whole = obj.whole()
        users = {path for path, other in going.items() if whole in other.references() and other.whole() is None}
        for path in (obj.references() | users) & going.keys():
            todo.append(going[path])
            found[path] = going.pop(path)
    return found


def _displaced(wanted: Mapping[Path, LtmObject | None], going: Mapping[Path, LtmObject], desired: State) -> list[Path]:
    """Certificates that would have become a listener's default, as a held owner's stays that: they stay beside it."""
    heirs = {path.name: owners(desired.get(path)) for path, obj in wanted.items() if obj != desired.get(path)}
    return [
        path
        for path, obj in going.items()
        if isinstance(obj, ProfileBinding) and owners(obj) & heirs.get(default_profile(obj.virtual), frozenset())
    ]


def _wanted(
    before: LtmObject | None, after: LtmObject | None, held: frozenset[Ref], kept: Mapping[str, Ref]
) -> LtmObject | None:
    if isinstance(before, DesignatedPool):
        return _with_held_members(before, after, {str(ref) for ref in held}) if held else after
    if after is not None:
        if not owners(after) & held:
            return _shared(before, after) if owners(before) & held else after
        if before is None:
            return None
        if isinstance(before, Pool) and isinstance(after, Pool) and before.mark is not None:
            return replace(before, members=after.members)
        return before
    if before is not None and owners(before) & held:
        return before if before.occupies() <= kept.keys() else None
    return None


def _shared(before: LtmObject | None, after: LtmObject) -> LtmObject:
    """What was a held owner's and is another's now that nobody knows what the first one wants."""
    match before, after:
        case VirtualServer(), VirtualServer() if before.occupies() == after.occupies():
            clientside = frozenset(use for use in after.profiles if use.context == "clientside")
            return replace(
                before,
                pool=before.pool or after.pool,
                profiles=before.profiles | clientside,
                policies=before.policies | after.policies,
                rules=before.rules | after.rules,
                default_ssl=before.default_ssl or after.default_ssl,
            )
        case ClientSsl(sni_default=True), ClientSsl():
            return before
        case _:
            return replace(after, mark=before.mark) if before is not None else after


def _with_held_members(before: DesignatedPool, after: LtmObject | None, owners: set[str]) -> LtmObject | None:
    """What is desired of a shared pool, and the members there of held owners of whom it is not known what they want."""
    silent = owners - after.owners if isinstance(after, DesignatedPool) else owners
    kept = frozenset(m for m in before.members if m.mark is not None and m.mark.owner in silent)
    if not kept:
        return after
    wanted = after if isinstance(after, DesignatedPool) else replace(before, members=frozenset())
    return replace(wanted, members=wanted.members | kept)
