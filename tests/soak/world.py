"""The whole of the soak: a cluster, two replicas, a device, and what is compared when everything is calm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from bigipsim.box import Box
from bigipsim.objects.model import Item
from fakes.leases import FakeLeases
from soak.api import ApiServer, Reader, ReplicaLeases
from soak.clock import LoopClock
from soak.manifests import NAMESPACE
from soak.model import PARTITIONS, ConfigMap, Form, Model, Thing
from soak.oracle import Oracle, is_ours, members
from soak.replica import Replica
from soak.wire import Network, Sender, Wire
from turnbuckle.drivers.base import Driver

SHARED = tuple(f"/Common/shared{number}" for number in range(4))
"""Pools of somebody else that ConfigMaps may name."""

SETTLE_S = 360.0
"""How long everything may take to be as it shall be once all faults are over: the longest pause between two tries of
what the device refused, and a minute."""

TAKEOVER_S = 15.0
"""What was asked for before a stall may hang until its end, and then the Lease has to run out."""

IDLE_S = 30.0
POLL_S = 4.0


def same(driver: Driver) -> Driver:
    """A driver as it is."""
    return driver


class World:
    """All parts, on one event loop. driven: what the replicas' drivers are wrapped into.

    settle_s, idle_s, poll_s: how long a calm may take and lasts, and how often is looked. time_scale: of pauses.
    """

    settle_s, idle_s, poll_s = SETTLE_S, IDLE_S, POLL_S
    time_scale = 1.0

    def __init__(self, driven: Callable[[Driver], Driver] = same, *, streams: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.clock = loop.time
        self.box = furnished(Box(LoopClock(loop)))
        self.model = Model(self.clock)
        self.oracle = Oracle(self.box, self.model, self.clock)
        self.network = Network(self.box, self.clock)
        self.api = ApiServer(self.clock, streams=streams)
        leases = FakeLeases()
        self._stood: set[Thing] = set()
        self._calm_at = self._stalled_until = 0.0
        self.by_hand: dict[str, float] = {}
        self.replicas = [self._replica(name, leases, driven) for name in ("a", "b")]

    def _replica(self, name: str, leases: FakeLeases, driven: Callable[[Driver], Driver]) -> Replica:
        reader = Reader(self.api)

        def wire(sender: Sender) -> Wire:
            return Wire(self.network, sender, self.oracle.carry)

        return Replica(name, reader, ReplicaLeases(leases, reader), wire, driven)

    # ---- time and faults

    async def pause(self, seconds: float) -> None:
        """Lets time pass."""
        await asyncio.sleep(seconds * self.time_scale)

    def heard(self, replica: Replica) -> bool:
        """Whether a replica has heard of everything."""
        return replica.reader.fresh_until() >= self.model.edited_at

    def mend(self) -> None:
        """No faults any more, and both replicas run."""
        self.box.faults.clear()
        self.network.down_until = self.network.slow_until = 0.0
        for replica in self.replicas:
            trouble = replica.reader.trouble
            self._stalled_until = max(self._stalled_until, trouble.paused_until, replica.wire.paused_until)
            trouble.away_until = trouble.silent_until = trouble.paused_until = 0.0
            trouble.next_lists.clear()
            replica.leases.lost_replies = replica.wire.late = 0
            replica.wire.paused_until = 0.0
            if not replica.runs:
                replica.start()

    # ---- what is the case

    @property
    def leader(self) -> Replica | None:
        """The replica that writes, when it is exactly one."""
        leading = [replica for replica in self.replicas if replica.leads]
        return leading[0] if len(leading) == 1 else None

    def complaints(self) -> Iterator[str]:
        """What is not as it shall be when everything is calm; what is soonest found comes first."""
        leader = self.leader
        if leader is None or not leader.in_sync:
            yield f"no leader is in sync ({', '.join(self._told(replica) for replica in self.replicas)})"
        elif self.clock() < self._stalled_until + TAKEOVER_S * self.time_scale:
            yield "somebody who stalled may lose the lead"
        elif leader.hesitates:
            yield "removals wait for a second look"
        elif self.network.under_way:
            yield "a request that was given up is still under way"
        elif late := [replica.sender.name for replica in self.replicas if not self.heard(replica)]:
            yield f"{', '.join(late)} has not heard of everything"
        else:
            yield from self._unmended()
            yield from self._issues(leader)
            yield from self._on_device()

    def _unmended(self) -> Iterator[str]:
        """What was changed by hand on objects that are not compared here, and may not have been seen yet."""
        compared = {one.name for one in self.model.maps.values() if not self.model.errs(one)}
        seen_since = self.clock() - 1.2 * self.replicas[0].verify_s
        for name, at in self.by_hand.items():
            if name not in compared and at > seen_since:
                yield f"what was done by hand to objects of {name} may not have been seen"
        if self.network.arrived_late_at > seen_since:
            yield "what a request did that was given up and arrived late may not have been seen"

    def _told(self, replica: Replica) -> str:
        state = "leads" if replica.leads else "follows" if replica.runs else "does not run"
        return f"{replica.sender.name} {state}: {'; '.join(issue.text for issue in replica.issues()) or 'no issues'}"

    def blocked(self, one: ConfigMap) -> bool:
        """Whether something of somebody else bears a name that it needs."""
        return self._blocked(one, one.form)

    def _blocked(self, one: ConfigMap, form: Form) -> bool:
        places = [("ltm/virtual", one.virtual(form)), ("ltm/pool", one.pool(form))]
        if form.designated:
            return False
        return any((item := self.box.tree.get(*place)) is not None and not is_ours(item) for place in places)

    def _issues(self, leader: Replica) -> Iterator[str]:
        # What somebody else's object blocks may hold an address that others wait for.
        blocking = any(self.blocked(one) for one in self.model.maps.values())
        for issue in leader.issues():
            if issue.code == "TB3003" and blocking:
                continue
            one = self.model.maps.get(issue.about.name) if issue.about.kind == "ConfigMap" else None
            if one is None or not self._expected(one, issue.code):
                yield f"an issue stands: {issue.code} {issue.about}: {issue.text}"

    def _expected(self, one: ConfigMap, code: str) -> bool:
        if code < "TB3000" and (self.model.troubled(one) or self._yields(one)):
            return True
        # The others are about the device: what it refused is tried again, what is in the way stays there. Who errs
        # may stand on what it was good for before.
        forms = [one.form, *one.recent] if self.model.errs(one) else [one.form]
        return code != "TB3001" and any(self._blocked(one, form) for form in forms)

    def _yields(self, one: ConfigMap) -> bool:
        """Whether its place on the device is another one's, from which nothing has moved it yet.

        That is an older one's that errs, or that of one which is blocked itself where it goes.
        """
        place, age = one.form.destination, (one.created, one.name)
        for item in self.box.tree.items("ltm/virtual", one.form.partition):
            if item.values.get("destination") == place and is_ours(item):
                owner = self.model.maps.get(owner_of(item), one)
                stays = (owner.created, owner.name) < age and self.model.errs(owner)
                if owner is not one and (stays or self.blocked(owner)):
                    return True
        return False

    def _on_device(self) -> Iterator[str]:
        owned: dict[str, dict[tuple[str, str], Item]] = {}
        for partition in PARTITIONS:
            for kind in ("ltm/virtual", "ltm/pool"):
                for item in self.box.tree.items(kind, partition):
                    if is_ours(item):
                        owned.setdefault(owner_of(item), {})[kind, item.full_path] = item
        for name in owned.keys() - self.model.maps.keys():
            yield f"left behind of ConfigMap {name}: {sorted(path for _, path in owned[name])}"
        for one in self.model.sound():
            if not one.form.designated:
                yield from self._exactly(one, owned.get(one.name, {}))
        yield from self._lost()
        for path in SHARED:
            yield from self._designated(path)

    def _there(self, thing: Thing) -> bool:
        return thing[0] in ("virtual", "pool") and is_ours(self.box.tree.get(f"ltm/{thing[0]}", thing[1]))

    def _lost(self) -> Iterator[str]:
        """What was there at the last calm, has been wanted ever since, and nobody else took away."""
        for thing in self._stood - self.oracle.taken:
            since = self.model.wanted_since(thing)
            if since is not None and since <= self._calm_at and not self._there(thing):
                yield f"lost: {' '.join(thing)}"

    def calm(self) -> None:
        """Everything is as it shall be; from here on the next calm is compared."""
        maps = self.model.maps
        self.model.calm({name for name, one in maps.items() if self.blocked(one) or self._yields(one)})
        self.oracle.taken.clear()
        self.by_hand.clear()
        wanted = {thing for one in self.model.maps.values() for thing in self.model.things(one)}
        self._stood, self._calm_at = {thing for thing in wanted if self._there(thing)}, self.clock()

    def _exactly(self, one: ConfigMap, owned: dict[tuple[str, str], Item]) -> Iterator[str]:
        form = one.form
        if self.blocked(one) or self._yields(one):
            return
        wanted = {("ltm/virtual", one.virtual(form)), ("ltm/pool", one.pool(form))}
        service = self.model.services[form.service]
        if service.there and not service.ported:
            # Without its port a pool stays as it was, and is not made.
            return
        if owned.keys() != wanted:
            yield f"ConfigMap {one.name} has {sorted(owned)} instead of {sorted(wanted)}"
            return
        virtual, pool = owned["ltm/virtual", one.virtual(form)], owned["ltm/pool", one.pool(form)]
        seen = (virtual.values.get("destination"), virtual.values.get("pool"), pool.values.get("loadBalancingMode"))
        right = (form.destination, pool.full_path, "round-robin")
        if seen != right:
            yield f"ConfigMap {one.name} is {seen} instead of {right}"
        monitored = f"{pool.full_path}_0_http" in str(pool.values.get("monitor", ""))
        if monitored != form.monitored:
            yield f"the monitor of {pool.full_path} is {pool.values.get('monitor')}"
        yield from self._members(one, pool)

    def _members(self, one: ConfigMap, pool: Item) -> Iterator[str]:
        there, service = members(pool), self.model.services[one.form.service]
        wanted = self.model.pool_members(service.name)
        if there.keys() != wanted:
            yield f"the members of {pool.full_path} are {sorted(there)} instead of {sorted(wanted)}"
            return
        ready = service.members("ready") or wanted
        for name, member in there.items():
            drains = name not in ready
            disabled = member.values.get("session") == "user-disabled"
            if disabled != drains and not self.oracle.disabled(pool.full_path, name):
                yield f"member {name} of {pool.full_path} is {'' if disabled else 'not '}disabled"

    def _designated(self, path: str) -> Iterator[str]:
        """Members of ours in somebody else's pool: all that are wanted, and of others only what an erring owner has."""
        there = {name: item for name, item in members(self.box.tree.get("ltm/pool", path)).items() if is_ours(item)}
        sound = [one for one in self.model.sound() if one.form.designated == path]
        least = {thing[2] for one in sound for thing in self.model.things(one) if thing[0] == "member"}
        most = least.union(*(self.model.pool_members(one.form.service) for one in sound))
        most |= {name for one in sound for name in self.model.services[one.form.service].frozen}
        if lacking := sorted(least - there.keys()):
            yield f"{path} lacks our members {lacking}"
        naming = (one for one in self.model.maps.values() if any(f.designated == path for f in (one.form, *one.recent)))
        if any(self.model.errs(one) for one in naming):
            # A member bears the mark of one of those who want it, so that it is not told whose it is.
            return
        for name in sorted(there.keys() - most):
            owner = self.model.maps.get(owner_of(there[name]))
            if owner is None or not self.model.errs(owner):
                yield f"{path} has our member {name}, which nobody wants: {owner}"


def owner_of(item: Item) -> str:
    """The name of the ConfigMap that an object of ours bears."""
    marks = [str(entry.get("value")) for entry in item.values.get("metadata") or () if entry["name"] == "turnbuckle"]
    return marks[0].rpartition(f"/{NAMESPACE}/")[2]


def furnished(box: Box) -> Box:
    """A device with our partitions, and with what somebody else has on it."""
    for partition in PARTITIONS:
        box.tree.create("auth/partition", {"name": partition})
        box.tree.create(
            "ltm/pool",
            {"name": "operators", "partition": partition, "members": [{"name": "10.8.0.1:80"}]}
            if partition == PARTITIONS[0]
            else {"name": "operators", "partition": partition},
        )
        body = {
            "name": "of_another",
            "partition": partition,
            "metadata": [{"name": "turnbuckle", "value": f"1 other k9 ConfigMap/{NAMESPACE}/map1", "persist": "true"}],
        }
        box.tree.create("ltm/pool", body)
    for number, path in enumerate(SHARED):
        members_of = [{"name": f"10.9.{number}.{n}:80"} for n in (1, 2)]
        box.tree.create("ltm/pool", {"name": path.rpartition("/")[2], "partition": "Common", "members": members_of})
    box.save()
    return box
