"""What happens in the soak: a step is an edit, a fault, an act of an operator, or a turn of a replica's life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Collection
from random import Random
from typing import Any

from bigipsim.exchange import Refused
from bigipsim.faults import Fault
from soak import manifests
from soak.api import FAILURES
from soak.model import PARTITIONS, ConfigMap, Form, Service, State
from soak.oracle import is_ours, members
from soak.world import SHARED, World, owner_of

MOST_MAPS = 36
ANCHOR = "names-"
SERVICES = 24
STATES: tuple[State, ...] = ("ready", "ready", "ready", "ready", "ending", "unready")
FAMILIES = (*PARTITIONS, "Common")
"""Where the members of a Service are nodes: an address is a node once on a device."""

DEVICE_FAULTS = ("busy", "restarting", "mcpd-lost", "not-registered")
WIRE_FAULTS = ("cut", "reset-before", "reset-after", "hang-before", "hang-after")


class Steps:
    """Draws steps and does them.

    dice: all chance of the run; left_out: steps that are not drawn; done: how often what was done.
    """

    def __init__(self, world: World, dice: Random, left_out: Collection[str] = ()) -> None:
        self.world, self.dice = world, dice
        self._table = {
            group: (weight, {name: often for name, often in names.items() if name not in left_out})
            for group, (weight, names) in TABLE.items()
        }
        self.model = world.model
        self.done: Counter[str] = Counter()
        self._born = self._pods = 0
        self._foreign: list[tuple[str, str]] = []

    async def furnish(self) -> None:
        """What is there before the first step."""
        for number in range(SERVICES):
            name = f"svc{number}"
            self.model.services[name] = Service(name)
            self._scale_to(name, self.dice.randint(1, 4))
            self._tell_service(name)
        for path in SHARED:
            # A pool of somebody else's that nobody names any more is not looked at by a controller that starts anew.
            self._tell_map(self._anchor(path))
        for _ in range(MOST_MAPS // 2):
            self.create_map()

    def _anchor(self, path: str) -> ConfigMap:
        self._born += 1
        form = Form(PARTITIONS[0], self._service_in("Common"), designated=path)
        return ConfigMap(f"{ANCHOR}{path.rpartition('/')[2]}", self._born, form)

    async def step(self) -> None:
        """One step, and the time until the next."""
        table = self._table
        group = self.dice.choices(list(table), [weight for weight, _ in table.values()])[0]
        names = table[group][1]
        name = self.dice.choices(list(names), list(names.values()))[0]
        found = getattr(self, name)()
        told = await found if isinstance(found, Awaitable) else found
        self.done[f"{group}: {name.replace('_', ' ')}" if told else f"{group}: nothing to do"] += 1
        self.world.oracle.note(f"{group}: {told or 'nothing to do'}")

    def pause_s(self) -> float:
        """Mostly short, now and then minutes."""
        kind = self.dice.random()
        if kind < 0.85:
            return self.dice.random()
        return self.dice.uniform(1, 10) if kind < 0.985 else self.dice.uniform(10, 150)

    # ---- ConfigMaps

    def _form(self) -> Form:
        dice = self.dice
        partition = dice.choice(PARTITIONS)
        if dice.random() < 0.15:
            return Form(partition, self._service_in("Common"), designated=dice.choice(SHARED))
        address, port = self._place(partition)
        return Form(partition, self._service_in(partition), address, port, dice.random() < 0.2)

    def _place(self, partition: str) -> tuple[str, int]:
        # Few enough that some want the same.
        third = 113 + PARTITIONS.index(partition)
        return f"203.0.{third}.{self.dice.randint(1, 60)}", self.dice.choice((80, 443, 8080))

    def _service_in(self, family: str) -> str:
        at = FAMILIES.index(family)
        return f"svc{self.dice.randrange(at, SERVICES, len(FAMILIES))}"

    def _some_map(self, **having: Any) -> ConfigMap | None:
        loose = [one for one in self.model.maps.values() if not one.name.startswith(ANCHOR)]
        found = [one for one in loose if all(getattr(one, k) == v for k, v in having.items())]
        return self.dice.choice(found) if found else None

    def _tell_map(self, one: ConfigMap) -> None:
        self.model.put(one)
        self.world.api.put(one.manifest())

    def create_map(self) -> str:
        names = {f"map{number}" for number in range(MOST_MAPS)}
        return self._create(sorted(names - self.model.maps.keys() - self.model.dropped))

    def recreate_map(self) -> str:
        return self._create(sorted(self.model.dropped - self.model.maps.keys()))

    def _create(self, names: list[str]) -> str:
        if not names:
            return ""
        self._born += 1
        one = ConfigMap(self.dice.choice(names), self._born, self._form())
        self._tell_map(one)
        return f"created ConfigMap {one.name} {one.form}"

    def change_map(self) -> str:
        one = self._some_map(broken="")
        if one is None:
            return ""
        form, dice = one.form, self.dice
        if form.designated or dice.random() < 0.3:
            one.form = self._form()
        elif dice.random() < 0.5:
            address, port = self._place(form.partition)
            one.form = Form(form.partition, form.service, address, port, form.monitored)
        elif dice.random() < 0.5:
            one.form = Form(form.partition, self._service_in(form.partition), form.address, form.port, form.monitored)
        else:
            one.form = Form(form.partition, form.service, form.address, form.port, not form.monitored)
        self._tell_map(one)
        return f"changed ConfigMap {one.name} to {one.form}"

    def delete_map(self) -> str:
        one = self._some_map()
        if one is None:
            return ""
        self.model.drop(one.name)
        self.world.api.delete("ConfigMap", one.name)
        return f"deleted ConfigMap {one.name}"

    def break_map(self) -> str:
        one = self._some_map(broken="")
        if one is None:
            return ""
        one.broken = self.dice.choice(("number", "text"))
        self._tell_map(one)
        return f"broke the {one.broken} of ConfigMap {one.name}"

    def mend_map(self) -> str:
        one = self._some_map(broken="number") or self._some_map(broken="text")
        if one is None:
            return ""
        one.broken = ""
        self._tell_map(one)
        return f"mended ConfigMap {one.name}"

    def touch_map(self) -> str:
        one = self._some_map()
        if one is None:
            return ""
        self.world.api.put(one.manifest())
        return f"ConfigMap {one.name} was told again"

    # ---- Services

    def _tell_service(self, name: str) -> None:
        service = self.model.services[name]
        self.model.changed(name)
        if service.there:
            self.world.api.put(manifests.service(name, port=80 if service.ported else 81))
        if service.sliced:
            self._tell_slice(service)

    def _tell_slice(self, service: Service) -> None:
        self.model.changed(service.name)
        self.world.api.put(manifests.endpoint_slice(service.name, service.pods.items()))

    def _some_service(self) -> Service:
        return self.model.services[self.dice.choice(list(self.model.services))]

    def _scale_to(self, name: str, count: int) -> None:
        service, number = self.model.services[name], int(name[3:])
        while len(service.pods) > count:
            del service.pods[self.dice.choice(list(service.pods))]
        while len(service.pods) < count:
            self._pods += 1
            service.pods.setdefault(f"10.{number + 10}.0.{self.dice.randint(1, 40)}", "ready")

    def scale(self) -> str:
        service = self._some_service()
        if not service.sliced:
            return ""
        self._scale_to(service.name, self.dice.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, 8)))
        self._tell_slice(service)
        return f"scaled {service.name} to {sorted(service.pods)}"

    def pod_state(self) -> str:
        service = self._some_service()
        if not (service.pods and service.sliced):
            return ""
        pod = self.dice.choice(list(service.pods))
        service.pods[pod] = self.dice.choice(STATES)
        self._tell_slice(service)
        return f"pod {pod} of {service.name} is {service.pods[pod]}"

    def roll_over(self) -> str:
        service = self._some_service()
        if not service.sliced:
            return ""
        count = len(service.pods)
        self._scale_to(service.name, 0)
        self._scale_to(service.name, count)
        self._tell_slice(service)
        return f"rolled {service.name} over to {sorted(service.pods)}"

    def delete_service(self) -> str:
        service = self._some_service()
        if not service.there:
            return ""
        service.there = False
        self.model.changed(service.name)
        self.world.api.delete("Service", service.name)
        return f"deleted Service {service.name}"

    def delete_slice(self) -> str:
        service = self._some_service()
        if not service.sliced:
            return ""
        service.sliced = False
        self.model.changed(service.name)
        self.world.api.delete("EndpointSlice", f"{service.name}-1")
        return f"deleted the EndpointSlice of {service.name}"

    def lose_port(self) -> str:
        service = self._some_service()
        if not (service.ported and service.there):
            return ""
        service.frozen, service.ported = service.settled & service.members("ready"), False
        service.unported_at = self.world.clock()
        self._tell_service(service.name)
        return f"Service {service.name} has another port"

    def mend_service(self) -> str:
        wrong = [one for one in self.model.services.values() if not (one.there and one.ported and one.sliced)]
        if not wrong:
            return ""
        service = self.dice.choice(wrong)
        service.there = service.ported = service.sliced = True
        self._tell_service(service.name)
        return f"mended Service {service.name}"

    # ---- the device and the way to it

    def device_answers(self) -> str:
        kind, dice = self.dice.choice(DEVICE_FAULTS), self.dice
        longest_s = 40 * self.world.time_scale
        times, for_s = (dice.randint(1, 8), None) if dice.random() < 0.7 else (None, dice.uniform(0.02, 1) * longest_s)
        self.world.box.faults.add(Fault(kind, times=times, for_s=for_s))
        self.done[f"device: {kind}"] += 1
        return f"the device answers {kind}, times={times} for_s={for_s}"

    def turned_away(self) -> str:
        self.world.box.faults.add(Fault("unauthorized", times=self.dice.randint(1, 6)))
        return "the device says that there is no login"

    def device_refuses(self) -> str:
        kind = self.dice.choice(("commit-refused", "write-refused"))
        leader = self.world.leader
        touches = ""
        if leader is not None and self.model.maps and self.dice.random() < 0.5:
            one = self.dice.choice(list(self.model.maps.values()))
            touches = self.dice.choice((one.virtual(one.form), one.pool(one.form)))
        self.world.box.faults.add(Fault(kind, times=self.dice.randint(1, 3), touches=touches))
        self.done[f"device: {kind}"] += 1
        return f"{kind} {touches}"

    def wire_breaks(self) -> str:
        # A request that hangs costs a minute, which is too long where time is real.
        kind = self.dice.choice(WIRE_FAULTS if self.world.time_scale == 1 else WIRE_FAULTS[:3])
        where = self.dice.choice(("", "", "/mgmt/tm/ltm", "/mgmt/tm/transaction", "/mgmt/tm/transaction/"))
        method = self.dice.choice((".*", ".*", "POST|PATCH|DELETE|PUT"))
        self.world.box.faults.add(Fault(kind, method=method, path=where, times=self.dice.randint(1, 3)))
        return f"on the wire: {kind} {method} {where}"

    def late_write(self) -> str:
        for replica in self.world.replicas:
            replica.wire.late = 1
        return "the next write is given up and arrives later"

    def device_away(self) -> str:
        seconds = self.dice.choice((2.0, 10.0, 40.0, 200.0)) * self.dice.uniform(0.5, 1.5)
        self.world.network.down_until = self.world.clock() + seconds
        return f"the device is away for {seconds:.0f} s"

    def device_slow(self) -> str:
        network = self.world.network
        network.slow_s, network.slow_until = self.dice.uniform(0.2, 3), self.world.clock() + self.dice.uniform(5, 60)
        return f"each request takes {network.slow_s:.1f} s"

    def tokens_lost(self) -> str:
        self.world.box.auth.forget_tokens()
        return "the device forgot all tokens"

    def transactions_lost(self) -> str:
        self.world.box.transactions.clear()
        return "the device forgot all transactions"

    def reboot(self) -> str:
        self.world.box.save()
        return self.reboot_unsaved()

    def reboot_unsaved(self) -> str:
        self.world.box.reboot()
        self.world.oracle.restarted()
        self.world.network.down_until = self.world.clock() + self.dice.uniform(20, 120)
        return "the device restarts from what it saved"

    # ---- the API server and the way to it

    def _readers(self) -> list[Any]:
        both = [replica.reader for replica in self.world.replicas]
        return both if self.dice.random() < 0.4 else [self.dice.choice(both)]

    def list_fails(self) -> str:
        what = self.dice.choice(FAILURES)
        for reader in self._readers():
            reader.trouble.next_lists.extend([what] * self.dice.randint(1, 4))
            self._break_watches(reader)
        return what

    def _break_watches(self, reader: Any) -> None:
        for feed in tuple(reader._live.values()):
            feed.offer(None)

    def api_away(self) -> str:
        seconds = self.dice.choice((2.0, 15.0, 60.0, 200.0)) * self.dice.uniform(0.5, 1.5)
        readers = self._readers()
        for reader in readers:
            reader.go_away(seconds)
        return f"the API server is away for {seconds:.0f} s for {len(readers)}"

    def api_silent(self) -> str:
        for reader in self._readers():
            reader.fall_silent(self.dice.uniform(10, 200))
        return "watches are half open"

    def watches_cut(self) -> str:
        if self.world.time_scale < 1:
            self.world.api.end_watches()
        for reader in self._readers():
            self._break_watches(reader)
        return "watches end"

    def history_lost(self) -> str:
        self.world.api.forget()
        self.world.api.end_watches()
        return "the API server comes back without its history"

    def lease_reply_lost(self) -> str:
        for replica in self.world.replicas:
            replica.leases.lost_replies = 1
        return "the next Lease is written and nobody hears of it"

    # ---- operators

    def _members_of_ours(self) -> list[tuple[str, str]]:
        return [
            (item.full_path, name)
            for partition in PARTITIONS
            for item in self.world.box.tree.items("ltm/pool", partition)
            if is_ours(item)
            for name in members(item)
        ]

    def disable_member(self) -> str:
        found = self._members_of_ours()
        if not found:
            return ""
        pool, name = self.dice.choice(found)
        partition = pool.split("/")[1]
        member = members(self.world.box.tree.get("ltm/pool", pool))[name]
        if member.values.get("session") == "user-disabled":
            return ""
        path = f"/{partition}/{name}"
        self.world.box.tree.modify_child("ltm/pool", pool, "members", path, {"session": "user-disabled"})
        self.world.oracle.operator_disabled(pool, name)
        return f"disabled {name} of {pool}"

    def _ours(self, kind: str) -> list[str]:
        tree = self.world.box.tree
        return [item.full_path for one in PARTITIONS for item in tree.items(kind, one) if is_ours(item)]

    def _by_hand(self, kind: str, path: str) -> None:
        item = self.world.box.tree.get(kind, path)
        if item is not None:
            self.world.by_hand[owner_of(item)] = self.world.clock()

    def change_ours(self) -> str:
        kind = self.dice.choice(("ltm/pool", "ltm/virtual"))
        found = self._ours(kind)
        if not found:
            return ""
        path = self.dice.choice(found)
        body = {"loadBalancingMode": "least-connections-member"} if kind == "ltm/pool" else {"pool": "none"}
        self._by_hand(kind, path)
        self.world.box.tree.modify(kind, path, body)
        return f"changed {kind} {path} by hand"

    def delete_ours(self) -> str:
        kind = self.dice.choice(("ltm/pool", "ltm/virtual"))
        found = self._ours(kind)
        if not found:
            return ""
        path = self.dice.choice(found)
        self._by_hand(kind, path)
        try:
            self.world.box.tree.delete(kind, path)
        except Refused as refused:
            return f"could not delete {path}: {refused}"
        return f"deleted {kind} {path} by hand"

    def member_by_hand(self) -> str:
        found = self._members_of_ours()
        if not found:
            return ""
        pool, name = self.dice.choice(found)
        self._by_hand("ltm/pool", pool)
        self.world.box.tree.delete_child("ltm/pool", pool, "members", f"/{pool.split('/')[1]}/{name}")
        return f"deleted member {name} of {pool} by hand"

    def add_foreign(self) -> str:
        tree, dice = self.world.box.tree, self.dice
        partition, number = dice.choice(PARTITIONS), dice.randint(1, 60)
        in_the_way = dice.random() < 0.4
        name = f"default_map{number}" if in_the_way else f"operator{number}"
        kind = dice.choice(("ltm/pool", "ltm/virtual"))
        if kind == "ltm/pool" and in_the_way:
            name = f"cfgmap_default_map{number}_svc{dice.randrange(SERVICES)}"
        if tree.get(kind, f"/{partition}/{name}") is not None or len(self._foreign) > 12:
            return self.remove_foreign()
        body: dict[str, Any] = {"name": name, "partition": partition}
        if kind == "ltm/virtual":
            body["destination"] = f"/{partition}/203.0.{115 + PARTITIONS.index(partition)}.{number}:80"
        if dice.random() < 0.5:
            body["metadata"] = [{"name": "turnbuckle", "value": "1 other k9 ConfigMap/default/map1", "persist": "true"}]
        try:
            tree.create(kind, body)
        except Refused as refused:
            return f"could not add {kind} {name}: {refused}"
        self._foreign.append((kind, f"/{partition}/{name}"))
        return f"added {kind} /{partition}/{name} of their own"

    def remove_foreign(self) -> str:
        tree = self.world.box.tree
        self._foreign = [one for one in self._foreign if tree.get(*one) is not None and not is_ours(tree.get(*one))]
        if not self._foreign:
            return ""
        kind, path = self._foreign.pop(self.dice.randrange(len(self._foreign)))
        tree.delete(kind, path)
        return f"removed {kind} {path} of their own"

    def shared_member(self) -> str:
        pool, name = self.dice.choice(SHARED), f"10.9.9.{self.dice.randint(1, 9)}:80"
        tree = self.world.box.tree
        if name in members(tree.get("ltm/pool", pool)):
            tree.delete_child("ltm/pool", pool, "members", f"/Common/{name}")
            return f"took {name} out of {pool}"
        tree.create_child("ltm/pool", pool, "members", {"name": name})
        return f"put {name} into {pool}"

    # ---- replicas

    async def restart(self) -> str:
        replica = self.dice.choice(self.world.replicas)
        if replica.runs:
            await replica.stop()
        else:
            replica.start()
        return f"replica {replica.name} {'starts' if replica.runs else 'stops'}"

    async def kill(self) -> str:
        replica = self.world.leader or self.dice.choice(self.world.replicas)
        await replica.kill()
        if self.dice.random() < 0.7:
            replica.start()
        return f"replica {replica.name} is killed{' and starts again' if replica.runs else ''}"

    async def change_leader(self) -> str:
        replica = self.world.leader
        if replica is None:
            return ""
        await replica.stop()
        replica.start()
        return f"replica {replica.name} stops leading and starts again"

    def stall(self) -> str:
        replica = self.world.leader or self.dice.choice(self.world.replicas)
        replica.pause(self.dice.uniform(5, 60))
        return f"replica {replica.name} stalls"


TABLE: dict[str, tuple[float, dict[str, float]]] = {
    "edit": (
        62,
        {
            "create_map": 8,
            "recreate_map": 2,
            "change_map": 10,
            "delete_map": 5,
            "break_map": 3,
            "mend_map": 4,
            "touch_map": 2,
            "scale": 30,
            "pod_state": 20,
            "roll_over": 4,
            "delete_service": 1.5,
            "delete_slice": 1.5,
            "lose_port": 1.5,
            "mend_service": 6,
        },
    ),
    "device": (
        14,
        {
            "device_answers": 10,
            "device_refuses": 4,
            "turned_away": 2,
            "wire_breaks": 10,
            "late_write": 2,
            "device_away": 2,
            "device_slow": 2,
            "tokens_lost": 2,
            "transactions_lost": 2,
            "reboot": 0.4,
            "reboot_unsaved": 0.4,
        },
    ),
    "API server": (
        11,
        {
            "list_fails": 8,
            "api_away": 3,
            "api_silent": 3,
            "watches_cut": 5,
            "history_lost": 2,
            "lease_reply_lost": 2,
        },
    ),
    "operator": (
        10,
        {
            "disable_member": 5,
            "change_ours": 3,
            "delete_ours": 3,
            "member_by_hand": 3,
            "add_foreign": 4,
            "remove_foreign": 2,
            "shared_member": 2,
        },
    ),
    "replica": (3, {"restart": 4, "kill": 3, "change_leader": 3, "stall": 4}),
}
