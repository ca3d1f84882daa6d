"""What is alive and what is ready."""

from __future__ import annotations

from runtime.cluster import Clock
from turnbuckle.runtime.pulse import ENGINE_STUCK_S, WORKER_STUCK_S, Pulse
from turnbuckle.sources.kubernetes import KindHealth

SERVICE = KindHealth("Service", "", synced=True)


def started(clock: Clock | None = None) -> Pulse:
    pulse = Pulse(clock or Clock())
    pulse.waiting_for = ""
    return pulse


def ready() -> Pulse:
    pulse = started()
    pulse.computed(synced=True)
    pulse.compared()
    return pulse


def test_a_controller_that_has_not_begun_is_alive_and_not_ready():
    pulse = Pulse(Clock())
    assert pulse.health() == []
    assert pulse.ready() == ["The controller has not started yet."]


def test_before_the_first_comparison_it_says_what_is_missing():
    pulse = started()
    assert pulse.ready() == [
        "The sources have not told everything yet.",
        "The BIG-IP has not been compared yet with what it should have.",
    ]
    pulse.computed(synced=True)
    assert pulse.ready() == ["The BIG-IP has not been compared yet with what it should have."]
    pulse.compared()
    assert pulse.ready() == []


def test_a_kind_that_cannot_be_read_is_named_with_the_reason():
    pulse = ready()
    pulse.sources = lambda: [
        SERVICE,
        KindHealth("Node", "", synced=True, trouble="The API server cannot be reached: refused."),
    ]
    assert pulse.ready() == ["Node cannot be read: The API server cannot be reached: refused."]
    pulse.sources = lambda: [KindHealth("Service", "shop")]
    assert pulse.ready() == ["Service in namespace shop: the first list is not complete yet."]
    pulse.sources = lambda: [SERVICE]
    assert pulse.ready() == []


def test_work_that_makes_no_progress_is_not_alive():
    clock = Clock()
    pulse = started(clock)
    pulse.busy()
    clock.now += WORKER_STUCK_S
    pulse.answered()
    clock.now += WORKER_STUCK_S
    assert pulse.health() == []
    clock.now += 1
    assert pulse.health() == ["The work on the BIG-IP has made no progress for 301 s."]
    pulse.busy()
    assert pulse.health() == []


def test_waiting_is_alive_however_long_it_takes():
    clock = Clock()
    pulse = started(clock)
    pulse.busy()
    pulse.idle()
    pulse.answered()
    clock.now += 10 * WORKER_STUCK_S
    assert pulse.health() == []


def test_an_engine_that_does_not_take_what_it_is_told_is_not_alive():
    clock = Clock()
    pulse = started(clock)
    pulse.arrived()
    clock.now += ENGINE_STUCK_S / 2
    pulse.arrived()
    clock.now += ENGINE_STUCK_S / 2 + 1
    assert pulse.health() == ["The engine has not taken what the sources told for 61 s."]
    pulse.computed(synced=True)
    assert pulse.health() == []
