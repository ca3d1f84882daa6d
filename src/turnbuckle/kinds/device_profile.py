"""DeviceProfile: whether a profile that somebody names is on the BIG-IP.

No cluster and no folder has such objects. To read one is to ask for it (see engine/demand.py), and whoever asks the
device (runtime/profiles.py) answers with the object. Where nobody does, as for a folder, it is taken to be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from turnbuckle.model.ref import Ref
from turnbuckle.model.state import Path

ON_DEMAND = "DeviceProfile"

ProfileSort = Literal["client-ssl", "server-ssl"]
"""As the device's collections are called."""

_COLLECTION = "ltm/profile/"


@dataclass(frozen=True, slots=True)
class DeviceProfileSpec:
    """The answer."""

    there: bool


def asked(sort: ProfileSort, full_path: str) -> Ref:
    """The name of the object for a profile."""
    return Ref("", ON_DEMAND, sort, full_path)


def path_of(ref: Ref) -> Path:
    """The profile that the name of an object asks for."""
    return Path(f"{_COLLECTION}{ref.namespace}", ref.name)
