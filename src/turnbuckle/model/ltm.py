"""The objects of a BIG-IP's LTM that Turnbuckle makes, as values.

Equality means: nothing differs that we set. What the device adds (statistics, states, defaults that we never set) is
not here; `admin_state` of a member is what an operator set, so it is carried but not compared.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal

from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path, State

Protocol = Literal["tcp", "udp", "sctp"]
Context = Literal["all", "clientside", "serverside"]
AdminState = Literal["enabled", "disabled", "offline"]
MonitorType = Literal["http", "https", "tcp", "udp", "gateway-icmp"]

_POOL_COMMANDS = re.compile(r"^\s*pool (/\S+)$", re.MULTILINE)

EXISTING_MONITOR = "ltm/monitor"
"""The kind of a monitor of whatever type; those that have a type are in collections below it."""


@dataclass(frozen=True, slots=True)
class LtmObject:
    """What every object has: a name and an owner. `mark` is None on objects that nobody's Turnbuckle made."""

    name: str
    mark: Mark | None

    KIND: ClassVar[str] = ""

    @property
    def path(self) -> Path:
        """Where the object is on the device."""
        return Path(self.KIND, self.name)

    def references(self) -> frozenset[Path]:
        """The objects that must exist before this one, as far as they could be ours."""
        return frozenset()

    def occupies(self) -> frozenset[str]:
        """What only one object on the device can have, such as a destination."""
        return frozenset()

    def whole(self) -> Path | None:
        """The object that this one is a part of on the device: told with that one, and gone when that one goes."""
        return None


def differing(before: LtmObject, after: LtmObject) -> frozenset[str]:
    """The names of the fields in which two objects of one type differ; the mark is called "metadata"."""
    return frozenset(
        "metadata" if f.name == "mark" else f.name
        for f in fields(before)
        if f.compare and getattr(before, f.name) != getattr(after, f.name)
    )


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A pool member: an address and a port.

    node_partition: partition of the node that the device makes for the address.
    address: text of the address, with %ID when it is in a route domain other than the partition's default.
    draining: we had it take no new connections, because its endpoint ends; open ones go on.
    admin_state: what an operator set; of a member that drains, "enabled" unless it was forced offline.
    notes: metadata entries of others (name, value, persist), to be repeated where ours are written.
    """

    address: str
    port: int
    node_partition: str = field(default="", compare=True)
    ratio: int = 1
    priority_group: int = 0
    connection_limit: int = 0
    draining: bool = False
    admin_state: AdminState = field(default="enabled", compare=False)
    mark: Mark | None = field(default=None, compare=False)
    notes: tuple[tuple[str, str, str], ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """The member's name on the device: `10.0.0.1:80`, or `2001:db8::1.80`."""
        separator = "." if ":" in self.address else ":"
        return f"{self.address}{separator}{self.port}"


def as_operators_left_it(before: Member, wanted: Member) -> Member:
    """A member as it shall be, given what is there: what an operator set stays, and is not taken for a drain of ours.

    Whom an operator disabled or forced offline takes no new connections anyway, so it stays as it is until it goes.
    """
    disabled = before.admin_state != "enabled" and not before.draining
    if before.admin_state == "enabled" and not before.notes:
        return wanted
    return replace(
        wanted,
        draining=wanted.draining and not disabled,
        admin_state=before.admin_state,
        notes=before.notes,
    )


@dataclass(frozen=True, slots=True)
class Monitor(LtmObject):
    """A health monitor. send and recv are the strings as the device stores them, with backslash sequences literal.

    ssl_profile: full path of an operator's server-SSL profile that a monitor of type https speaks by; empty for none.
    """

    type: MonitorType = "tcp"
    interval_s: int = 5
    timeout_s: int = 16
    send: str = ""
    recv: str = ""
    ssl_profile: str = ""

    @property
    def path(self) -> Path:
        """Monitors of each type are a collection of their own."""
        return Path(f"ltm/monitor/{self.type}", self.name)


@dataclass(frozen=True, slots=True)
class Pool(LtmObject):
    """A pool that is ours, members included.

    monitors: those of an operator have the kind EXISTING_MONITOR, since nobody says of which type they are.
    monitors_needed: how many of them have to say that a member is up; 0: all.
    """

    members: frozenset[Member] = frozenset()
    load_balancing: str = "round-robin"
    monitors: tuple[Path, ...] = ()
    monitors_needed: int = 0

    KIND: ClassVar[str] = "ltm/pool"

    def references(self) -> frozenset[Path]:
        """Its monitors; those of an operator the device knows."""
        return frozenset(path for path in self.monitors if path.kind != EXISTING_MONITOR)


@dataclass(frozen=True, slots=True)
class DesignatedPool(LtmObject):
    """Our members in a pool that somebody else made; the rest of that pool is not ours to read or to change.

    `mark` is the mark that the members bear. `taken` names members at the same address and port that others made
    (observed only; never written). `owners` are those whose members these are, as in Mark.owner, those without a single
    one included (desired only; never written).
    """

    members: frozenset[Member] = frozenset()
    taken: frozenset[str] = field(default=frozenset(), compare=False)
    owners: frozenset[str] = frozenset()

    KIND: ClassVar[str] = "ltm/pool/members"


def identical(one: LtmObject, other: LtmObject) -> bool:
    """Whether two objects are equal also in what is carried and not compared, as what an operator set on members."""
    return one == other and _carried(one) == _carried(other)


def sharing(state: State, other: State) -> State:
    """The same state, with the other's objects where the two are identical, so that they are in memory once."""
    pairs = ((other.get(path), obj) for path, obj in state.items())
    return State([known if known is not None and identical(known, obj) else obj for known, obj in pairs])


def _carried(obj: LtmObject) -> frozenset[object]:
    if not isinstance(obj, Pool | DesignatedPool):
        return frozenset()
    taken = obj.taken if isinstance(obj, DesignatedPool) else frozenset[str]()
    return taken | {(m, m.admin_state, m.mark, m.notes) for m in obj.members}


@dataclass(frozen=True, slots=True)
class DataGroup(LtmObject):
    """A table of names and values, looked up by name; `type` says what the names are ("string", "ip", "integer")."""

    type: str = "string"
    records: frozenset[tuple[str, str]] = frozenset()

    KIND: ClassVar[str] = "ltm/data-group/internal"


@dataclass(frozen=True, slots=True)
class IRule(LtmObject):
    """An iRule. text: without blanks at its ends, lines ended by a line feed, ASCII: as the device keeps it."""

    text: str = ""

    KIND: ClassVar[str] = "ltm/rule"

    @property
    def digest(self) -> str:
        """SHA-256 of the text in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def references(self) -> frozenset[Path]:
        """The pools that it names, which the device checks. Those of ours stand on lines of their own."""
        return frozenset(Path(Pool.KIND, name) for name in _POOL_COMMANDS.findall(self.text))


@dataclass(frozen=True, slots=True, order=True)
class ProfileUse:
    """A profile on a virtual server."""

    name: str
    context: Context = "all"


@dataclass(frozen=True, slots=True)
class VirtualServer(LtmObject):
    """A virtual server.

    destination_address: address text, with %ID for a route domain; port 1 to 65535.
    profiles: those that it needs as a whole, of operators as a rule; a certificate's profile that somebody's part of it
    needs is a ProfileBinding.
    snat: "none", "automap", or the full path of a SNAT pool.
    persistence: full path of a persistence profile; empty for none.
    policies, rules: full paths of policies and iRules of ours; those that an operator attached are not here, and stay.
    default_ssl: full path of the client-SSL profile of ours that answers whoever names no server (see
    model.tls.default_profile); empty: it does not speak TLS by a certificate of ours.
    source: the only clients that are listened to, as a prefix such as 10.0.0.0/8; empty: all.
    """

    destination_address: str = ""
    port: int = 0
    protocol: Protocol = "tcp"
    pool: str = ""
    profiles: frozenset[ProfileUse] = frozenset()
    snat: str = "automap"
    persistence: str = ""
    policies: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    default_ssl: str = ""
    translate_address: bool = True
    source: str = ""

    KIND: ClassVar[str] = "ltm/virtual"

    def references(self) -> frozenset[Path]:
        """Its pool, policies, iRules and default certificate; other profiles are an operator's."""
        found = {Path("ltm/policy", policy) for policy in self.policies}
        found |= {Path(IRule.KIND, rule) for rule in self.rules}
        if self.pool:
            found.add(Path(Pool.KIND, self.pool))
        if self.default_ssl:
            found.add(Path("ltm/profile/client-ssl", self.default_ssl))
        return frozenset(found)

    def occupies(self) -> frozenset[str]:
        """One listener for each destination and protocol."""
        return frozenset({f"{self.destination_address}|{self.port}|{self.protocol}"})


@dataclass(frozen=True, slots=True, order=True)
class IAppTable:
    """A table of an iApp service."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class IAppService(LtmObject):
    """An application service made from an iApp template; `name` is `/partition/x.app/x`.

    options: settings of the service itself, such as ("trafficGroup", "/Common/traffic-group-1").
    """

    template: str = ""
    options: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    tables: tuple[IAppTable, ...] = ()

    KIND: ClassVar[str] = "sys/application/service"
