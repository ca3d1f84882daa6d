from __future__ import annotations

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock

POOL = "tm/ltm/pool"


@pytest.fixture
def call() -> Client:
    client = Client(Box(ManualClock()))
    for partition in ("one", "two"):
        client("POST", "tm/auth/partition", {"name": partition})
        for name in ("b", "a"):
            body = {"name": name, "partition": partition, "description": name, "members": ["10.0.0.1%1:80"]}
            if partition == "two":
                body["members"] = []
            client("POST", POOL, body)
    client("POST", "tm/sys/folder", {"name": "sub", "partition": "one"})
    client("POST", POOL, {"name": "c", "partition": "one", "subPath": "sub"})
    return client


def paths(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["fullPath"] for item in answer["items"]]


@pytest.mark.parametrize("text", ["partition eq one", "partition+eq+one", "partition%20eq%20one"])
def test_a_filter_by_partition_includes_its_folders(call: Client, text: str) -> None:
    assert paths(call("GET", f"{POOL}?$filter={text}")) == ["/one/a", "/one/b", "/one/sub/c"]


def test_the_tunnels_take_no_notice_of_a_filter(call: Client) -> None:
    everything = call("GET", "tm/net/fdb/tunnel")["items"]
    assert len(call("GET", "tm/net/fdb/tunnel?$filter=partition eq one")["items"]) == len(everything) > 0


def test_another_filter_is_said_to_be_missing(call: Client) -> None:
    assert "bigipsim does not implement" in call("GET", POOL + "?$filter=name eq a", status=501)["message"]


def test_selected_keys_come_alone(call: Client) -> None:
    answer = call("GET", POOL + "?$filter=partition eq two&$select=name,monitor,fullPath")
    assert answer["items"] == [{"name": "a", "fullPath": "/two/a"}, {"name": "b", "fullPath": "/two/b"}]
    assert "%2C" in answer["selfLink"]
    assert call("GET", POOL + "/~two~a?$select=description") == {"description": "a"}


def test_pages_say_where_they_stand(call: Client) -> None:
    first = call("GET", POOL + "?$top=2")
    assert paths(first) == ["/one/a", "/one/b"]
    told = {key: first[key] for key in ("currentItemCount", "itemsPerPage", "pageIndex", "startIndex", "totalItems")}
    assert told == {"currentItemCount": 2, "itemsPerPage": 2, "pageIndex": 1, "startIndex": 1, "totalItems": 5}
    assert first["totalPages"] == 3
    assert "$skip=2" in first["nextLink"]
    last = call("GET", POOL + "?$top=2&$skip=4")
    assert (paths(last), last["currentItemCount"], last["pageIndex"]) == (["/two/b"], 1, 3)
    assert "nextLink" not in last
    call("GET", POOL + "?$top=many", status=400)


def test_members_come_along_only_when_asked_for(call: Client) -> None:
    plain = call("GET", POOL + "/~one~a")["membersReference"]
    assert plain.keys() == {"link", "isSubcollection"}
    whole = call("GET", POOL + "/~one~a?expandSubcollections=true")
    member = whole["membersReference"]["items"][0]
    assert member["nameReference"]["link"].endswith("/ltm/node/~one~10.0.0.1%251?ver=16.1.3")
    assert member["selfLink"].endswith("/ltm/pool/~one~a/members/~one~10.0.0.1%251:80?ver=16.1.3")
    assert whole["selfLink"].endswith("/ltm/pool/~one~a?expandSubcollections=true&ver=16.1.3")
    everything = call("GET", POOL + "?expandSubcollections=true")["items"]
    assert [len(item["membersReference"]["items"]) for item in everything] == [1, 1, 0, 0, 0]
    false = call("GET", POOL + "/~one~a?expandSubcollections=True")["membersReference"]
    assert "items" not in false


def test_an_option_of_the_command_language_is_ignored_when_reading(call: Client) -> None:
    assert len(call("GET", POOL + "?options=recursive")["items"]) == 5
    call("PATCH", POOL + "/~one~a?options=members add { x }", {"name": "a"}, status=501)
