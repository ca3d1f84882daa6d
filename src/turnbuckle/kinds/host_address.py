"""HostAddress: the address that a host's name stands for, as DNS says.

No cluster and no folder has such objects. To read one is to ask for it (see engine/demand.py), and whoever looks names
up (sources/names.py) answers with the object.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnbuckle.model.ref import Ref

ON_DEMAND = "HostAddress"


@dataclass(frozen=True, slots=True)
class HostAddressSpec:
    """The answer.

    address: empty as long as there never was one. trouble: why it could not be looked up when that was tried last, as a
    clause.
    """

    address: str = ""
    trouble: str = ""


def asked(host: str) -> Ref:
    """The name of the object for a host."""
    return Ref("", ON_DEMAND, "", host)
