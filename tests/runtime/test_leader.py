"""Leases are held, renewed, taken over and given back; a clock that others have wrong does not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from fakes.leases import FakeLeases
from turnbuckle.model.state import Path
from turnbuckle.planner.freeze import Freeze
from turnbuckle.runtime.leader import DURATION_S, FORBIDDEN_ROUNDS, Election, Lease, lease_names
from turnbuckle.sources.kubernetes import Forbidden, KubernetesError


def none() -> int:
    return 0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Writer:
    """Notes what an election tells it."""

    def __init__(self) -> None:
        self.told: list[int | None] = []
        self.leads = False
        self.may_write: Callable[[], bool] = lambda: False
        self.frozen, self.allowed = Freeze(), False
        self.waiting: tuple[Path, ...] = ()

    def lead(self, number: int, may_write: Callable[[], bool]) -> None:
        self.told.append(number)
        self.leads = True
        self.may_write = may_write

    def follow(self) -> None:
        self.told.append(None)
        self.leads = False

    def freeze(self, what: Freeze) -> None:
        self.frozen = what

    def allow_mass_delete(self, allowed: bool) -> None:
        self.allowed = allowed

    def waits(self) -> Sequence[Path]:
        return self.waiting


class Over(Exception):
    """The rounds that a test wants are done."""


async def rounds(api: FakeLeases, clock: Clock, writer: Writer, count: int, *names: str) -> list[str]:
    """Lets an election run for some rounds, a second each; answers the troubles that it told."""
    told: list[str] = []

    async def sleep(_: float) -> None:
        nonlocal count
        count -= 1
        if not count:
            raise Over
        clock.now += 1

    leases = [Lease(api, "kube-system", name, "one", clock, first=none) for name in names or ("a",)]
    with pytest.raises(Over):
        await Election(api, leases, writer, told.append, clock=clock, sleep=sleep).run()
    return told


def lease(api: FakeLeases, identity: str, clock: Clock) -> Lease:
    return Lease(api, "kube-system", "a", identity, clock, first=none)


async def test_the_first_one_holds_it_and_a_second_one_waits() -> None:
    api, clock = FakeLeases(), Clock()
    one, two = lease(api, "one", clock), lease(api, "two", clock)
    assert await one.take()
    assert not await two.take()
    assert two.holder == "one"
    assert one.held_until == clock.now + DURATION_S


async def test_a_lease_that_somebody_deleted_goes_on_with_a_higher_number() -> None:
    api, clock = FakeLeases(), Clock()
    one = Lease(api, "kube-system", "a", "one", clock)
    await one.take()
    before = one.number
    api.objects.clear()
    two = Lease(api, "kube-system", "a", "two", clock, first=lambda: before + 5)
    await two.take()
    assert two.number > before > 1_000_000


async def test_whoever_renews_keeps_it_for_ever() -> None:
    api, clock = FakeLeases(), Clock()
    one, two = lease(api, "one", clock), lease(api, "two", clock)
    for _ in range(50):
        assert await one.take()
        assert not await two.take()
        clock.now += DURATION_S / 2
    assert api.objects["a"]["spec"]["leaseTransitions"] == 0


async def test_a_lease_that_is_not_renewed_is_taken_only_after_its_whole_duration() -> None:
    api, clock = FakeLeases(), Clock()
    one, two = lease(api, "one", clock), lease(api, "two", clock)
    await one.take()
    await two.take()
    clock.now += DURATION_S - 0.1
    assert not await two.take()
    clock.now += 0.2
    assert await two.take()
    assert two.number == one.number + 1
    assert not await one.take()


async def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    api, clock = FakeLeases(), Clock()
    one, two = lease(api, "one", clock), lease(api, "two", clock)
    await one.take()
    await one.release()
    assert await two.take()


async def test_what_others_wrote_on_the_lease_stays() -> None:
    api, clock = FakeLeases(), Clock()
    one = lease(api, "one", clock)
    await one.take()
    api.objects["a"]["metadata"]["annotations"] = {"turnbuckle/freeze": "true"}
    await one.take()
    assert api.objects["a"]["metadata"]["annotations"] == {"turnbuckle/freeze": "true"}
    assert one.annotations == {"turnbuckle/freeze": "true"}


async def test_one_who_cannot_renew_leads_to_the_end_of_the_lease_and_no_longer() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    await rounds(api, clock, writer, 2)
    assert writer.told == [1]
    api.unreachable()
    told = await rounds(api, clock, writer, 20)
    assert "cannot be renewed" in told[0]


async def test_a_leader_stops_when_it_could_not_renew_for_the_duration_and_writes_nothing_shortly_before() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    seen: list[bool] = []

    async def sleep(_: float) -> None:
        clock.now += 1
        api.unreachable()
        seen.append(writer.may_write())
        if len(seen) == 15:
            raise Over

    with pytest.raises(Over):
        await Election(api, [lease(api, "one", clock)], writer, lambda _: None, clock=clock, sleep=sleep).run()
    assert writer.told == [1, None]
    assert seen == [True] * 4 + [False] * 11


async def test_a_writer_that_stopped_by_itself_is_told_again_once_the_lease_is_held_for_sure() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()

    async def sleep(_: float) -> None:
        clock.now += 1
        if len(writer.told) == 2:
            raise Over
        writer.leads = False

    with pytest.raises(Over):
        await Election(api, [lease(api, "one", clock)], writer, lambda _: None, clock=clock, sleep=sleep).run()
    assert writer.told == [1, 1]


async def test_all_leases_have_to_be_held() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    other = Lease(api, "kube-system", "b", "two", clock)
    await other.take()
    await rounds(api, clock, writer, 5, "a", "b")
    assert writer.told == []


async def test_one_who_may_not_write_leases_leads_alone_and_is_told() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    api.failure = Forbidden("leases is forbidden. Grant the verb get.")
    await rounds(api, clock, writer, FORBIDDEN_ROUNDS - 1)
    assert writer.told == []
    told = await rounds(api, clock, writer, FORBIDDEN_ROUNDS + 3)
    assert writer.told == [0]
    assert writer.may_write()
    assert "run one replica only" in told[-1]


async def test_one_who_led_alone_takes_part_once_it_may() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    api.failure = Forbidden("leases is forbidden. Grant the verb get.")
    told: list[str] = []

    async def sleep(_: float) -> None:
        clock.now += 1
        if writer.told == [0]:
            api.failure = None
        if len(writer.told) == 3:
            raise Over

    with pytest.raises(Over):
        await Election(api, [lease(api, "one", clock)], writer, told.append, clock=clock, sleep=sleep).run()
    assert writer.told == [0, None, 1]
    assert told[-1] == ""


async def test_leaving_gives_back_what_is_held_even_when_the_server_is_gone() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    election = Election(api, [lease(api, "one", clock)], writer, lambda _: None, clock=clock, sleep=stop)
    with pytest.raises(Over):
        async with election:
            await election.run()
    assert writer.told == [1, None]
    assert api.objects["a"]["spec"]["holderIdentity"] == ""
    api.failure = KubernetesError("gone")
    await election.leave()


async def stop(_: float) -> None:
    raise Over


async def test_what_people_write_on_the_lease_is_obeyed_and_what_waits_is_shown_there() -> None:
    api, clock, writer = FakeLeases(), Clock(), Writer()
    writer.waiting = (Path("ltm/pool", "/k8s/web"),)
    await rounds(api, clock, writer, 2)
    annotations = api.objects["a"]["metadata"]["annotations"]
    assert annotations == {"turnbuckle/waiting": "ltm pool /k8s/web"}
    annotations |= {"turnbuckle/freeze": "k8s, /test/web", "turnbuckle/allow-mass-delete": "true"}
    await rounds(api, clock, writer, 1)
    assert writer.frozen == Freeze(partitions=frozenset({"k8s"}), paths=frozenset({"/test/web"}))
    assert writer.allowed
    clock.now += DURATION_S
    writer.waiting = ()
    api.objects["a"]["metadata"]["annotations"].pop("turnbuckle/freeze")
    await rounds(api, clock, writer, 3)
    assert not writer.frozen
    assert "turnbuckle/waiting" not in api.objects["a"]["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("partitions", "begins"),
    [(("k8s",), ["turnbuckle-k8s-"]), ((), ["turnbuckle-all-"]), (("b", "a"), ["turnbuckle-a-", "turnbuckle-b-"])],
)
def test_a_lease_is_named_after_its_partition_and_device(partitions: tuple[str, ...], begins: list[str]) -> None:
    names = lease_names(partitions, "https://192.0.2.1")
    assert [name[: len(begin)] for name, begin in zip(names, begins, strict=True)] == begins
    assert names != lease_names(partitions, "https://192.0.2.1:8443")
    assert names == lease_names(partitions, "https://192.0.2.1:443")


def test_a_partition_whose_name_no_lease_may_bear_has_one_of_its_own() -> None:
    one, other = lease_names(("My_part",), "https://h"), lease_names(("my-part",), "https://h")
    assert one != other
    assert one[0].replace("-", "").isalnum()
    assert one[0] == one[0].lower()
