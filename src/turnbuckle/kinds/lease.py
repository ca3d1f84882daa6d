"""Lease: an address that was granted to whoever asked for it under a key.

No cluster and no folder has such objects. To read one is to ask for it (see engine/demand.py), and whoever keeps the
addresses answers with the object. The same key in the same pool is the same address, so objects share one by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from turnbuckle.model.ref import Ref

ON_DEMAND = "Lease"

Family = Literal["IPv4", "IPv6"]
Refusal = Literal["", "no such pool", "no such family", "exhausted"]


@dataclass(frozen=True, slots=True)
class LeaseSpec:
    """The answer: an address, or why there is none.

    outside: the address is none of the pool's any more; whoever has it keeps it. instead: where there is no such pool,
    those that there are; where the pool is exhausted, how many addresses it has.
    """

    address: str = ""
    refusal: Refusal = ""
    outside: bool = False
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: an address of a family from a pool, under a key such as "shop/web_svc"."""

    pool: str
    key: str
    family: Family

    @property
    def ref(self) -> Ref:
        """The name of the lease."""
        return Ref("", ON_DEMAND, self.pool, f"{self.key}|{self.family}")


class Addressed:
    """A spec of which the status says which addresses it has: of either family, as far as they can be read."""

    __slots__ = ()
    addresses: tuple[str, ...]


def asked(ref: Ref) -> Asked:
    """What the name of a lease asks for."""
    key, _, family = ref.name.rpartition("|")
    return Asked(ref.namespace, key, "IPv6" if family == "IPv6" else "IPv4")
