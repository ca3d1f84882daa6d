"""Decides which objects every device has in Common before anybody configures it.

Base objects carry every property of their type; those built on one name it in `defaultsFrom` and carry only
what they change, so that the rest is inherited as for any other object.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from bigipsim.seeds import local, monitors, network, persistence, profiles, tls
from bigipsim.seeds.release import Release

__all__ = ["seeds"]

Seed = tuple[str, dict[str, Any]]


def seeds(version: str, device_group: str = "none") -> Iterator[Seed]:
    """The objects of a fresh device as (collection, body), each after those it refers to.

    A body has the keys of the wire, `name` and `partition` included, without kind, links and references.
    `version` is the release of TMOS, such as "16.1.3": property sets and defaults differ between releases.
    `device_group` is the full path of the sync-failover group that the device is in: its folders belong to it.
    """
    release = Release.parse(version)
    parts = (tls.certificates, monitors.monitors, profiles.profiles, tls.profiles)
    later = (persistence.persistence, local.local, network.tunnels)
    return chain(
        network.foundations(release, device_group), chain.from_iterable(part(release) for part in parts + later)
    )
