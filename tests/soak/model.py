"""What the cluster asks for, by a model of its own: names, places and members of the kinds of objects the soak makes.

Nothing of the controller is used here. Everything that a live object wants is a Thing; each is known with the time from
which on it was wanted without a break. Where an object errs, the documents say that what it was good for stays: then it
wants what all of its versions since the last calm have in common, which is the least that must not be taken from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from soak import manifests
from soak.manifests import NAMESPACE, POD_PORT, Raw

PARTITIONS = ("k8s1", "k8s2")

Thing = tuple[str, ...]
"""("virtual", path), ("pool", path), ("monitor", path) or ("member", path of the pool, "address:port")."""

Broken = Literal["", "number", "text"]
"""How a ConfigMap is broken: not at all; a number out of range, the rest can be read; or nothing can be read."""

State = Literal["ready", "ending", "unready"]


@dataclass(frozen=True)
class Form:
    """What a ConfigMap asks for. designated: full path of somebody else's pool; then there is no virtual server."""

    partition: str
    service: str
    address: str = ""
    port: int = 0
    monitored: bool = False
    designated: str = ""

    @property
    def destination(self) -> str:
        """Where it listens, in the device's words."""
        return f"/{self.partition}/{self.address}:{self.port}"

    @property
    def place(self) -> tuple[str, int] | None:
        """Where it listens."""
        return None if self.designated else (self.address, self.port)


@dataclass
class ConfigMap:
    """created: its rank by age. recent: what it was good for since the last calm, the newest last.

    settled: whether it has been on the device as it shall be. Before that nothing that is there need be its own: a
    former one of its name may have left it.
    """

    name: str
    created: int
    form: Form
    broken: Broken = ""
    settled: bool = False
    recent: list[Form] = field(default_factory=list)

    def virtual(self, form: Form) -> str:
        return f"/{form.partition}/{NAMESPACE}_{self.name}"

    def pool(self, form: Form) -> str:
        return form.designated or f"/{form.partition}/cfgmap_{NAMESPACE}_{self.name}_{form.service}"

    def manifest(self) -> Raw:
        form = self.form
        port = 80800 if self.broken == "number" else form.port
        return manifests.f5_resource(
            self.name,
            created=self.created,
            partition="no such/name" if self.broken == "number" and form.designated else form.partition,
            service=form.service,
            address=form.address,
            port=port,
            monitored=form.monitored,
            pool=form.designated,
            text='{"virtualServer": {' if self.broken == "text" else None,
        )


@dataclass
class Service:
    """ported: whether it has the port that is asked for.

    settled: members that were ready all the time since everybody had heard of everything. frozen: those of them that
    were ready when it lost its port, at unported_at, and ever since. What a replica remembers of others depends on what
    it heard first.
    """

    name: str
    there: bool = True
    ported: bool = True
    sliced: bool = True
    pods: dict[str, State] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    unported_at: float = 0.0

    def members(self, *states: State) -> frozenset[str]:
        """The members of its pools, "address:port", by the state of the pod."""
        if not (self.there and self.sliced):
            return frozenset()
        return frozenset(f"{address}:{POD_PORT}" for address, state in self.pods.items() if state in states)


class Model:
    """All objects that the soak made, and what they want. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.edited_at = 0.0
        self.dropped: set[str] = set()
        self.maps: dict[str, ConfigMap] = {}
        self.services: dict[str, Service] = {}
        self._at: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._wants: dict[str, frozenset[Thing]] = {}
        self._since: defaultdict[Thing, dict[str, float]] = defaultdict(dict)
        self._placed: dict[str, frozenset[tuple[str, int]]] = {}
        self._formed: dict[tuple[str, Form], float] = {}

    # ---- what is wanted

    def wanted_since(self, thing: Thing) -> float | None:
        """Since when somebody has wanted it all the time; None when nobody does now."""
        return min(self._since[thing].values(), default=None) if thing in self._since else None

    def older_at(self, one: ConfigMap) -> bool:
        """Whether an older one asks for a place of its own, or did so since the last calm."""
        age = (one.created, one.name)
        places = self._placed.get(one.name, frozenset())
        return any((self.maps[name].created, name) < age for place in places for name in self._at[place])

    def errs(self, one: ConfigMap) -> bool:
        """Whether what it was good for before stays in force: it is broken, has lost its place, or asks for no port."""
        return bool(one.broken) or self.older_at(one) or self._portless(one)

    def _portless(self, one: ConfigMap) -> bool:
        service = self.services[one.form.service]
        return service.there and not service.ported

    def told_of(self, thing: Thing) -> str:
        """Who wants something, and who else wants their places."""
        names = [name for name in self._since.get(thing, {}) if name in self.maps]
        places = {place for name in names for place in self._placed.get(name, ())}
        others = {other for place in places for other in self._at[place]}
        services = {self.maps[name].form.service for name in names}
        told = [str(self.maps[name]) for name in sorted({*names, *others})]
        return "; ".join([*told, *(str(self.services[name]) for name in sorted(services))])

    def things(self, one: ConfigMap) -> frozenset[Thing]:
        """What a ConfigMap wants, whatever else is wrong with it."""
        lost = self.older_at(one)
        if not self.errs(one):
            return frozenset(self._things(one, one.form))
        forms = one.recent if one.broken else [*one.recent, one.form]
        if not one.settled or not forms or (one.form.designated and (one.broken or self._portless(one))):
            # A member that several want bears the mark of one of them; who errs is not known to want it.
            return frozenset()
        common = frozenset[Thing].intersection(*(frozenset(self._things(one, form)) for form in forms))
        return frozenset(thing for thing in common if not (lost and thing[0] == "virtual"))

    def _things(self, one: ConfigMap, form: Form) -> Iterator[Thing]:
        pool = one.pool(form)
        if not form.designated:
            yield ("virtual", one.virtual(form))
            yield ("pool", pool)
            if form.monitored:
                yield ("monitor", f"{pool}_0_http")
        service = self.services[form.service]
        members = service.members("ready")
        if service.there and not service.ported:
            # Whoever asks for the port since it is not there has nothing that could stay. Who is not ready any more may
            # have gone before it was heard that the port is gone: the two are told by different watches.
            before = self._formed.get((one.name, form), 0.0) < service.unported_at
            members = service.frozen if before else frozenset()
        for member in members:
            yield ("member", pool, member)

    def pool_members(self, service: str) -> frozenset[str]:
        """All members that a pool of a Service has when everything is well: those that end are in it too."""
        return self.services[service].members("ready", "ending")

    # ---- edits

    def put(self, one: ConfigMap) -> None:
        """A ConfigMap was created or changed."""
        self.edited_at = self._clock()
        self.maps[one.name] = one
        if not one.broken and (not one.recent or one.recent[-1] != one.form):
            one.recent.append(one.form)
            self._formed[one.name, one.form] = self._clock()
        self._place(one.name)

    def drop(self, name: str) -> None:
        """A ConfigMap was deleted."""
        self.edited_at = self._clock()
        one = self.maps.pop(name)
        self.dropped.add(name)
        self._unplace(one)

    def changed(self, service: str) -> None:
        """A Service, or what is behind it, has changed."""
        self.edited_at = self._clock()
        changed = self.services[service]
        changed.settled &= changed.members("ready")
        changed.frozen &= changed.members("ready")
        for one in self.maps.values():
            if one.form.service == service or any(form.service == service for form in one.recent):
                self._want(one.name)

    def calm(self, hindered: Collection[str]) -> None:
        """Everything has been told and done: what was good before does not matter any more.

        hindered: the names of those that something on the device is in the way of.
        """
        self.dropped.clear()
        for service in self.services.values():
            if service.ported:
                service.settled = service.members("ready")
        for one in self.maps.values():
            if not self.errs(one) and one.name not in hindered:
                one.settled = True
                if len(one.recent) > 1:
                    one.recent = [one.form]
                    self._place(one.name)

    def _unplace(self, one: ConfigMap) -> None:
        left = self._placed.pop(one.name, frozenset())
        for place in left:
            self._at[place].discard(one.name)
        self._want(one.name)
        for name in {name for place in left for name in self._at[place]}:
            self._want(name)

    def _place(self, name: str) -> None:
        one = self.maps[name]
        forms = one.recent if one.broken else [*one.recent, one.form]
        places = frozenset(form.place for form in forms if form.place is not None)
        before = self._placed.get(name, frozenset())
        for place in before - places:
            self._at[place].discard(name)
        for place in places - before:
            self._at[place].add(name)
        self._placed[name] = places
        for other in {name} | {other for place in before | places for other in self._at[place]}:
            self._want(other)

    def _want(self, name: str) -> None:
        one = self.maps.get(name)
        after = self.things(one) if one is not None else frozenset()
        before = self._wants.get(name, frozenset())
        for thing in before - after:
            owners = self._since[thing]
            del owners[name]
            if not owners:
                del self._since[thing]
        for thing in after - before:
            self._since[thing][name] = self._clock()
        if one is not None:
            self._wants[name] = after
        else:
            self._wants.pop(name, None)

    # ---- who is expected to be told something

    def troubled(self, one: ConfigMap) -> bool:
        """Whether something is wrong with it, or with what it refers to, that its owner is told."""
        service = self.services[one.form.service]
        well = service.there and service.ported and self.pool_members(service.name)
        return bool(one.broken) or self.older_at(one) or not well

    def sound(self) -> Iterable[ConfigMap]:
        """Those that are as they shall be: each must be on the device exactly."""
        return [one for one in self.maps.values() if not one.broken and not self.older_at(one)]
