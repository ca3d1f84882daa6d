"""What a device says of its place among others: the units of its group, and the groups themselves.

A device that is in no group is the one active unit of a cluster of one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bigipsim.group.membership import Report
from bigipsim.rest.facts import BASE_MAC, BUILD, CHASSIS, MANAGEMENT_ADDRESS, Facts, edition

if TYPE_CHECKING:
    from bigipsim.box import Box

CONFIG_SYNC_PORT: Final = 1026


def devices(box: Box) -> Iterable[Facts]:
    """cm device: the box itself, and every other unit that it ever heard of, by name."""
    if box.group is None:
        yield _device(box, box.hostname, state="active", itself=True)
        return
    for report, reachable in box.group.known():
        itself = report.name == box.hostname
        state = report.state if reachable else "unknown"
        yield {**_device(box, report.name, state, itself), **_own(report)}


def _device(box: Box, name: str, state: str, itself: bool) -> Facts:
    return {
        "name": name,
        "partition": "Common",
        "fullPath": f"/Common/{name}",
        "activeModules": ["BIG-IP, VE|AAAAAAA-AAAAAAA|Local Traffic Manager, VE"],
        "baseMac": BASE_MAC,
        "build": BUILD,
        "cert": "/Common/dtdi.crt",
        "chassisId": CHASSIS,
        "chassisType": "individual",
        "configsyncIp": "none",
        "edition": edition(box),
        "failoverState": state,
        "haCapacity": 0,
        "hostname": name,
        "key": "/Common/dtdi.key",
        "managementIp": MANAGEMENT_ADDRESS,
        "marketingName": "BIG-IP Virtual Edition",
        "mgmtUnicastMode": "both",
        "mirrorIp": "any6",
        "mirrorSecondaryIp": "any6",
        "multicastIp": "any6",
        "multicastPort": 0,
        "optionalModules": [],
        "platformId": "Z100",
        "product": "BIG-IP",
        "selfDevice": "true" if itself else "false",
        "timeLimitedModules": [],
        "timeZone": "UTC",
        "unicastAddress": [_unicast("management-ip")],
        "version": box.version,
    }


def _own(report: Report) -> Facts:
    """What tells one unit of a group from the others; its addresses are where its interface really is."""
    address = urlsplit(report.url).hostname or MANAGEMENT_ADDRESS
    digest = hashlib.blake2s(report.name.encode(), digest_size=6).digest()
    return {
        "baseMac": bytes((2, *digest[:5])).hex(":"),
        "chassisId": f"{CHASSIS[:-12]}{digest.hex()}",
        "configsyncIp": address,
        "managementIp": address,
        "unicastAddress": [_unicast(address)],
    }


def _unicast(address: str) -> Facts:
    return {
        "effectiveIp": address,
        "effectivePort": CONFIG_SYNC_PORT,
        "ip": address,
        "port": CONFIG_SYNC_PORT,
    }


def device_groups(box: Box) -> Iterable[Facts]:
    """cm device-group: the two that the device keeps for itself, and the one that it is in."""
    for name, automatic in (("device_trust_group", "enabled"), ("gtm", "disabled")):
        yield _device_group(name, automatic, "disabled", "sync-only")
    if box.group is not None:
        membership = box.group.membership
        automatic = "enabled" if membership.auto_sync else "disabled"
        yield _device_group(membership.name, automatic, "enabled", "sync-failover")


def _device_group(name: str, automatic: str, network_failover: str, kind: str) -> Facts:
    return {
        "name": name,
        "partition": "Common",
        "fullPath": f"/Common/{name}",
        "asmSync": "disabled",
        "autoSync": automatic,
        "fullLoadOnSync": "false",
        "incrementalConfigSyncSizeMax": 1024,
        "networkFailover": network_failover,
        "saveOnAutoSync": "false",
        "type": kind,
    }


def members(box: Box) -> Iterable[Facts]:
    """The devices of the group that the device is in."""
    for report, _ in box.group.known() if box.group is not None else ():
        path = f"/Common/{report.name}"
        yield {"name": path, "fullPath": path, "setSyncLeader": "false"}


def failover_state(box: Box) -> Facts:
    """The failover state as the REST framework remembers it."""
    state = "active" if box.group is None else box.group.state
    now_micros = round(box.clock.now() * 1e6)
    return {
        "failoverState": state,
        "generation": 0,
        "isEnabled": True,
        "kind": "tm:shared:bigip-failover-state:bigipfailoverstate",
        "lastUpdateMicros": now_micros,
        "nextPollTime": now_micros + 10_000_000,
        "pollCyclePeriodMillis": 10000,
        "selfLink": "https://localhost/mgmt/shared/bigip-failover-state",
    }


LISTS: Final[Mapping[str, Callable[[Box], Iterable[Facts]]]] = {
    "cm/device": devices,
    "cm/device-group": device_groups,
}
