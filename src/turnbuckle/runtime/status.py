"""When an object of the cluster is told what became of it, and that it is told only what changed.

What it is told is decided by its kind (Root.status). It is written after the device has been brought in line, so that
it never promises what is not there. Taken away is only what the server notes as ours: the same annotation may be
another controller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from turnbuckle.engine.protocol import Patch, Root, Served
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Ref, SourceObject
from turnbuckle.model.state import Path, State
from turnbuckle.planner.diff import owner_of
from turnbuckle.runtime.manners import Manners
from turnbuckle.sources.kubernetes import KubernetesError, NotFound
from turnbuckle.sources.kubernetes.errors import Invalid
from turnbuckle.sources.kubernetes.writing import FIELD_MANAGER, Conflict, ObjectWriter

LOOK_S = 5.0


class Possessions:
    """What the device has of each owner, at the cost of what changes. controller_id: whose marks count.

    A virtual server that several share bears the mark of one of them; it serves all whose objects it refers to.
    """

    def __init__(self, controller_id: str) -> None:
        self._controller_id = controller_id
        self._state = State()
        self._owners: dict[Path, Ref] = {}
        self._paths: dict[Ref, set[Path]] = {}
        self._needs: dict[Path, tuple[Path, ...]] = {}
        self._servers: dict[Path, set[Path]] = {}
        self._wholes: dict[Path, Path] = {}
        self._parts: dict[Path, set[Path]] = {}

    def observed(self, state: State, paths: frozenset[Path] | None) -> set[Ref]:
        """Takes in what the device has (see Observer.observed), and answers whose part of it may have changed."""
        self._state = state
        touched: set[Ref] = set()
        for path in {*state, *self._owners} if paths is None else paths:
            before, after = self._owners.pop(path, None), self._owner(path)
            touched |= {ref for ref in (before, after) if ref is not None}
            if before is not None:
                self._paths[before].discard(path)
            if after is not None:
                self._owners[path] = after
                self._paths.setdefault(after, set()).add(path)
            self._relate(path, after is not None)
            if path.kind == VirtualServer.KIND:
                touched |= self._serve(path, after is not None)
        for ref in touched:
            if not self._paths.get(ref):
                self._paths.pop(ref, None)
        return touched

    def of(self, ref: Ref) -> Iterator[Any]:
        """What the device has of an owner, sorted, with the virtual servers that serve it."""
        own = self._paths.get(ref, set())
        needed = own | {self._wholes[path] for path in own if path in self._wholes}
        serving = {server for path in needed for server in self._servers.get(path, ())}
        return (self._state[path] for path in sorted(own | serving))

    def _relate(self, path: Path, ours: bool) -> None:
        """Notes what an object of ours is a part of, as a rule is of its policy."""
        before = self._wholes.pop(path, None)
        if before is not None:
            self._parts[before].discard(path)
        after = self._state[path].whole() if ours else None
        if after is not None:
            self._wholes[path] = after
            self._parts.setdefault(after, set()).add(path)

    def _serve(self, server: Path, ours: bool) -> set[Ref]:
        """Notes what a virtual server of ours refers to now, and answers whom that may concern."""
        before = frozenset(self._needs.pop(server, ()))
        after = self._state[server].references() if ours else frozenset()
        for path in before - after:
            self._servers[path].discard(server)
        for path in after - before:
            self._servers.setdefault(path, set()).add(server)
        if after:
            self._needs[server] = tuple(after)
        concerned = {part for path in before ^ after for part in (path, *self._parts.get(path, ()))}
        return {self._owners[path] for path in concerned if path in self._owners}

    def _owner(self, path: Path) -> Ref | None:
        obj = self._state.get(path)
        if obj is None or obj.mark is None or obj.mark.controller_id != self._controller_id:
            return None
        return owner_of(obj.mark)


class StatusWriter:
    """Writes to the objects of the cluster what became of them, from the first time that the device was in line.

    objects: an object as it is now. issues: what is said about some objects now. leading: whether this process writes.
    """

    def __init__(
        self,
        api: ObjectWriter,
        roots: Mapping[str, Root],
        objects: Callable[[Ref], SourceObject | None],
        issues: Callable[[Collection[Ref]], Mapping[Ref, Sequence[Issue]]],
        leading: Callable[[], bool],
        controller_id: str,
        *,
        manners: Manners | None = None,
    ) -> None:
        self._api, self._roots, self._objects, self._issues = api, roots, objects, issues
        self._leading = leading
        self._manners = manners or Manners("the status of objects")
        self._has = Possessions(controller_id)
        self._touched: set[Ref] = set()
        self._due: set[Ref] = set()
        self._published: dict[Ref, SourceObject] = {}
        self._sent: dict[Ref, tuple[SourceObject | None, Patch]] = {}
        self._news = asyncio.Event()

    def observed(self, state: State, paths: frozenset[Path] | None) -> None:
        """See Observer.observed."""
        self.touched(self._has.observed(state, paths))

    def touched(self, refs: Iterable[Ref]) -> None:
        """Something about these objects may be otherwise than before."""
        self._touched |= {ref for ref in refs if ref.kind in self._roots}

    def synced(self) -> None:
        """The device is in line with what was told before: what was touched may be written now."""
        self._due, self._touched = self._due | self._touched, set()
        if self._due:
            self._news.set()

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            try:
                # What could not be written, by the manners or for want of the leadership, is looked at again.
                async with asyncio.timeout(LOOK_S if self._due else None):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self.round()

    async def round(self) -> None:
        """Writes what is due, as far as that is allowed now."""
        issues = self._issues(self._due)
        for ref in sorted(self._due):
            if not self._leading():
                return
            if self._manners.allows(ref.namespace):
                self._due.discard(ref)
                await self._look_at(ref, tuple(issues.get(ref, ())))

    async def _look_at(self, ref: Ref, issues: tuple[Issue, ...]) -> None:
        there = self._objects(ref)
        # What is not told any more may be there still and want nothing: a ConfigMap that has lost its label.
        obj = there if there is not None else self._published.get(ref)
        if obj is None:
            return
        served = Served(tuple(self._has.of(ref)), issues) if there is not None else Served()
        if served.objects:
            self._published[ref] = obj
        patch = self._roots[ref.kind].status(obj, served)
        # What was sent comes back as an event; until then the object looks as if it had not been sent.
        if patch is not None and self._sent.get(ref) != (obj, patch) and not await self._write(obj, patch):
            self._due.add(ref)
            return
        if patch is None:
            self._sent.pop(ref, None)
        if there is None:
            self._published.pop(ref, None)
            self._sent.pop(ref, None)

    async def _write(self, obj: SourceObject, patch: Patch) -> bool:
        """Whether that is settled: done, or not to be done to the object that has this name now."""
        ref, resource = patch.ref, self._roots[patch.ref.kind].resource
        await self._manners.turn()
        try:
            if any(_taken_away(patch.body)):
                there = await self._api.get(resource, ref.namespace, ref.name)
                if not _is_ours(there, patch.body):
                    return True
            body = _for_object(obj, patch.body)
            await self._api.patch(resource, ref.namespace, ref.name, body, subresource=patch.subresource)
        except (NotFound, Conflict, Invalid):
            # It is gone, or another one has its name: what there is to say about that one comes with its event.
            return True
        except KubernetesError as error:
            self._manners.failed(ref.namespace, error)
            return False
        self._manners.succeeded(ref.namespace)
        self._sent[ref] = (obj, patch)
        self._published[ref] = replace(obj, annotations={**obj.annotations, **_annotations(patch.body)})
        return True


def _for_object(obj: SourceObject, body: Mapping[str, Any]) -> dict[str, Any]:
    """The patch, refused by the server when the object of that name is another one by now."""
    if not obj.uid:
        return dict(body)
    return {**body, "metadata": {**body.get("metadata", {}), "uid": obj.uid}}


def _annotations(body: Mapping[str, Any]) -> Mapping[str, str]:
    found = body.get("metadata", {}).get("annotations", {})
    return {name: text for name, text in found.items() if text is not None}


def _taken_away(body: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The fields that a merge patch takes away."""
    for name, value in body.items():
        if value is None:
            yield (*above, name)
        elif isinstance(value, Mapping):
            yield from _taken_away(value, (*above, name))


def _is_ours(there: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether the server notes all that is taken away as written by us. Source: Kubernetes reference, FieldsV1."""
    ours = [
        one.get("fieldsV1", {})
        for one in there.get("metadata", {}).get("managedFields") or ()
        if one.get("manager") == FIELD_MANAGER
    ]
    return all(any(_has(fields, path) for fields in ours) for path in _taken_away(body))


def _has(fields: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    for name in path:
        if f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True
