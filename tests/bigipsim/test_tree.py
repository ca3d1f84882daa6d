from __future__ import annotations

import pytest

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.exchange import Refused
from bigipsim.tree import Change, Tree


@pytest.fixture
def tree() -> Tree:
    tree = Box(ManualClock()).tree
    tree.create("auth/partition", {"name": "k8s"})
    return tree


def pool(tree: Tree, name: str, *members: str, **more: object) -> None:
    tree.create("ltm/pool", {"name": name, "partition": "k8s", "members": list(members), **more})


def virtual(tree: Tree, name: str, destination: str, **more: object) -> None:
    tree.create(
        "ltm/virtual", {"name": name, "partition": "k8s", "destination": destination, "ipProtocol": "tcp", **more}
    )


def message(refused: pytest.ExceptionInfo[Refused]) -> str:
    return str(refused.value.body["message"])


def test_a_partition_and_its_folder_are_twins(tree: Tree) -> None:
    assert tree.get("sys/folder", "/k8s") is not None
    tree.create("sys/folder", {"name": "other", "subPath": "/"})
    assert tree.get("auth/partition", "other") is not None
    tree.delete("auth/partition", "other")
    assert tree.get("sys/folder", "/other") is None


def test_a_member_makes_its_node_and_leaves_it_behind(tree: Tree) -> None:
    pool(tree, "web", "10.0.0.1:80", "10.0.0.1:81")
    tree.modify("ltm/pool", "/k8s/web", {"members": []})
    assert [node.full_path for node in tree.items("ltm/node", "k8s")] == ["/k8s/10.0.0.1"]


def test_a_second_name_for_a_nodes_address_is_refused(tree: Tree) -> None:
    tree.create("ltm/node", {"name": "web1", "partition": "k8s", "address": "10.0.0.1"})
    with pytest.raises(Refused) as refused:
        pool(tree, "web", "10.0.0.1:80")
    assert message(refused) == "0107176c:3: Invalid Node, the IP address 10.0.0.1 already exists."
    assert tree.get("ltm/pool", "/k8s/web") is None


def test_the_same_address_may_live_in_two_route_domains(tree: Tree) -> None:
    pool(tree, "web", "10.0.0.1:80", "10.0.0.1%2:80")
    assert {node.values["address"] for node in tree.items("ltm/node", "k8s")} == {"10.0.0.1", "10.0.0.1%2"}


def test_a_refused_write_leaves_nothing_behind(tree: Tree) -> None:
    before, generation = [node.full_path for node in tree.items("ltm/node")], tree.generation
    with pytest.raises(Refused):
        pool(tree, "web", "10.0.0.1:80", "/nowhere/10.0.0.2:80")
    assert [node.full_path for node in tree.items("ltm/node")] == before
    assert tree.generation == generation


def test_watchers_hear_once_of_each_write_with_all_that_followed(tree: Tree) -> None:
    heard: list[list[Change]] = []
    stop = tree.subscribe(lambda changes: heard.append(list(changes)))
    pool(tree, "web", "10.0.0.1:80")
    tree.modify("ltm/pool", "/k8s/web", {"description": "shop"})
    tree.modify("ltm/pool", "/k8s/web", {"description": "shop"})
    stop()
    tree.delete("ltm/pool", "/k8s/web")
    assert [{(change.kind, change.path) for change in changes} for changes in heard] == [
        {("ltm/pool", "/k8s/web"), ("ltm/node", "/k8s/10.0.0.1")},
        {("ltm/pool", "/k8s/web")},
    ]
    assert heard[1][0].before is heard[0][0].after or heard[1][0].before is heard[0][1].after


def test_a_staged_copy_is_seen_by_nobody_until_it_is_adopted(tree: Tree) -> None:
    heard: list[int] = []
    tree.subscribe(lambda changes: heard.append(len(changes)))
    stage = tree.fork()
    pool(stage, "web", "10.0.0.1:80")
    virtual(stage, "web", "10.1.1.1:80", pool="web")
    assert tree.get("ltm/pool", "/k8s/web") is None
    assert not heard
    tree.adopt(stage)
    assert tree.get("ltm/pool", "/k8s/web") is not None
    assert heard == [4]
    with pytest.raises(Refused):
        tree.delete("ltm/pool", "/k8s/web")


def test_two_virtual_servers_can_swap_their_listeners_in_one_staged_copy(tree: Tree) -> None:
    virtual(tree, "a", "10.1.1.1:80")
    virtual(tree, "b", "10.1.1.2:80")
    stage = tree.fork()
    stage.modify("ltm/virtual", "/k8s/a", {"destination": "/k8s/10.1.1.2:80"})
    stage.modify("ltm/virtual", "/k8s/b", {"destination": "/k8s/10.1.1.1:80"})
    tree.adopt(stage)
    assert tree.need("ltm/virtual", "/k8s/a").values["destination"] == "/k8s/10.1.1.2:80"
    assert {item.name for item in tree.items("ltm/virtual-address", "k8s")} == {"10.1.1.1", "10.1.1.2"}


def test_a_virtual_address_goes_with_the_last_virtual_server_on_it(tree: Tree) -> None:
    virtual(tree, "a", "10.1.1.1:80")
    virtual(tree, "b", "10.1.1.1:443")
    tree.delete("ltm/virtual", "/k8s/a")
    assert tree.get("ltm/virtual-address", "/k8s/10.1.1.1") is not None
    tree.modify("ltm/virtual", "/k8s/b", {"destination": "10.1.1.9:443"})
    assert [item.name for item in tree.items("ltm/virtual-address", "k8s")] == ["10.1.1.9"]
    tree.modify("ltm/virtual-address", "/k8s/10.1.1.9", {"autoDelete": "false"})
    tree.delete("ltm/virtual", "/k8s/b")
    assert tree.get("ltm/virtual-address", "/k8s/10.1.1.9") is not None


def test_what_an_heir_does_not_set_follows_its_parent(tree: Tree) -> None:
    tree.create("ltm/profile/http", {"name": "site", "partition": "k8s"})
    tree.create(
        "ltm/profile/http", {"name": "shop", "partition": "k8s", "defaultsFrom": "site", "xffAlternativeNames": ["a"]}
    )
    tree.modify("ltm/profile/http", "/k8s/site", {"insertXforwardedFor": "enabled", "xffAlternativeNames": ["b"]})
    shop = tree.need("ltm/profile/http", "/k8s/shop").values
    assert (shop["insertXforwardedFor"], shop["xffAlternativeNames"]) == ("enabled", ["a"])
    with pytest.raises(Refused) as refused:
        tree.delete("ltm/profile/http", "/k8s/site")
    assert message(refused).startswith(
        "01070265:3: The profile (/k8s/site) cannot be deleted because it is in use by a "
    )


def test_replacing_members_keeps_what_those_that_stay_had(tree: Tree) -> None:
    pool(tree, "web", "10.0.0.1:80", "10.0.0.2:80")
    tree.modify_child("ltm/pool", "/k8s/web", "members", "/k8s/10.0.0.1:80", {"session": "user-disabled", "ratio": 7})
    tree.modify("ltm/pool", "/k8s/web", {"members": ["10.0.0.1:80", {"name": "10.0.0.3:80"}]})
    members = tree.need("ltm/pool", "/k8s/web").children["members"]
    assert list(members) == ["/k8s/10.0.0.1:80", "/k8s/10.0.0.3:80"]
    assert (members["/k8s/10.0.0.1:80"].values["session"], members["/k8s/10.0.0.1:80"].values["ratio"]) == (
        "user-disabled",
        7,
    )


def test_a_name_without_a_slash_is_looked_up_here_and_then_in_common(tree: Tree) -> None:
    pool(tree, "web")
    tree.create("ltm/pool", {"name": "web"})
    tree.create("ltm/pool", {"name": "shared"})
    virtual(tree, "a", "10.1.1.1:80", pool="web")
    virtual(tree, "b", "10.1.1.1:81", pool="shared")
    assert tree.need("ltm/virtual", "/k8s/a").values["pool"] == "/k8s/web"
    assert tree.need("ltm/virtual", "/k8s/b").values["pool"] == "/Common/shared"


def test_another_partitions_objects_cannot_be_referred_to(tree: Tree) -> None:
    tree.create("auth/partition", {"name": "other"})
    tree.create("ltm/pool", {"name": "theirs", "partition": "other"})
    with pytest.raises(Refused) as refused:
        virtual(tree, "a", "10.1.1.1:80", pool="/other/theirs")
    assert message(refused).startswith("01070726:3: ")


def test_only_a_write_that_changes_something_counts_up_the_generation(tree: Tree) -> None:
    pool(tree, "web", "10.0.0.1:80")
    generation = tree.generation
    tree.modify("ltm/pool", "/k8s/web", {"minActiveMembers": 0, "members": [{"name": "10.0.0.1:80", "ratio": 1}]})
    assert tree.generation == generation
    tree.modify("ltm/pool", "/k8s/web", {"minActiveMembers": 1})
    assert tree.generation == generation + 1


def test_a_full_folder_keeps_its_partition(tree: Tree) -> None:
    tree.create("sys/folder", {"name": "sub", "partition": "k8s"})
    tree.create("ltm/pool", {"name": "web", "partition": "k8s", "subPath": "sub"})
    assert tree.get("ltm/pool", "/k8s/sub/web") is not None
    for kind, path in (("sys/folder", "/k8s/sub"), ("auth/partition", "k8s"), ("sys/folder", "/k8s")):
        with pytest.raises(Refused):
            tree.delete(kind, path)
    tree.delete("ltm/pool", "/k8s/sub/web")
    tree.delete("sys/folder", "/k8s/sub")
    tree.delete("auth/partition", "k8s")
