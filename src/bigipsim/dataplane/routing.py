"""Decides how a connection or request finds its member: when another one is tried, and when it is given up.

A member that cannot be reached is followed by others as often as the pool's reselectTries says. When that is over,
the parts hear of it (LB_FAILED) and may send the traffic elsewhere, as they may when a member was chosen (LB_SELECTED).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bigipsim.dataplane.config import DISABLED
from bigipsim.dataplane.parts import Parts
from bigipsim.dataplane.selection import Choice, Selection
from bigipsim.dataplane.traffic import Event, Reset, ToVirtual, Traffic

Reached = TypeVar("Reached")

MOST_TURNS: Final = 16
"""How often traffic may be sent elsewhere, from virtual server to virtual server or by a part; then it is reset."""


async def route(
    traffic: Traffic,
    selection: Selection,
    parts: Parts,
    arrive: Callable[[], Awaitable[None]],
    reach: Callable[[Choice], Awaitable[Reached | None]],
) -> Reached | None:
    """What was reached, or None when the verdict that stands then leads to no member.

    `arrive` tells the parts of the traffic anew, after it has come to another virtual server; `reach` answers None
    when a member cannot be reached.
    """
    tried: frozenset[str] = frozenset()
    turns = 0
    while turns < MOST_TURNS and not (traffic.answered or traffic.over):
        verdict = traffic.verdict
        if isinstance(verdict, ToVirtual):
            turns += 1
            await _cross(traffic, verdict, parts, arrive)
            continue
        choice = traffic.choose(selection, tried)
        if choice is not None:
            traffic.selected = choice
            traffic.fire(Event.LB_SELECTED)
            if traffic.verdict != verdict:
                turns += 1
                continue
            reached = await reach(choice)
            if reached is not None:
                return reached
            tried |= {choice.member.path}
            if len(tried) <= choice.pool.reselect_tries:
                continue
        turns += 1
        traffic.failed, traffic.verdict = verdict, Reset()
        traffic.fire(Event.LB_FAILED)
    return None


async def _cross(traffic: Traffic, verdict: ToVirtual, parts: Parts, arrive: Callable[[], Awaitable[None]]) -> None:
    """Goes on in another virtual server; one that is missing or disabled resets the client."""
    other = parts.virtual(verdict.virtual)
    if other is None or other.not_served == DISABLED:
        traffic.verdict = Reset()
        return
    traffic.enter(other, parts.of(other))
    await arrive()
