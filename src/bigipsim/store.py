"""Where objects are kept: tables, what is indexed of them, and staged copies. Nothing is checked here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from bigipsim.clock import Clock
from bigipsim.filestore import Filestore
from bigipsim.layers import Index, Table
from bigipsim.objects import TYPES, Types
from bigipsim.objects.model import Change, Item, Ref, Referrer

Watcher = Callable[[Sequence[Change]], None]
Place = tuple[str, str]
"""Collection and full path of an object."""


class Store:
    """All objects of a device, or a staged copy of them (`fork`).

    A `kind` is the address of a collection below /mgmt/tm/ ("ltm/pool", "ltm/monitor/http", "auth/partition"); a `path`
    the full path of an object in it.
    """

    def __init__(self, version: str, clock: Clock, types: Types = TYPES) -> None:
        self.version = version
        self.major = int(version.split(".")[0])
        self.clock = clock
        self.types = types
        self.files = Filestore()
        self.generation = 0
        self.last_index = 0
        self._below: Self | None = None
        self._counted = False
        self._watchers: list[Watcher] = []
        self._empty()

    def _empty(self) -> None:
        self._tables: dict[str, Table[str, Item]] = {}
        self._kinds: Table[Ref, str] = Table()
        self._referrers: Index[Ref, Referrer] = Index()
        self._marks: Index[Hashable, Place] = Index()
        self._residents: Index[str, Place] = Index()

    # Reading

    def get(self, kind: str, path: str) -> Item | None:
        """The object, or None."""
        store: Store | None = self
        while store is not None:
            table = store._tables.get(kind)
            if table is not None:
                return table.get(path)
            store = store._below
        return None

    def items(self, kind: str, partition: str | None = None) -> list[Item]:
        """The objects of a collection, by partition and full path; `partition` leaves out those of others."""
        found = [item for _, item in self._table(kind).items() if partition is None or item.partition == partition]
        return sorted(found, key=lambda item: (item.partition, item.full_path))

    def kinds(self) -> set[str]:
        """The collections that were ever written to."""
        return set(self._tables) | (self._below.kinds() if self._below else set())

    def kind_of(self, family: str, path: str) -> str | None:
        """The collection that holds an object of a family: "ltm/monitor" and "/Common/http" give "ltm/monitor/http"."""
        return self._kinds.get(Ref(family, path))

    def find(self, family: str, path: str) -> Item | None:
        """An object by its family and full path."""
        kind = self.kind_of(family, path)
        return self.get(kind, path) if kind is not None else None

    def referrers(self, family: str, path: str) -> list[Referrer]:
        """Who refers to an object."""
        return list(self._referrers.values(Ref(family, path)))

    def marked(self, mark: Hashable) -> list[Place]:
        """Which objects have a mark, such as an IP address."""
        return list(self._marks.values(mark))

    def residents(self, folder: str) -> list[Place]:
        """What a folder holds."""
        return list(self._residents.values(folder))

    def next_generation(self) -> int:
        """The number that objects bear which this write changes; one for each write, and none for those in vain."""
        if not self._counted:
            self._counted = True
            self.generation += 1
        return self.generation

    def next_index(self) -> int:
        """Counts virtual servers: the number that a new one bears for good."""
        self.last_index += 1
        return self.last_index

    # Storing, without any question asked

    def put(self, kind: str, path: str, before: Item | None, after: Item | None) -> None:
        """Stores, replaces or removes an object and what is indexed of it; nothing is checked."""
        family = self.types[kind].kin
        if after is None:
            self._table(kind).drop(path)
            self._kinds.drop(Ref(family, path))
        else:
            self._table(kind).put(path, after)
            if before is None:
                self._kinds.put(Ref(family, path), kind)
        if before is None and after is not None:
            self._residents.add(after.folder, (kind, path))
        elif before is not None and after is None:
            self._residents.discard(before.folder, (kind, path))
        self._index_marks((kind, path), before.marks if before else (), after.marks if after else ())
        self._index_refs(Referrer(kind, path), before.refs if before else (), after.refs if after else ())
        self._index_children(kind, path, before, after)

    def _index_marks(self, place: Place, before: tuple[Hashable, ...], after: tuple[Hashable, ...]) -> None:
        if before != after:
            for mark in before:
                self._marks.discard(mark, place)
            for mark in after:
                self._marks.add(mark, place)

    def _index_refs(self, referrer: Referrer, before: tuple[Ref, ...], after: tuple[Ref, ...]) -> None:
        if before != after:
            for ref in before:
                self._referrers.discard(ref, referrer)
            for ref in after:
                self._referrers.add(ref, referrer)

    def _index_children(self, kind: str, path: str, before: Item | None, after: Item | None) -> None:
        old, new = before.children if before else {}, after.children if after else {}
        for child_kind in {**old, **new}:
            ours, theirs = new.get(child_kind, {}), old.get(child_kind, {})
            for name, child in theirs.items():
                now = ours.get(name)
                if now is not child:
                    referrer = Referrer(kind, path, child_kind, name)
                    self._index_refs(referrer, child.refs, now.refs if now else ())
            for name, child in ours.items():
                if name not in theirs:
                    self._index_refs(Referrer(kind, path, child_kind, name), (), child.refs)

    def _table(self, kind: str) -> Table[str, Item]:
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = self._below._table(kind).fork() if self._below else Table()
        return table

    def clear(self) -> None:
        """Empties the configuration; watchers hear of it."""
        changes = [Change(kind, path, item, None) for kind in self._tables for path, item in self._tables[kind].items()]
        self._empty()
        self.generation = self.last_index = 0
        self._tell(changes)

    # Staging

    def fork(self) -> Self:
        """A staged copy: it sees this configuration, and changes to it stay in it until `adopt`."""
        copy = self.__new__(type(self))
        copy.version, copy.major, copy.clock, copy.types = self.version, self.major, self.clock, self.types
        copy.files = self.files
        copy.generation, copy.last_index = self.generation, self.last_index
        copy._below, copy._counted, copy._watchers = self, False, []
        copy._tables = {}
        copy._kinds, copy._referrers = self._kinds.fork(), self._referrers.fork()
        copy._marks, copy._residents = self._marks.fork(), self._residents.fork()
        return copy

    def adopt(self, staged: Self, checked: bool = True) -> None:
        """Makes a staged copy of this very configuration the real one, and tells the watchers.

        `checked` compares listeners; what was recorded on another device is taken without.

        Raises:
            Refused: taken together its objects contradict each other; then nothing has changed.
        """
        if self._below is None and checked:
            staged.check_together()
        changes = list(staged.changes())
        if not changes:
            return
        for kind in staged._tables:
            self._table(kind)
            staged._tables[kind].fold()
        for part in (staged._kinds, staged._referrers, staged._marks, staged._residents):
            part.fold()
        self.generation, self.last_index = staged.generation, staged.last_index
        if self._below is None:
            self._tell(changes)

    def changes(self) -> Iterator[Change]:
        """What a staged copy changes."""
        for kind, table in self._tables.items():
            for path, after in table.own.items():
                before = self._below.get(kind, path) if self._below else None
                if before is not after:
                    yield Change(kind, path, before, after)

    def check_together(self) -> None:
        """Refuses a staged copy whose objects contradict each other; a store has nothing against any."""

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Calls `watcher` once per committed write or transaction; answers how to stop that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _tell(self, changes: Sequence[Change]) -> None:
        if changes:
            for watcher in tuple(self._watchers):
                watcher(changes)

    @contextmanager
    def staged(self) -> Iterator[Self]:
        """A staged copy that is adopted when all goes well, and forgotten when something is refused."""
        stage = self.fork()
        yield stage
        self.adopt(stage)
