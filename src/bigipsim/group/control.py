"""Decides what may be done to a unit of a device group from outside, and how other units speak to it, below /_sim/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from bigipsim.group import status
from bigipsim.group.group import Command, Direction, Group, SyncRefused
from bigipsim.group.membership import GroupMistake, Report, Shared

LINK_DOWN: Final = 503
"""The status of a beat over a link that was taken away on purpose, which is no trouble to tell of."""


class NoWay(ValueError):
    """The link to the unit that speaks was taken away: it is not listened to."""


class NewPeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where another unit is."""

    url: str


class LinkChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the link to a peer, by name or URL, works; "" is all peers."""

    up: bool
    peer: str = ""


class FailoverWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a unit is to become."""

    to: Command


class SyncWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which way the configuration is to go, and whether over a newer one."""

    direction: Direction = "to-group"
    force: bool = False


def shown(group: Group) -> dict[str, Any]:
    """A unit's view of its group, for people and tests."""
    told = status.synchronisation(group)
    return {
        "group": group.membership.name,
        "unit": msgspec.to_builtins(group.report()),
        "sync": {"status": told.status, "summary": told.summary, "details": told.details},
        "peers": [
            {
                "url": peer.url,
                "reachable": peer.reachable,
                "link": "down" if peer.cut else "up",
                "missed": peer.missed,
                "trouble": peer.trouble,
                "report": msgspec.to_builtins(peer.report),
            }
            for peer in group.peers.values()
        ],
    }


def _show(group: Group, body: bytes) -> Any:
    return shown(group)


def _join(group: Group, body: bytes) -> Any:
    group.join(msgspec.json.decode(body, type=NewPeer).url)
    return shown(group)


def _link(group: Group, body: bytes) -> Any:
    wish = msgspec.json.decode(body, type=LinkChange)
    return {"up": wish.up, "peers": group.cut(wish.peer, not wish.up)}


def _fail_over(group: Group, body: bytes) -> Any:
    group.command(msgspec.json.decode(body, type=FailoverWish).to)
    return {"state": group.state}


def _synchronise(group: Group, body: bytes) -> Any:
    wish = msgspec.json.decode(body.strip() or b"{}", type=SyncWish)
    group.order_sync(wish.direction, wish.force)
    return {}


def _beat(group: Group, body: bytes) -> Any:
    report = msgspec.json.decode(body, type=Report)
    if group.is_cut(report):
        raise NoWay(f"the link between {group.name} and {report.name} is down")
    group.hear(report)
    return group.report()


def _give(group: Group, body: bytes) -> Any:
    return group.shared()


def _take(group: Group, body: bytes) -> Any:
    group.receive(msgspec.json.decode(body, type=Shared))
    return group.report()


Answer = Callable[[Group, bytes], Any]

ROUTES: Final[Mapping[tuple[str, str], tuple[Answer, str]]] = {
    ("GET", "group"): (_show, "the device group as this unit sees it: peers, who is active, how far all are in sync"),
    ("POST", "group"): (_join, 'counts another unit among the peers: {"url"}'),
    ("POST", "link"): (_link, 'takes away or restores the link to a peer: {"up", "peer": name, URL or "" for all}'),
    ("POST", "failover"): (_fail_over, 'what sys failover does: {"to": "standby", "offline" or "online"}'),
    ("POST", "sync"): (_synchronise, 'what cm config-sync does: {"direction": "to-group" or "from-group", "force"}'),
    ("POST", "beat"): (_beat, "how units hear of each other"),
    ("GET", "config"): (_give, "the configuration that the units of the group share, with its private keys"),
    ("POST", "config"): (_take, "takes such a configuration, as from another unit, unless this unit has a newer one"),
}
"""What only units of a group answer, by method and name."""

MISTAKES: Final[Mapping[type[Exception], int]] = {NoWay: LINK_DOWN, SyncRefused: 409, GroupMistake: 409}
"""The status with which a refusal of each sort is answered."""
