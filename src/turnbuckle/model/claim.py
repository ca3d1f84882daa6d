"""Claims: what a root object wants, for which key.

A key names one thing that several roots may want a part in. Keys have levels: a composer may claim for keys of a higher
level, and read what lower ones made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from turnbuckle.model.ref import Age, Ref


@dataclass(frozen=True, slots=True)
class Key:
    """What every key has: a level. Lower levels are composed first."""

    LEVEL: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """For `key`, `owner` wants `want` (a type of the key's own).

    age: the owner's SourceObject.age_key(); of claims on one key the smallest wins where only one can.
    """

    owner: Ref
    age: Age
    key: Key
    want: Any


@dataclass(frozen=True, slots=True)
class PoolKey(Key):
    """A pool, or our part in one, filled from a Service's port."""

    name: str
    namespace: str
    service: str
    port: int

    LEVEL: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class DesignatedPoolKey(Key):
    """A pool that somebody else made, by its full path; claims want frozensets of
    (address, port, whether it drains) there, or None where that is not known."""

    name: str

    LEVEL: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class AddressKey(Key):
    """An address on the device, in its route domain: who may listen there, and in which partition it lives."""

    address: str

    LEVEL: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class ListenerKey(Key):
    """A destination: one virtual server can have it."""

    address: str
    port: int
    protocol: str

    LEVEL: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class IAppKey(Key):
    """An application service."""

    name: str

    LEVEL: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """A health monitor that a pool wants."""

    name: str
    type: str
    interval_s: int
    timeout_s: int
    send: str = ""
    recv: str = ""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What a claim on a PoolKey wants.

    form: "pool" makes a pool of ours, "designated" claims members in somebody else's, "members" makes nothing on the
    device and only lets others read the members.
    """

    form: str = "pool"
    load_balancing: str = "round-robin"
    monitors: tuple[MonitorSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """What a claim on an AddressKey, and then on a ListenerKey, wants: a virtual server of this name."""

    name: str
    partition: str
    port: int
    protocol: str
    pool: str
    profiles: frozenset[tuple[str, str]]
    snat: str = "automap"
    persistence: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class IAppSettings:
    """What a claim on an IAppKey wants.

    member_table: name of the table that the pool's members fill; its columns are (column name, "IPAddress" | "Port"
    | "=" + constant).
    """

    template: str
    pool: PoolKey
    options: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    tables: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    member_table: str
    member_columns: tuple[tuple[str, str], ...]
