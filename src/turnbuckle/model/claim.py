"""Claims: what a root object wants, for which key.

A key names one thing that several roots may want a part in. Keys have levels: a composer may claim for keys of a higher
level, and read what lower ones made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from turnbuckle.model.policy import Action, Condition
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
    """A pool, or our part in one, filled from a Service's port, by its number or its name.

    protocol: which of a Service's ports of that number is meant, as Services have it ("TCP", "UDP"); empty: the first.
    """

    name: str
    namespace: str
    service: str
    port: int | str
    protocol: str = ""

    LEVEL: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class CertificateKey(Key):
    """The certificate and the key of a Secret, in a partition; `made` is a CertificateFiles."""

    partition: str
    namespace: str
    secret: str

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
class HostKey(Key):
    """What is asked of one host at a destination; an empty host is every host, REST is what no rule matches."""

    address: str
    port: int
    protocol: str
    host: str

    LEVEL: ClassVar[int] = 4
    REST: ClassVar[str] = "*"


@dataclass(frozen=True, slots=True)
class IAppKey(Key):
    """An application service."""

    name: str

    LEVEL: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """A health monitor that a pool wants. ssl_profile: full path of a server-SSL profile, for type https."""

    name: str
    type: str
    interval_s: int
    timeout_s: int
    send: str = ""
    recv: str = ""
    ssl_profile: str = ""


@dataclass(frozen=True, slots=True)
class PoolFields:
    """Where in its owner's object stands what a pool is made of, as Issue.field has it."""

    service: str = ""
    port: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What a claim on a PoolKey wants.

    form: "pool" makes a pool of ours, "designated" claims members in somebody else's, "members" makes nothing on the
    device and only lets others read the members. existing_monitors: full paths of monitors that the device has already.
    monitors_needed: as in Pool, where there are several.
    """

    form: str = "pool"
    load_balancing: str = "round-robin"
    monitors: tuple[MonitorSettings, ...] = ()
    existing_monitors: tuple[str, ...] = ()
    monitors_needed: int = 0
    fields: PoolFields = PoolFields()


@dataclass(frozen=True, slots=True)
class CertificateUse:
    """What a claim on a CertificateKey wants: that clients can trust it for these hosts. field: where it is named."""

    field: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Full paths of a certificate and its key on the device. chained: others follow it in its file."""

    certificate: str
    key: str
    chained: bool = False


@dataclass(frozen=True, slots=True)
class HostRule:
    """A rule of a policy, for one place below a host.

    name: the rule's name on the device. place: what it answers for, as people write it ("/shop", "= /"); of several
    owners the oldest has it. ordinal, conditions, actions: see PolicyRule. field: where its owner says so.
    """

    name: str
    place: str
    ordinal: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    field: str


@dataclass(frozen=True, slots=True)
class HostRules:
    """What a claim on a HostKey wants: rules in the policy of this full path. field: where the host is named."""

    policy: str
    rules: tuple[HostRule, ...]
    field: str


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """What a claim on an AddressKey, and then on a ListenerKey, wants: a virtual server of this name.

    share: claims with the same token share the virtual server; an empty one shares with nobody.
    pool: full path, for what no rule matches; empty where nothing is said about that, or rest has rules for it.
    profiles: (full path, context); certificates: those that clients are shown, beside profiles that name their own.
    secure: without a certificate there is no virtual server. policy, hosts: full path of the policy for the rules, and
    for each host its rules; needs: what the policy requires of a virtual server.
    translate_address: whether members see their own address as the destination; None where nothing is said.
    source: whom it serves, as a prefix; empty: everybody.
    pool_field, profile_field, translate_field, port_field: where that stands in the owner's object, and field the
    address.
    """

    name: str
    partition: str
    port: int
    protocol: str
    pool: str
    profiles: frozenset[tuple[str, str]]
    snat: str = "automap"
    persistence: str = ""
    field: str = ""
    share: str = ""
    secure: bool = False
    certificates: tuple[CertificateKey, ...] = ()
    policy: str = ""
    needs: str = "http"
    hosts: tuple[tuple[str, HostRules], ...] = ()
    rest: HostRules | None = None
    translate_address: bool | None = None
    source: str = ""
    pool_field: str = ""
    profile_field: str = ""
    translate_field: str = ""
    port_field: str = ""


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
