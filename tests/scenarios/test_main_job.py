"""The main job, end to end: a ConfigMap becomes a virtual server, and its pool follows the endpoints."""

from __future__ import annotations

import json

from scenarios.loop import CONTROLLER, endpoints, f5_resource, service, world

WEB = (f5_resource(), service(), endpoints(2))
POOL = "/k8s/cfgmap_default_web_web"
MEMBERS = "/mgmt/tm/ltm/pool/~k8s~cfgmap_default_web_web/members"


async def test_a_config_map_becomes_a_virtual_server_with_its_pool() -> None:
    async with world(*WEB) as w:
        virtual = w.get("ltm/virtual", "/k8s/default_web")
        assert virtual is not None
        assert virtual["destination"] == "/k8s/203.0.113.7:80"
        assert virtual["pool"] == POOL
        assert virtual["sourceAddressTranslation"]["type"] == "automap"
        assert w.members() == {"198.51.100.1:8080", "198.51.100.2:8080"}
        assert virtual["metadata"][0]["value"] == f"1 {CONTROLLER} k1 ConfigMap/default/web"


async def test_two_to_five_endpoints_is_one_request() -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.cluster.tell(endpoints(5))
        await w.until(lambda: len(w.members()) == 5)
        assert len(writes()) == 1


async def test_one_endpoint_more_is_one_post_and_one_less_one_delete() -> None:
    async with world(*WEB) as w:
        writes = w.mark()
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
        w.cluster.tell(endpoints(2))
        await w.until(lambda: len(w.members()) == 2)
        assert writes() == [f"POST {MEMBERS}", f"DELETE {MEMBERS}/~k8s~198.51.100.3:8080"]


async def test_deleting_the_config_map_deletes_what_it_made_and_nothing_else() -> None:
    async with world(*WEB, f5_resource("other", address="203.0.113.8")) as w:
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: w.virtuals() == {"/k8s/default_other"})
        assert w.get("ltm/pool", POOL) is None
        assert w.get("ltm/pool", "/k8s/cfgmap_default_other_web") is not None


async def test_a_restart_and_an_idle_controller_write_nothing() -> None:
    async with world(
        *WEB,
        f5_resource(
            "probed",
            address="203.0.113.9",
            backend={
                "healthMonitors": [
                    {"protocol": "http", "interval": 7, "send": "GET /\r\n", "recv": "ok"},
                    {"protocol": "udp"},
                ]
            },
        ),
    ) as w:
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_the_virtual_server_can_move_and_others_can_take_its_place_in_one_go() -> None:
    async with world(*WEB, f5_resource("other", address="203.0.113.8")) as w:
        w.cluster.tell(f5_resource("web", address="203.0.113.8"), f5_resource("other", address="203.0.113.7"))
        await w.until(lambda: (w.get("ltm/virtual", "/k8s/default_web") or {})["destination"] == "/k8s/203.0.113.8:80")
        await w.until(
            lambda: (w.get("ltm/virtual", "/k8s/default_other") or {})["destination"] == "/k8s/203.0.113.7:80"
        )
        assert w.issues() == []


async def test_what_an_operator_disabled_stays_disabled_whatever_happens_around_it() -> None:
    async with world(*WEB) as w:
        w.device.box.tree.modify_child(
            "ltm/pool", POOL, "members", "/k8s/198.51.100.1:8080", {"session": "user-disabled"}
        )
        await w.stop()
        w.start()
        await w.in_sync()
        w.cluster.tell(endpoints(5))
        await w.until(lambda: len(w.members()) == 5)
        w.cluster.tell(endpoints(4))
        await w.until(lambda: len(w.members()) == 4)
        pool = w.device.box.tree.get("ltm/pool", POOL)
        assert pool is not None
        assert pool.children["members"]["/k8s/198.51.100.1:8080"].values["session"] == "user-disabled"


async def test_objects_of_others_stay_as_they_are() -> None:
    async with world(*WEB, started=False) as w:
        tree = w.device.box.tree
        tree.create("ltm/pool", {"name": "theirs", "partition": "k8s", "members": [{"name": "192.0.2.1:80"}]})
        foreign = [{"name": "turnbuckle", "value": "1 other k2 ConfigMap/x/y", "persist": "true"}]
        tree.create("ltm/pool", {"name": "neighbours", "partition": "k8s", "metadata": foreign})
        before = {path: w.get("ltm/pool", path) for path in ("/k8s/theirs", "/k8s/neighbours")}
        w.start()
        await w.in_sync()
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: not w.virtuals())
        assert {path: w.get("ltm/pool", path) for path in before} == before
        assert w.members("/k8s/theirs") == {"192.0.2.1:80"}


async def test_a_wanted_path_without_our_mark_is_told_and_left_until_adopted() -> None:
    async with world(*WEB, started=False) as w:
        w.device.box.tree.create("ltm/pool", {"name": "cfgmap_default_web_web", "partition": "k8s"})
        w.start()
        await w.until(lambda: bool(w.issues("TB3002")))
        assert w.virtuals() == set()
        assert w.members() == set()
        await w.stop()
        w.options["adopt"] = True
        w.start()
        await w.until(lambda: len(w.members()) == 2 and w.virtuals() == {"/k8s/default_web"})


async def test_nodes_that_nobody_needs_any_more_are_collected_and_those_in_use_stay() -> None:
    async with world(*WEB) as w:
        w.cluster.tell(endpoints(1))
        await w.until(lambda: w.device.box.tree.get("ltm/node", "/k8s/198.51.100.2") is None)
        assert w.device.box.tree.get("ltm/node", "/k8s/198.51.100.1") is not None


async def test_a_missing_partition_is_told_and_made_when_asked() -> None:
    async with world(*WEB, partitions=("fresh",), started=False) as w:
        w.cluster.tell(f5_resource(frontend={"partition": "fresh"}))
        w.start()
        await w.until(lambda: bool(w.issues("TB3009")))
        assert "fresh" in w.issues("TB3009")[0].text
        assert "--create-partition" in w.issues("TB3009")[0].text
        await w.stop()
        w.options["create_partition"] = True
        w.start()
        await w.until(lambda: w.virtuals() == {"/fresh/default_web"})


async def test_iapp_services_are_made_with_the_members_in_their_table() -> None:
    frontend = {
        "iapp": "/Common/f5.http",
        "iappOptions": {},
        "iappVariables": {"pool__port": "80"},
        "iappPoolMemberTable": {
            "name": "pool__members",
            "columns": [{"name": "addr", "kind": "IPAddress"}, {"name": "port", "kind": "Port"}],
        },
    }
    data = {
        "virtualServer": {
            "frontend": {"partition": "k8s", **frontend},
            "backend": {"serviceName": "web", "servicePort": 80},
        }
    }
    async with world(service(), endpoints(2), started=False) as w:
        w.device.box.tree.create("sys/application/template", {"name": "f5.http", "partition": "Common"})
        w.cluster.tell(f5_resource(text=json.dumps(data)))
        w.start()
        await w.in_sync()
        path = "/k8s/default_web.app/default_web"
        made = w.get("sys/application/service", path)
        assert made is not None
        assert made["tables"][0]["rows"] == [{"row": ["198.51.100.1", "8080"]}, {"row": ["198.51.100.2", "8080"]}]
        w.cluster.tell(endpoints(1))
        await w.until(
            lambda: (
                (w.get("sys/application/service", path) or {})["tables"][0]["rows"]
                == [{"row": ["198.51.100.1", "8080"]}]
            )
        )
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_an_address_that_is_a_node_elsewhere_is_told_with_its_holder_and_the_option() -> None:
    async with world(*WEB, started=False) as w:
        w.device.box.tree.create("auth/partition", {"name": "other"})
        body = {"name": "198.51.100.1", "partition": "other", "address": "198.51.100.1"}
        w.device.box.tree.create("ltm/node", body)
        w.start()
        await w.until(lambda: bool(w.issues("TB3011")))
        told = w.issues("TB3011")[0].text
        assert "/other/198.51.100.1" in told
        assert "--share-nodes" in told
