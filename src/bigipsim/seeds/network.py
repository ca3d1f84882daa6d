"""The partition, folders, traffic groups, route domain and tunnels of a fresh device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigipsim.seeds.release import Release

_FLOATING = "/Common/traffic-group-1"


def foundations(release: Release, device_group: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What everything else stands on, in the order of dependence."""
    for name, unit, floating in (("traffic-group-1", 1, "true"), ("traffic-group-local-only", 0, "false")):
        yield "cm/traffic-group", _traffic_group(name, unit, floating)
    description = "Repository for system objects and shared objects."
    yield "auth/partition", {"name": "Common", "defaultRouteDomain": 0, "description": description}
    yield "sys/folder", _folder("/", inherited="false", device_group=device_group)
    yield "sys/folder", {**_folder("Common", inherited="false", device_group=device_group), "subPath": "/"}
    yield "sys/folder", {**_folder("Drafts", inherited="true"), "partition": "Common"}
    yield "net/route-domain", _route_domain(release)


def _traffic_group(name: str, unit: int, floating: str) -> dict[str, Any]:
    return {
        "name": name,
        "partition": "Common",
        "autoFailbackEnabled": "false",
        "autoFailbackTime": 60,
        "failoverMethod": "ha-order",
        "haLoadFactor": 1,
        "isFloating": floating,
        "mac": "none",
        "monitor": {},
        "unitId": unit,
    }


def _folder(name: str, inherited: str, device_group: str = "none") -> dict[str, Any]:
    return {
        "name": name,
        "deviceGroup": device_group,
        "hidden": "false",
        "inheritedDevicegroup": inherited,
        "inheritedTrafficGroup": inherited,
        "noRefCheck": "false",
        "trafficGroup": _FLOATING,
    }


def _route_domain(release: Release) -> dict[str, Any]:
    return {
        "name": "0",
        "partition": "Common",
        "id": 0,
        "connectionLimit": 0,
        "strict": "enabled",
        "throughputCapacity": "infinite" if release >= Release(14, 0) else 0,
        "vlans": ["/Common/http-tunnel", "/Common/socks-tunnel"],
    }


def tunnels(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """VXLAN profiles and the two tunnels of the explicit proxy, each with its forwarding table."""
    yield "net/tunnels/vxlan", _vxlan("vxlan", "none", "multicast")
    for name, flooding in (
        ("vxlan-multipoint", "multipoint"),
        ("vxlan-ovsdb", "replicator"),
        ("vxlan-ovsdb-multipoint", "multipoint"),
        ("vxlan-ovsdb-no-flooding", "none"),
    ):
        yield "net/tunnels/vxlan", _vxlan(name, "/Common/vxlan", flooding)
    gpe = {"encapsulationType": "vxlan-gpe", "port": 4790}
    yield "net/tunnels/vxlan", {**_vxlan("vxlan-gpe", "/Common/vxlan", "multicast"), **gpe}
    for index, name in enumerate(("http-tunnel", "socks-tunnel")):
        yield "net/tunnels/tunnel", _proxy_tunnel(name, 112 + 16 * index)
        yield "net/fdb/tunnel", {"name": name, "partition": "Common"}


def _vxlan(name: str, parent: str, flooding: str) -> dict[str, Any]:
    return {
        "name": name,
        "partition": "Common",
        "defaultsFrom": parent,
        "encapsulationType": "vxlan",
        "floodingType": flooding,
        "port": 4789,
    }


def _proxy_tunnel(name: str, interface: int) -> dict[str, Any]:
    return {
        "name": name,
        "partition": "Common",
        "autoLasthop": "default",
        "description": f"Tunnel for {name.partition('-')[0]}-explicit profile",
        "idleTimeout": 300,
        "ifIndex": interface,
        "key": 0,
        "localAddress": "any6",
        "mode": "bidirectional",
        "mtu": 0,
        "profile": "/Common/tcp-forward",
        "remoteAddress": "any6",
        "secondaryAddress": "any6",
        "tos": "preserve",
        "transparent": "disabled",
        "usePmtu": "enabled",
    }
