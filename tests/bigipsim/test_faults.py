"""Faults: which requests they hit, how often, and with which words."""

import json

import pytest

from bigipsim.clock import ManualClock
from bigipsim.exchange import Request
from bigipsim.faults import BENCH_LATENCY, Fault, FaultMistake, Faults, named, sort_of

POOLS = "/mgmt/tm/ltm/pool"
TRANSACTION = "/mgmt/tm/transaction/1526674837169915"
IN_TRANSACTION = {"x-f5-rest-coordination-id": "1526674837169915"}


def post(path: str = POOLS, body: object = None, **headers: str) -> Request:
    return Request("POST", path, headers=headers, body=json.dumps(body).encode())


def queued(body: object, path: str = POOLS) -> Request:
    return Request("POST", path, headers=IN_TRANSACTION, body=json.dumps(body).encode())


def commit() -> Request:
    return Request("PATCH", TRANSACTION, body=b'{"state":"VALIDATING"}')


def get(path: str = POOLS) -> Request:
    return Request("GET", path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def faults(clock: ManualClock) -> Faults:
    return Faults(clock)


def test_without_faults_the_device_answers_itself(faults: Faults) -> None:
    assert faults.intercept(get()) is None
    assert faults.on_the_wire(get()) is None
    assert faults.delay_s(get()) == 0


def test_a_busy_device_says_that_a_task_executes_as_often_as_asked(faults: Faults) -> None:
    faults.add(Fault("busy", times=2))
    answers = [faults.intercept(get()) for _ in range(3)]
    assert [one.status if one else None for one in answers] == [503, 503, None]
    assert answers[0] is not None
    assert json.loads(answers[0].body) == {
        "code": 503,
        "message": "There is an active asynchronous task executing.",
        "errorStack": [],
        "apiError": 32964609,
    }


def test_a_fault_ends_with_its_time(faults: Faults, clock: ManualClock) -> None:
    faults.add(Fault("restarting", for_s=10))
    page = faults.intercept(get())
    assert page is not None and page.status == 503
    assert page.headers["Content-Type"] == "text/html"
    clock.advance(10)
    assert faults.intercept(get()) is None
    assert faults.armed() == []


def test_a_fault_hits_only_the_method_and_path_it_is_meant_for(faults: Faults) -> None:
    faults.add(Fault("mcpd-lost", method="POST|PATCH", path="/ltm/pool$"))
    assert faults.intercept(get()) is None
    assert faults.intercept(post("/mgmt/tm/ltm/virtual")) is None
    hit = faults.intercept(post())
    assert hit is not None and hit.status == 500


def test_the_sporadic_401_names_the_uri_and_asks_for_a_token(faults: Faults) -> None:
    faults.add(Fault("unauthorized", times=1))
    answer = faults.intercept(get())
    assert answer is not None and answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "X-Auth-Token"
    assert "no user authentication header or token detected" in json.loads(answer.body)["message"]


def test_a_commit_is_refused_in_the_words_given(faults: Faults) -> None:
    faults.add(Fault("commit-refused", message="01070734:3: Configuration error: no", times=1))
    assert faults.intercept(queued({"name": "p"})) is None
    assert faults.intercept(commit()) is None
    assert faults.refused_commit(commit()) == "01070734:3: Configuration error: no"
    assert faults.refused_commit(commit()) is None


def test_a_commit_is_refused_only_when_a_command_names_the_object(faults: Faults) -> None:
    faults.add(Fault("commit-refused", touches="/k8s/web"))
    faults.intercept(queued({"name": "other", "partition": "k8s"}))
    assert faults.refused_commit(commit()) is None
    faults.intercept(queued({"name": "web", "partition": "k8s"}))
    assert faults.refused_commit(commit()) is not None


def test_a_direct_write_can_be_refused_without_touching_transactions(faults: Faults) -> None:
    faults.add(Fault("write-refused", touches="/k8s/web", message="no"))
    assert faults.intercept(post(body={"name": "web", "partition": "k8s"})) is not None
    assert faults.intercept(post(f"{POOLS}/~k8s~web/members", {"name": "10.0.0.1:80"})) is not None
    assert faults.intercept(queued({"name": "web", "partition": "k8s"})) is None
    assert faults.intercept(get(f"{POOLS}/~k8s~web")) is None


def test_a_write_names_what_is_in_its_uri_and_what_it_creates() -> None:
    body = b'{"name":"10.0.0.1:80","partition":"k8s"}'
    assert named(f"{POOLS}/~k8s~web/members", body) == {"/k8s/web", "/k8s/10.0.0.1:80"}
    assert named(f"{POOLS}/~k8s~a.app~b%20c", b"") == {"/k8s/a.app/b c"}
    assert named(POOLS, b'{"name":"p"}') == {"/Common/p"}
    assert named(POOLS, b"not json") == frozenset()


@pytest.mark.parametrize("kind", ["cut", "reset-before", "reset-after", "hang-before", "hang-after"])
def test_what_happens_on_the_wire_is_not_answered_by_the_device(faults: Faults, kind: str) -> None:
    faults.add(Fault(kind, times=1))
    assert faults.intercept(get()) is None
    assert faults.on_the_wire(get()) == kind
    assert faults.on_the_wire(get()) is None


def test_every_sort_of_request_has_its_latency(faults: Faults) -> None:
    faults.latency = BENCH_LATENCY
    assert faults.delay_s(get()) == 0.005
    assert faults.delay_s(post("/mgmt/shared/authn/login")) == 0.005
    assert faults.delay_s(post("/mgmt/tm/transaction", {})) == 0.005
    assert faults.delay_s(post()) == 0.080
    for _ in range(20):
        request = queued({"name": "p"})
        assert faults.delay_s(request) == 0.005
        faults.intercept(request)
    assert faults.delay_s(commit()) == pytest.approx(0.100)


def test_requests_are_sorted_for_the_log() -> None:
    requests = [get(), post("/mgmt/shared/authn/login"), post("/mgmt/tm/transaction"), queued({}), post(), commit()]
    assert [sort_of(one) for one in requests] == ["read", "login", "open", "queued", "write", "commit"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("bussy"), 'no fault of kind "bussy"; known kinds are'),
        (Fault("busy", path="("), "is not a regular expression"),
        (Fault("busy", times=0), "times is 0"),
        (Fault("busy", for_s=-1), "for_s is -1"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_sentence(faults: Faults, fault: Fault, words: str) -> None:
    with pytest.raises(FaultMistake, match=words.replace("(", r"\(")):
        faults.add(fault)


def test_watchers_hear_of_faults_that_are_armed_and_that_strike(faults: Faults) -> None:
    heard: list[tuple[str, str]] = []
    stop = faults.watch(lambda what, armed, request: heard.append((what, request)))
    faults.add(Fault("busy", times=1))
    faults.intercept(get())
    stop()
    faults.add(Fault("busy"))
    assert heard == [("armed", ""), ("struck", f"GET {POOLS}")]
