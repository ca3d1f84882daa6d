"""Whether profiles are on the device: asked once, and again only of those that are not there."""

from __future__ import annotations

from collections.abc import Collection

from turnbuckle.drivers.base import Unreachable
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.kinds.device_profile import asked, path_of
from turnbuckle.model.ref import Event, Gone, Put, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.runtime.profiles import Profiles

ONE, OTHER = asked("client-ssl", "/Common/one"), asked("server-ssl", "/Common/other")
ROOT = Ref("", "Ingress", "ns", "a")


class Device:
    """has: the profiles that are there; None: it does not answer."""

    def __init__(self, *has: Ref) -> None:
        self.has: set[Ref] | None = set(has)
        self.asked: list[list[str]] = []

    async def missing(self, paths: Collection[Path]) -> frozenset[Path]:
        self.asked.append(sorted(map(str, paths)))
        if self.has is None:
            raise Unreachable("It is away.")
        return frozenset(paths) - {path_of(ref) for ref in self.has}


def wanting(*refs: Ref) -> Snapshot:
    others = {Ref("", "Lease", "Dev", "shop/web_svc|IPv4"): frozenset({ROOT})}
    return Snapshot(1, State(), demand={**others, **{ref: frozenset({ROOT}) for ref in refs}})


def told(events: list[Event]) -> dict[str, bool]:
    return {event.obj.ref.name: event.obj.spec.there for event in events if isinstance(event, Put)}


async def test_what_is_asked_for_is_answered_and_what_is_missing_is_asked_for_again() -> None:
    device = Device(ONE)
    profiles = Profiles(device.missing)
    assert told(await profiles.first(wanting(ONE, OTHER))) == {"/Common/one": True, "/Common/other": False}
    assert await profiles._look() == []
    device.has = {ONE, OTHER}
    assert told(await profiles._look()) == {"/Common/other": True}
    assert await profiles._look() == []
    assert device.asked == [
        ["ltm profile client-ssl /Common/one", "ltm profile server-ssl /Common/other"],
        ["ltm profile server-ssl /Common/other"],
        ["ltm profile server-ssl /Common/other"],
    ]


async def test_a_device_that_does_not_answer_says_nothing() -> None:
    device = Device(ONE)
    device.has = None
    profiles = Profiles(device.missing)
    assert await profiles.first(wanting(ONE)) == []
    device.has = {ONE}
    assert told(await profiles._look()) == {"/Common/one": True}


async def test_what_nobody_asks_for_any_more_is_gone_and_asked_for_anew_when_somebody_does() -> None:
    device = Device(ONE)
    profiles = Profiles(device.missing)
    await profiles.first(wanting(ONE))
    profiles.asked(wanting())
    assert await profiles._look() == [Gone(ONE)]
    profiles.asked(wanting(ONE))
    device.has = set()
    assert told(await profiles._look()) == {"/Common/one": False}
