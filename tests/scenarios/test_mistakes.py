"""Users' mistakes, each against a device with traffic on it: the rest goes on, and the last good version stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.loop import World, endpoints, f5_resource, service, world
from turnbuckle.model.issue import Severity

GOOD = f5_resource()
OTHER = f5_resource("other", address="203.0.113.8", service="api")
REST = (service(), endpoints(2), service("api"), endpoints(1, "api"))
FRONT = "data.data.virtualServer.frontend"
BACK = "data.data.virtualServer.backend"


def with_data(**change: Any) -> dict[str, Any]:
    """The good ConfigMap with other keys under data; None takes one out."""
    data = {**GOOD["data"], **change}
    return {**GOOD, "data": {key: value for key, value in data.items() if value is not None}}


def without(part: str, field: str) -> dict[str, Any]:
    body = json.loads(GOOD["data"]["data"])
    del body["virtualServer"][part][field]
    return with_data(data=json.dumps(body))


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "not JSON": (
        f5_resource(text='{"virtualServer": '),
        "data.data",
        "data.data is not JSON: expecting value at its line 1, column 19."
        " Write one JSON object; quotes, commas and braces must match.",
    ),
    "JSON but not an object": (
        f5_resource(text='["web"]'),
        "data.data",
        'data.data is […], not a JSON object. Write {"…": …} there.',
    ),
    "no schema": (
        with_data(schema=None),
        "data.schema",
        "data.schema is missing: which schema the resource follows."
        " Add it, for example f5schemadb://bigip-virtual-server_v0.1.7.json.",
    ),
    "unknown schema version": (
        with_data(schema="f5schemadb://bigip-virtual-server_v0.2.0.json"),
        "data.schema",
        'data.schema names "f5schemadb://bigip-virtual-server_v0.2.0.json", which is no F5 resource schema.'
        " Write f5schemadb://bigip-virtual-server_v0.1.7.json, or an older one down to v0.1.0.",
    ),
    "missing field": (
        without("backend", "servicePort"),
        f"{BACK}.servicePort",
        f"{BACK}.servicePort is missing: the Service's port. Add it, for example 80.",
    ),
    "unknown field": (
        f5_resource(frontend={"ballance": "round-robin"}),
        f"{FRONT}.ballance",
        f'{FRONT}.ballance is not a known field. Did you mean "balance"?',
    ),
    "port 0": (
        f5_resource(port=0),
        f"{FRONT}.virtualAddress.port",
        f"{FRONT}.virtualAddress.port is 0, which is outside 1 to 65535. Write a number from 1 to 65535.",
    ),
    "port 70000": (
        f5_resource(port=70000),
        f"{FRONT}.virtualAddress.port",
        f"{FRONT}.virtualAddress.port is 70000, which is outside 1 to 65535. Write a number from 1 to 65535.",
    ),
    "port in quotes": (
        f5_resource(port="80"),
        f"{FRONT}.virtualAddress.port",
        f'{FRONT}.virtualAddress.port is "80". Write a whole number from 1 to 65535, without quotes.',
    ),
    "no address": (
        f5_resource(address="203.0.113.700"),
        f"{FRONT}.virtualAddress.bindAddr",
        f'{FRONT}.virtualAddress.bindAddr is "203.0.113.700", which is no IP address.'
        " Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7; a route domain follows as %2.",
    ),
    "partition not ours": (
        f5_resource(frontend={"partition": "prod"}),
        f"{FRONT}.partition",
        f'{FRONT}.partition is "prod"; this controller writes to k8s only.'
        " Write k8s, or start the controller with --bigip-partition=prod.",
    ),
    "partition Common": (
        f5_resource(frontend={"partition": "Common"}),
        f"{FRONT}.partition",
        f"{FRONT}.partition is Common, which belongs to the whole device."
        " Write a partition of its own, for example k8s.",
    ),
    "port not in the Service": (
        f5_resource(backend={"servicePort": 81}),
        f"{BACK}.servicePort",
        "Service default/web has no port 81; it has 80."
        " Write one of the Service's ports (not the target port of the pods).",
    ),
    "1 MB of data": (
        f5_resource(text='{"virtualServer": "' + "x" * 1_000_000 + '"}'),
        "data.data",
        "data.data has 1000021 bytes; more than 262144 are not read."
        " An F5 resource needs a few hundred bytes: check what was pasted there.",
    ),
    "bytes that are not UTF-8": (
        {**with_data(data=None), "binaryData": {"data": "//4="}},
        "data.data",
        "data.data is not UTF-8: it was stored as bytes, under binaryData. Save it as UTF-8 text.",
    ),
    "nested far too deep": (
        f5_resource(text="[" * 100_000),
        "data.data",
        "data.data is not JSON: it is nested too deeply at its line 1, column 1."
        " Write one JSON object; quotes, commas and braces must match.",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_mistake_is_told_and_the_last_good_version_stays(what: str) -> None:
    broken, field, sentence = BROKEN[what]
    async with world(GOOD, OTHER, *REST) as w:
        before, writes = picture(w), w.mark()
        w.cluster.tell(broken)
        await w.until(lambda: any(issue.severity is Severity.ERROR for issue in w.issues()))
        told = [issue for issue in w.issues() if issue.severity is Severity.ERROR]
        assert [(issue.field, issue.text, str(issue.about)) for issue in told] == [
            (field, sentence, "ConfigMap/default/web")
        ]
        w.cluster.tell(endpoints(2, "api"))
        await w.until(lambda: len(w.members("/k8s/cfgmap_default_other_api")) == 2)
        assert len(writes()) == 1
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
        assert picture(w) == before
        w.cluster.tell(GOOD)
        await w.until(lambda: w.issues() == [])


@pytest.mark.parametrize("what", BROKEN)
async def test_after_a_restart_a_broken_object_keeps_what_the_device_has(what: str) -> None:
    broken, _, _ = BROKEN[what]
    async with world(GOOD, OTHER, *REST) as w:
        before = picture(w)
        await w.stop()
        w.cluster.know(broken)
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert picture(w) == before
        assert writes() == []


def picture(w: World) -> dict[str, Any]:
    tree = w.device.box.tree
    return {item.full_path: dict(item.values) for kind in ("ltm/virtual", "ltm/pool") for item in tree.items(kind)}


async def test_a_service_that_is_missing_leaves_the_virtual_server_and_empties_its_pool() -> None:
    async with world(GOOD, OTHER, *REST) as w:
        w.cluster.delete("Service", "web")
        await w.until(lambda: w.members() == set())
        assert w.virtuals() == {"/k8s/default_web", "/k8s/default_other"}
        (issue,) = w.issues()
        assert issue.severity is Severity.PENDING
        assert issue.text == (
            "There is no Service default/web: the pool has no members."
            " Create it, or correct the name; nothing else is needed then."
        )
        w.cluster.tell(service())
        await w.until(lambda: len(w.members()) == 2)
        assert w.issues() == []


async def test_a_cluster_ip_service_in_node_port_mode_is_told_and_what_was_good_stays() -> None:
    node = {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    }
    open_ports = service(type="NodePort", node_port=30080)
    async with world(GOOD, open_ports, node, member_type="nodeport") as w:
        assert w.members() == {"192.0.2.1:30080"}
        w.cluster.tell(service())
        await w.until(lambda: bool(w.issues("TB2005")))
        assert w.issues("TB2005")[0].text == (
            "Service default/web is of type ClusterIP, which opens no port on the nodes. Make it a NodePort Service,"
            " or run with --pool-member-type=cluster where the BIG-IP reaches the pods."
        )
        assert w.members() == {"192.0.2.1:30080"}
        assert w.virtuals() == {"/k8s/default_web"}


async def test_of_two_on_one_address_and_port_the_older_keeps_it_and_the_younger_is_told() -> None:
    younger = f5_resource("young", service="api", created="2026-02-01T00:00:00Z")
    async with world(GOOD, *REST, younger) as w:
        assert w.virtuals() == {"/k8s/default_web"}
        (issue,) = w.issues()
        assert str(issue.about) == "ConfigMap/default/young"
        assert issue.text == (
            "203.0.113.7:80 belongs to ConfigMap/default/web, which is older."
            " Choose another address or port, or delete the other."
        )
        w.cluster.delete("ConfigMap", "web")
        await w.until(lambda: w.virtuals() == {"/k8s/default_young"})
        assert w.issues() == []


async def test_the_younger_keeps_its_last_good_address_when_an_edit_makes_it_collide() -> None:
    younger = f5_resource("young", address="203.0.113.9", service="api", created="2026-02-01T00:00:00Z")
    async with world(GOOD, *REST, younger) as w:
        before = picture(w)
        w.cluster.tell(f5_resource("young", service="api", created="2026-02-01T00:00:00Z"))
        await w.until(lambda: bool(w.issues("TB2006")))
        await w.until(w.worker.in_sync.is_set)
        assert picture(w) == before


async def test_an_unknown_annotation_is_a_warning_with_the_nearest_name() -> None:
    resource = f5_resource(annotations={"turnbuckle/pol": "/Common/x", "virtual-server.f5.com/ipp": "1.2.3.4"})
    async with world(resource, *REST) as w:
        assert {(issue.severity, issue.hint) for issue in w.issues()} == {
            (Severity.WARNING, 'Did you mean "turnbuckle/pool"?'),
            (Severity.WARNING, 'Did you mean "virtual-server.f5.com/ip"?'),
        }
        assert w.virtuals() == {"/k8s/default_web"}


async def test_an_iapp_template_that_the_device_lacks_is_told_in_its_words_and_costs_nobody_else() -> None:
    frontend = {
        "partition": "k8s",
        "iapp": "/Common/none.such",
        "iappOptions": {},
        "iappVariables": {},
        "iappPoolMemberTable": {"name": "t", "columns": [{"name": "addr", "kind": "IPAddress"}]},
    }
    body = {"virtualServer": {"frontend": frontend, "backend": {"serviceName": "web", "servicePort": 80}}}
    async with world(f5_resource("app", text=json.dumps(body)), OTHER, *REST, started=False) as w:
        w.start()
        await w.until(lambda: bool(w.issues("TB3001")))
        assert str(w.issues("TB3001")[0].about) == "ConfigMap/default/app"
        assert "/Common/none.such" in w.issues("TB3001")[0].text
        await w.until(lambda: w.virtuals() == {"/k8s/default_other"})
