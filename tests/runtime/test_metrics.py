"""The figures: each is there from the start where it can be, and says what happened."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from runtime.cluster import WEB
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ltm import Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Outcome, Result, Verb
from turnbuckle.model.ref import Gone, Put, Ref, SourceObject
from turnbuckle.model.tls import CertificateFile
from turnbuckle.runtime.metrics import Metrics
from turnbuckle.runtime.observer import Standing
from turnbuckle.runtime.propagation import Propagation
from turnbuckle.runtime.telling import Telling
from turnbuckle.sources.kubernetes import KindHealth
from turnbuckle.sources.leases_desk import PoolUse
from unit.ingresses import Cluster, ingress, pair, rule, secret

MANUAL = Path(__file__).parents[2] / "docs" / "metrics.md"
SLICE = Ref("", "EndpointSlice", "default", "web-x")
POOL = Pool("/k8s/web", Mark("ctl", "k1", str(WEB)))
OTHER = Pool("/k8s/other", Mark("ctl", "k1", str(WEB)))


def figures(metrics: Metrics) -> dict[str, float]:
    """Each figure on the page, by its name with its labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.page().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={text}" for name, text in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def done(pool: Pool = POOL, *because: Ref, result: Result = Result.DONE, verb: Verb = Verb.UPDATE) -> Outcome:
    return Outcome(Operation(verb, pool.path, pool, pool, frozenset({"members"}), frozenset(because)), result)


def test_every_figure_without_a_kind_is_there_from_the_start():
    found = figures(Metrics())
    assert found["turnbuckle_queue_depth"] == 0
    assert found["turnbuckle_leader"] == 1
    assert found["turnbuckle_drift_total"] == 0
    assert found["turnbuckle_guard_trips_total"] == 0
    assert found["turnbuckle_last_sync_timestamp_seconds"] == 0
    assert [found[f"turnbuckle_writes_total{{verb={verb}}}"] for verb in Verb] == [0, 0, 0]
    assert [found[f"turnbuckle_objects{{state={state}}}"] for state in Standing] == [0] * 5
    assert any(name.startswith("turnbuckle_build_info{version=") for name in found)


def test_the_manual_names_every_figure_with_its_type_and_labels():
    rows = re.findall(r"^\| `(turnbuckle_\w+)` \| (\w+) \| ([^|]*)\|", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name.removesuffix("_total"): (type_, set(re.findall(r"`(\w+)`", labels))) for name, type_, labels in rows}
    metrics = Metrics()
    metrics.propagated("Service", 1)
    metrics.requested("GET", "ok", 1)
    metrics.sources = lambda: [KindHealth("Node", "")]
    metrics.pools = lambda: [PoolUse("Dev", "IPv4", size=4, used=1)]
    metrics.certificates = lambda: [CertificateFile("/k8s/x", None, secret="shop/www", ends=date(2027, 1, 2))]
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(metrics.page().decode()):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if not family.name.endswith("_created"):
            found[family.name] = (family.type, labels)
    assert told == found


def test_the_end_of_each_certificate_that_is_shown_is_told_and_of_no_other():
    cluster = Cluster(ingress("a", "ns", rule(), tls=[{"secretName": "www"}]), secret("www", pair("www"), "ns"))
    telling = Telling()
    telling.computed(cluster.now, ())
    name = "turnbuckle_certificate_expiry_timestamp_seconds{namespace=ns,secret=www}"
    (shown,) = cluster.made(CertificateFile)
    ends = datetime.combine(shown.ends, datetime.min.time(), UTC).timestamp()
    assert figures(telling.metrics)[name] == ends
    telling.computed(cluster.then(Gone(Ref("", "Ingress", "ns", "a"))), ())
    assert name not in figures(telling.metrics)


def test_two_controllers_in_one_process_do_not_mix():
    one, other = Metrics(), Metrics()
    one.drifted()
    assert figures(one)["turnbuckle_drift_total"] == 1
    assert figures(other)["turnbuckle_drift_total"] == 0


def test_only_what_was_done_counts_as_written():
    metrics = Metrics()
    metrics.wrote(done())
    metrics.wrote(done(verb=Verb.CREATE))
    metrics.wrote(done(result=Result.REJECTED))
    metrics.wrote(done(result=Result.UNREACHED))
    found = figures(metrics)
    assert found["turnbuckle_writes_total{verb=UPDATE}"] == 1
    assert found["turnbuckle_writes_total{verb=CREATE}"] == 1


def test_requests_are_counted_and_measured_by_method_and_outcome():
    metrics = Metrics()
    metrics.requested("GET", "ok", 0.02)
    metrics.requested("GET", "ok", 0.04)
    metrics.requested("PATCH", "unreachable", 30)
    found = figures(metrics)
    assert found["turnbuckle_device_requests_total{method=GET,outcome=ok}"] == 2
    assert found["turnbuckle_device_request_seconds_sum{method=GET,outcome=ok}"] == 0.06
    assert found["turnbuckle_device_requests_total{method=PATCH,outcome=unreachable}"] == 1


def test_issues_lag_and_leadership_are_asked_for_when_the_page_is_made():
    metrics = Metrics()
    metrics.issues = lambda: [issues_of.empty_text(WEB, "data"), issues_of.no_nodes(WEB, "data")]
    metrics.sources = lambda: [
        KindHealth("Service", "a"),
        KindHealth("Service", "b", lag_s=7.5),
        KindHealth("Node", ""),
    ]
    metrics.leading = lambda: False
    found = figures(metrics)
    assert found["turnbuckle_issues{severity=ERROR}"] == 1
    assert found["turnbuckle_issues{severity=PENDING}"] + found["turnbuckle_issues{severity=WARNING}"] == 1
    assert found["turnbuckle_reflector_lag_seconds{kind=Service}"] == 7.5
    assert found["turnbuckle_reflector_lag_seconds{kind=Node}"] == 0
    assert found["turnbuckle_leader"] == 0


def test_a_state_that_is_not_named_has_no_objects_any_more():
    metrics = Metrics()
    metrics.states({Standing.IN_SYNC: 4, Standing.WAITING: 2})
    metrics.states({Standing.IN_SYNC: 6})
    found = figures(metrics)
    assert found["turnbuckle_objects{state=in sync}"] == 6
    assert found["turnbuckle_objects{state=waiting}"] == 0


# ---- propagation


class Measured:
    """What was measured, and the propagation that measures, which has seen its first snapshot."""

    def __init__(self) -> None:
        self.found: list[tuple[str, float]] = []
        self.propagation = Propagation(lambda kind, seconds: self.found.append((kind, seconds)))

    def change(self, version: int, at: float, *pools: Pool, ref: Ref = SLICE) -> None:
        self.propagation.arrived([Put(SourceObject(ref, None))], at)
        self.propagation.leads_to(version, {pool.path: frozenset({ref}) for pool in pools})


def test_a_change_is_measured_from_its_arrival_to_the_answer_of_the_device():
    measured = Measured()
    measured.change(2, 100.0, POOL)
    measured.propagation.outcome(done(POOL, SLICE), 100.25)
    measured.propagation.synced(2)
    assert measured.found == [("EndpointSlice", 0.25)]


def test_a_change_of_several_objects_is_done_with_the_last_of_them():
    measured = Measured()
    measured.change(2, 100.0, POOL, OTHER)
    measured.propagation.outcome(done(POOL, SLICE), 101)
    assert measured.found == []
    measured.propagation.outcome(done(OTHER, SLICE), 103)
    assert measured.found == [("EndpointSlice", 3)]


def test_an_object_that_had_nothing_to_write_is_not_awaited():
    measured = Measured()
    measured.change(2, 100.0, POOL, OTHER)
    measured.propagation.outcome(done(POOL, SLICE), 101)
    measured.propagation.synced(2)
    assert measured.found == [("EndpointSlice", 1)]


def test_a_change_that_changes_nothing_or_is_refused_is_not_measured():
    measured = Measured()
    measured.change(2, 100.0)
    measured.change(3, 200.0, POOL)
    measured.propagation.outcome(done(POOL, SLICE, result=Result.REJECTED), 201)
    measured.propagation.synced(3)
    measured.propagation.outcome(done(POOL, SLICE), 300)
    assert measured.found == []


def test_a_second_change_before_the_first_went_through_counts_from_the_first():
    measured = Measured()
    measured.change(2, 100.0, POOL)
    measured.change(3, 105.0, POOL)
    measured.propagation.synced(2)
    measured.propagation.outcome(done(POOL, SLICE), 106)
    assert measured.found == [("EndpointSlice", 6)]


def test_a_removal_is_a_change_too():
    measured = Measured()
    measured.propagation.arrived([Gone(SLICE)], 10)
    measured.propagation.leads_to(2, {POOL.path: frozenset({SLICE})})
    measured.propagation.outcome(done(POOL, SLICE), 11)
    assert measured.found == [("EndpointSlice", 1)]
