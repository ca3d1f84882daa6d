from __future__ import annotations

import json
from typing import Any

import pytest
from caller import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.exchange import Refused
from bigipsim.recording import dump_tree

VIRTUAL: dict[str, Any] = {
    "kind": "tm:ltm:virtual:virtualstate",
    "name": "site",
    "partition": "old",
    "fullPath": "/old/site",
    "generation": 7,
    "selfLink": "https://localhost/mgmt/tm/ltm/virtual/~old~site?ver=12.1.0",
    "destination": "/old/10.1.1.1:80",
    "pool": "/old/gone",
    "poolReference": {"link": "https://localhost/mgmt/tm/ltm/pool/~old~gone?ver=12.1.0"},
    "addres$Status": "yes",
    "metadata": [],
}
MEMBER: dict[str, Any] = {
    "kind": "tm:ltm:pool:members:membersstate",
    "name": "10.0.0.1:80",
    "partition": "old",
    "fullPath": "/old/10.0.0.1:80",
    "selfLink": "https://localhost/mgmt/tm/ltm/pool/~old~web/members/~old~10.0.0.1:80?ver=12.1.0",
    "address": "10.0.0.1",
    "session": "monitor-enabled",
    "state": "down",
}


@pytest.fixture
def box() -> Box:
    return Box(ManualClock())


def settled(box: Box) -> str:
    return json.dumps(dump_tree(box.tree), sort_keys=True)


def test_an_answer_of_a_device_comes_back_as_it_was(box: Box) -> None:
    box.load({"virtuals": [VIRTUAL]})
    shown = Client(box)("GET", "tm/ltm/virtual/~old~site")
    passing = {"generation", "selfLink"}
    assert {key: shown[key] for key in shown.keys() - passing} == {
        key: VIRTUAL[key] for key in VIRTUAL.keys() - passing
    }
    assert shown["selfLink"].endswith("/ltm/virtual/~old~site?ver=16.1.3")
    assert Client(box)("GET", "tm/auth/partition/old")["name"] == "old"


def test_a_member_without_its_pool_goes_where_its_link_says(box: Box) -> None:
    box.load([MEMBER])
    shown = Client(box)("GET", "tm/ltm/pool/~old~web/members/~old~10.0.0.1:80")
    assert (shown["session"], shown["state"]) == ("monitor-enabled", "down")
    values = box.tree.need_child("ltm/pool", "/old/web", "members", "/old/10.0.0.1:80").values
    assert (values["session"], values["state"]) == ("user-enabled", "user-up")


def test_a_recorded_object_can_be_changed_like_any_other(box: Box) -> None:
    box.load([VIRTUAL])
    call = Client(box)
    shown = call("PATCH", "tm/ltm/virtual/~old~site", {"description": "mine"})
    assert (shown["description"], shown["destination"], shown["pool"]) == ("mine", "/old/10.1.1.1:80", "/old/gone")
    assert call("PATCH", "tm/ltm/virtual/~old~site", {"pool": "none"}).get("poolReference") is None


@pytest.mark.parametrize("value", [{}, [], "x", {"kind": "tm:ltm:pool:poolcollectionstate"}])
def test_what_holds_no_object_is_no_recording(box: Box, value: Any) -> None:
    with pytest.raises(ValueError, match="no object"):
        box.load(value)


def test_a_recorded_object_without_a_name_is_refused_with_a_sentence(box: Box) -> None:
    with pytest.raises(ValueError, match='has neither "name" nor "fullPath"'):
        box.load([{"kind": "tm:ltm:pool:poolstate", "name": None}])


@pytest.mark.parametrize(
    "damage",
    [
        {"objects": None},
        {"generation": "x"},
        {"objects": {"ltm/pool": [{"name": "web"}]}},
        {"accounts": [{"partitionAccess": []}]},
    ],
)
def test_a_damaged_dump_is_refused_and_changes_nothing(box: Box, damage: dict[str, Any]) -> None:
    before = box.dump()
    with pytest.raises(ValueError, match="the dump is damaged"):
        box.load({**before, **damage})
    assert box.dump() == before


def test_a_collection_that_is_not_simulated_is_named(box: Box) -> None:
    with pytest.raises(ValueError, match="gtm/datacenter"):
        box.load({"kind": "tm:gtm:datacenter:datacenterstate", "name": "dc", "fullPath": "/Common/dc"})


def test_a_reboot_goes_back_to_what_was_saved(box: Box) -> None:
    call = Client(box)
    call("POST", "tm/auth/partition", {"name": "k8s"})
    box.save()
    call("POST", "tm/ltm/pool", {"name": "web", "partition": "k8s", "members": ["10.0.0.1:80"]})
    box.runtime.member_status[("/k8s/web", "/k8s/10.0.0.1:80")] = "up"
    box.reboot()
    assert box.tree.get("ltm/pool", "/k8s/web") is None
    assert box.tree.get("auth/partition", "k8s") is not None
    assert not box.runtime.member_status
    box.reset()
    assert box.tree.get("auth/partition", "k8s") is None


def test_a_restored_configuration_still_knows_what_is_in_use(box: Box) -> None:
    call = Client(box)
    call("POST", "tm/ltm/pool", {"name": "web", "members": ["10.0.0.1:80"]})
    call("POST", "tm/ltm/virtual", {"name": "site", "destination": "10.1.1.1:80", "pool": "web"})
    dump = json.loads(json.dumps(box.dump()))
    other = Box(ManualClock())
    other.load(dump)
    call = Client(other)
    call("DELETE", "tm/ltm/pool/~Common~web", status=400)
    call("DELETE", "tm/ltm/node/~Common~10.0.0.1", status=400)
    call("POST", "tm/ltm/virtual", {"name": "twin", "destination": "10.1.1.1:80"}, status=400)
    call("POST", "tm/ltm/node", {"name": "n", "address": "10.0.0.1"}, status=400)
    call("DELETE", "tm/ltm/virtual/~Common~site")
    assert other.tree.items("ltm/virtual-address") == []


NAMES = st.sampled_from(["a", "b", "c"])
HOSTS = st.sampled_from(["10.0.0.1:80", "10.0.0.2:http", "2001:db8::1.80", "10.0.0.1%2:80"])
WRITES = st.one_of(
    st.tuples(
        st.just("POST"),
        st.just("tm/ltm/pool"),
        st.fixed_dictionaries(
            {"name": NAMES, "partition": st.just("k8s")},
            optional={"members": st.lists(HOSTS, unique=True), "monitor": st.just("http"), "description": st.text()},
        ),
    ),
    st.tuples(
        st.just("POST"),
        st.just("tm/ltm/virtual"),
        st.fixed_dictionaries(
            {"name": NAMES, "partition": st.just("k8s"), "destination": st.sampled_from(["10.1.1.1:80", "10.1.1.2:0"])},
            optional={"pool": NAMES, "profiles": st.sampled_from([["http"], ["udp"], [{"name": "clientssl"}]])},
        ),
    ),
    st.tuples(
        st.just("POST"),
        st.just("tm/ltm/profile/http"),
        st.fixed_dictionaries(
            {"name": NAMES, "partition": st.just("k8s")}, optional={"defaultsFrom": NAMES, "fallbackHost": NAMES}
        ),
    ),
    st.tuples(st.sampled_from(["DELETE"]), NAMES.map("tm/ltm/pool/~k8s~{}".format), st.none()),
    st.tuples(st.sampled_from(["DELETE"]), NAMES.map("tm/ltm/virtual/~k8s~{}".format), st.none()),
    st.tuples(
        st.just("PATCH"),
        NAMES.map("tm/ltm/pool/~k8s~{}".format),
        st.fixed_dictionaries({"members": st.lists(HOSTS, unique=True)}),
    ),
    st.tuples(
        st.just("PATCH"),
        NAMES.map("tm/ltm/profile/http/~k8s~{}".format),
        st.fixed_dictionaries({"insertXforwardedFor": st.sampled_from(["enabled", "disabled"])}),
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(WRITES, max_size=12))
def test_a_dump_restores_exactly_what_was_dumped(writes: list[tuple[str, str, Any]]) -> None:
    box = Box(ManualClock())
    call = Client(box)
    call("POST", "tm/auth/partition", {"name": "k8s"})
    for method, path, body in writes:
        call.send(method, path, body)
    other = Box(ManualClock())
    other.load(json.loads(json.dumps(box.dump())))
    assert settled(other) == settled(box)
    for kind in ("ltm/pool", "ltm/virtual", "ltm/profile/http", "ltm/node"):
        path = f"tm/{kind}?expandSubcollections=true"
        assert Client(other)("GET", path) == call("GET", path)
    assert {item.full_path: (item.refs, item.marks) for item in other.tree.items("ltm/virtual")} == {
        item.full_path: (item.refs, item.marks) for item in box.tree.items("ltm/virtual")
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(WRITES, max_size=12))
def test_a_staged_copy_ends_where_single_writes_end(writes: list[tuple[str, str, Any]]) -> None:
    one, other = Box(ManualClock()), Box(ManualClock())
    for box in (one, other):
        Client(box)("POST", "tm/auth/partition", {"name": "k8s"})
    stage = other.tree.fork()
    for method, path, body in writes:
        accepted = Client(one).send(method, path, body).status == 200
        if accepted:
            apply(stage, method, path, body)
    other.tree.adopt(stage)
    # Only the counters may differ: writes that undo each other count one by one, and not at all together.
    assert dump_tree(other.tree)["objects"] == dump_tree(one.tree)["objects"]


def apply(stage: Any, method: str, path: str, body: Any) -> None:
    kind, _, name = path.removeprefix("tm/").partition("/~")
    full_path = "/" + name.replace("~", "/")
    try:
        if method == "POST":
            stage.create(kind, body)
        elif method == "PATCH":
            stage.modify(kind, full_path, body)
        else:
            stage.delete(kind, full_path)
    except Refused as refused:
        raise AssertionError(f"{method} {path} was accepted before") from refused
