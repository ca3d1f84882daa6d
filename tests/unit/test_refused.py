"""What waits for its next try, and what is forgotten."""

from __future__ import annotations

from turnbuckle.model.ltm import Monitor
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Outcome, Result, Verb
from turnbuckle.runtime.refused import MOST_REPETITIONS, REPETITION_WINDOW_S, Refused

MARK = Mark("ctl", "k1", "ConfigMap/default/web")


def written(name: str = "/k8s/m") -> Outcome:
    monitor = Monitor(name, MARK)
    return Outcome(Operation(Verb.CREATE, monitor.path, None, monitor), Result.DONE)


def unclear() -> Outcome:
    return Outcome(written().operation, Result.UNREACHED, answer="the connection has been lost")


def test_what_is_written_at_every_look_at_the_device_is_told_however_seldom_it_is_looked_at() -> None:
    refused, pause_s, wanted = Refused(), REPETITION_WINDOW_S * 0.9, written().operation
    for turn in range(MOST_REPETITIONS):
        refused.planned([wanted], None, turn * pause_s)
        assert not refused.waits(wanted, turn * pause_s)
        refused.note(written(), turn * pause_s)
        assert refused.issues() == []
    refused.planned([wanted], None, MOST_REPETITIONS * pause_s)
    assert [issue.code for issue in refused.issues()] == ["TB3010"]
    assert refused.waits(wanted, MOST_REPETITIONS * pause_s)


def test_what_was_undone_by_others_and_stays_as_it_was_written_at_last_is_not_told() -> None:
    refused, wanted = Refused(), written().operation
    for turn in range(MOST_REPETITIONS):
        refused.planned([wanted], None, float(turn))
        refused.note(written(), float(turn))
    refused.planned([], None, 10.0)
    assert refused.issues() == [] and refused.next_at() is None


def test_what_was_written_long_ago_takes_no_memory() -> None:
    refused = Refused()
    for number in range(1000):
        refused.note(written(f"/k8s/m{number}"), float(number))
    assert len(refused._written) == REPETITION_WINDOW_S


def test_an_operation_whose_end_is_never_known_waits_and_after_its_next_try_waits_longer() -> None:
    refused = Refused()
    refused.doubt(unclear(), 0.0)
    refused.doubt(unclear(), 1.0)
    assert refused.next_at() is None
    refused.doubt(unclear(), 2.0)
    assert refused.next_at() == 12.0
    assert refused.waits(unclear().operation, 11.0) and not refused.waits(unclear().operation, 12.0)
    refused.doubt(unclear(), 12.0)
    assert refused.next_at() == 32.0
