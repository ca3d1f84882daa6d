"""A controller that starts while Secrets are missing leaves on the device what showed their certificates.

And one that starts while an Ingress is broken renews its certificate all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.plan import Outcome, Plan, Result, Verb, with_outcomes
from turnbuckle.model.ref import Event, Gone, Ref
from turnbuckle.model.state import Path, State
from turnbuckle.model.tls import ClientSsl
from turnbuckle.planner import make_plan
from unit.ingresses import F5, Cluster, Pair, ingress, pair, path, rule, secret

FOLDER = "/k8s/Shared"
SERVER = f"{FOLDER}/ingress_203_0_113_7_443"
DEFAULT = f"{FOLDER}/default_clientssl_ingress_203_0_113_7_443"
POLICY = f"{FOLDER}/Ingress_203_0_113_7_443"
SECURE_ONLY = {"ingress.kubernetes.io/ssl-redirect": "false"}


def with_tls(name: str, *secrets: str, at: str = "/", **annotations: str) -> Event:
    """An Ingress for host NAME.example.com with Secrets, by default the one of its name; a is older than b."""
    tls = [{"secretName": one} for one in secrets or (name,)]
    created = f"2026-01-0{'abc'.index(name) + 1}T00:00:00Z"
    more = {"annotations": SECURE_ONLY | annotations, "created": created}
    return ingress(name, "ns", rule(f"{name}.example.com", path(at)), tls=tls, **more)


def of(name: str, serial: int = 1) -> Event:
    """The Secret of that name."""
    return secret(name, pair(f"{name}.example.com", serial=serial))


def plan(observed: State, now: Snapshot, paths: frozenset[Path] | None = None) -> Plan:
    held, ages = now.held, now.ages
    return make_plan(observed, now.desired, controller_id="c", held=held, ages=ages, stays=now.stays, paths=paths)


def carried_out(observed: State, now: Snapshot) -> State:
    return with_outcomes(observed, [Outcome(one, Result.DONE) for one in plan(observed, now).operations])


def device(*events: Event) -> State:
    """What a device has after a controller knew all this."""
    return carried_out(State(), Cluster(*events).now)


def done(observed: State, *events: Event) -> set[str]:
    """What a controller does that starts with this."""
    found = plan(observed, Cluster(*events).now).operations
    return {f"{one.verb} {one.path.name.replace(f'{FOLDER}/', '')}" for one in found}


A, B = with_tls("a"), with_tls("b")


@pytest.mark.parametrize(
    "there", [[], [of("a")], [of("b")]], ids=["both are missing", "the younger's is", "the older's is"]
)
def test_a_start_while_a_secret_is_missing_changes_nothing(there: Sequence[Event]) -> None:
    observed = device(A, B, of("a"), of("b"))
    assert not done(observed, A, B, *there)


def test_it_is_told_once_for_each_and_nobody_is_held() -> None:
    cluster = Cluster(A, B, of("b"))
    assert cluster.said() == [("PENDING", "TB2048", "spec.tls[0].secretName")]
    assert not cluster.now.held


def test_without_anything_on_the_device_nothing_that_speaks_in_clear_is_made() -> None:
    now = Cluster(A).now
    assert not [one for one in plan(State(), now).operations if isinstance(one.after, VirtualServer)]
    assert not plan(State(), now).refused


def test_when_the_secret_is_back_all_is_as_if_it_had_never_been_away() -> None:
    observed = device(A, B, of("a"), of("b"))
    cluster = Cluster(A, B, of("b"))
    between = carried_out(observed, cluster.now)
    after = carried_out(between, cluster.then(of("a", serial=2)))
    assert dict(after) == dict(device(A, B, of("a", serial=2), of("b")))
    assert not cluster.now.stays


def test_others_are_published_and_renewed_meanwhile() -> None:
    observed = device(A, B, of("a"), of("b"))
    after = carried_out(observed, Cluster(A, B, of("b", serial=2)).now)
    assert after[Path(ClientSsl.KIND, DEFAULT)] == observed[Path(ClientSsl.KIND, DEFAULT)]
    beside = Path(ClientSsl.KIND, f"{FOLDER}/ns_b_ingress_203_0_113_7_443")
    assert after[beside] == device(A, B, of("a"), of("b", serial=2))[beside] != observed[beside]
    observed = device(A, of("a"))
    assert {one for one in done(observed, A, B, of("b")) if not one.startswith("CREATE")} == set()
    assert beside in carried_out(observed, Cluster(A, B, of("b")).now)


def test_what_was_the_default_for_want_of_an_older_one_is_renewed() -> None:
    """The older one's Secret has never been there, so what the device shows by default is the younger one's."""
    observed = device(A, B, of("b"))
    after = carried_out(observed, Cluster(A, B, of("b", serial=2)).now)
    assert dict(after) == dict(device(A, B, of("b", serial=2)))


def test_who_is_gone_leaves_nothing_though_another_ones_secret_is_missing() -> None:
    observed = device(A, B, of("a"), of("b"))
    rules = {path.name for path in carried_out(observed, Cluster(B).now) if path.kind == "ltm/policy/rules"}
    assert [name.partition(":")[2].partition("_")[2][:1] for name in rules] == ["b"]
    after = carried_out(observed, Cluster(B).now)
    assert Path(VirtualServer.KIND, SERVER) in after
    assert not dict(carried_out(observed, Cluster().now))


def test_a_second_secret_that_is_missing_keeps_its_profile_and_no_rule_that_is_not_wanted() -> None:
    both = with_tls("a", "a", "b")
    observed = device(both, of("a"), of("b"))
    after = carried_out(observed, Cluster(with_tls("a", "a", "b", at="/x"), of("b")).now)
    profiles = {path for path in observed if path.kind in (ClientSsl.KIND, "ltm/virtual/profiles", "sys/file/ssl-key")}
    assert profiles == {path for path in after if path.kind in {one.kind for one in profiles}}
    assert [name for name in after if name.kind == "ltm/policy/rules" and "x" in name.name] != []
    assert len([name for name in after if name.kind == "ltm/policy/rules"]) == 1


@pytest.mark.parametrize("there", [[], [of("b")]])
def test_a_look_at_single_objects_takes_nothing_away_either(there: Sequence[Event]) -> None:
    observed = device(A, B, of("a"), of("b"))
    now = Cluster(A, B, *there).now
    for at in observed:
        assert not plan(observed, now, frozenset({at})).operations, at


def test_while_a_controller_runs_the_last_good_certificate_survives_whoever_shared_it() -> None:
    """The Secret goes, and then the older of the two whose it was: the younger one's clients see no difference."""
    shared = [with_tls("a", "s"), with_tls("b", "s")]
    cluster = Cluster(*shared, of("s"))
    observed = carried_out(State(), cluster.now)
    cluster.then(Gone(Ref("", "Secret", "ns", "s")))
    assert not plan(observed, cluster.now).operations
    after = carried_out(observed, cluster.then(Gone(Ref("", "Ingress", "ns", "a"))))
    kinds = ("ltm/virtual", ClientSsl.KIND, "sys/file/ssl-cert", "sys/file/ssl-key")
    assert {path for path in after if path.kind in kinds} == {path for path in observed if path.kind in kinds}
    assert [path.name.rpartition(":")[2][:9] for path in after if path.kind == "ltm/policy/rules"] == ["ingress_b"]


def test_rebuilding_says_the_same_of_what_stays() -> None:
    cluster = Cluster(A, B, of("b"))
    assert cluster.now.stays == cluster.engine.rebuild().stays != {}
    fresh = Engine(registry.kinds(), registry.composers())
    assert fresh.ingest([]).stays == {}


# ---- a broken Ingress


def broken(name: str, *secrets: str) -> Event:
    return with_tls(name, *secrets, **{f"{F5}/health": "[{"})


@pytest.mark.parametrize("partly", [False, True])
def test_the_certificate_of_a_broken_ingress_is_renewed(partly: bool) -> None:
    observed = device(A, B, of("a"), of("b"))
    cluster = Cluster(broken("a"), B, of("a"), of("b"))
    assert not plan(observed, cluster.now).operations
    before = {path for path in observed if path.kind.startswith("sys/file")}
    now = cluster.then(of("a", serial=2))
    found = plan(observed, now, now.changed if partly else None)
    assert sorted(f"{one.verb} {one.path.kind}" for one in found.operations) == [
        "CREATE sys/file/ssl-cert",
        "CREATE sys/file/ssl-key",
        "DELETE sys/file/ssl-cert",
        "DELETE sys/file/ssl-key",
        "UPDATE ltm/profile/client-ssl",
    ]
    after = with_outcomes(observed, [Outcome(one, Result.DONE) for one in found.operations])
    assert dict(after) == dict(device(A, B, of("a", serial=2), of("b")))
    assert len({path for path in after if path.kind.startswith("sys/file")} - before) == 2
    assert not plan(after, now).operations


def test_a_file_that_could_not_go_with_its_renewal_goes_later() -> None:
    """A start does not trust at once that something has gone."""
    observed = device(A, B, of("a"), of("b"))
    cluster = Cluster(broken("a"), B, of("a", serial=2), of("b"))
    steps = [one for one in plan(observed, cluster.now).operations if one.verb is not Verb.DELETE]
    between = with_outcomes(observed, [Outcome(one, Result.DONE) for one in steps])
    assert dict(between) != dict(carried_out(between, cluster.now)) == dict(device(A, B, of("a", serial=2), of("b")))


def test_also_when_it_was_renewed_before_the_start_and_with_a_chain() -> None:
    observed = device(A, B, of("a"), of("b"))
    one = pair("b.example.com", serial=2)
    chained = secret("b", Pair(one.certificate + pair("authority").certificate, one.key))
    after = carried_out(observed, Cluster(A, broken("b"), of("a"), chained).now)
    assert dict(after) == dict(device(A, B, of("a"), chained))


def test_a_secret_that_is_missing_while_its_ingress_is_broken_leaves_its_certificate() -> None:
    observed = device(A, B, of("a"), of("b"))
    cluster = Cluster(broken("a"), B, of("b"))
    assert not plan(observed, cluster.now).operations
    after = carried_out(observed, cluster.then(of("a", serial=2)))
    assert dict(after) == dict(device(A, B, of("a", serial=2), of("b")))
