"""Values of an F5 resource that are wrong, or hardly meant, each with its sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool, VirtualServer
from turnbuckle.model.ref import Put, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}
FRONT = "data.data.virtualServer.frontend"
SLICE = {
    "metadata": {"name": "web-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "web"}},
    "ports": [{"port": 8080}],
    "endpoints": [{"addresses": ["192.0.2.1"]}],
}


def config_map(name: str = "a", text: str = "", annotations: Any = None, created: str = "", **front: Any) -> Any:
    frontend = {"partition": "k8s", "virtualAddress": {"bindAddr": "203.0.113.7", "port": 80}, **front}
    body = {"virtualServer": {"frontend": frontend, "backend": {"serviceName": "web", "servicePort": 80}}}
    metadata = {"name": name, "namespace": "ns", "labels": {"f5type": "virtual-server"}, "annotations": annotations}
    schema = "f5schemadb://bigip-virtual-server_v0.1.7.json"
    return KINDS["ConfigMap"].decode(
        {
            "metadata": {**metadata, "creationTimestamp": created},
            "data": {"schema": schema, "data": text or json.dumps(body)},
        }
    )


def service(kind: str = "ClusterIP", **port: Any) -> Any:
    spec = {"type": kind, "ports": [{"port": 80, **port}]}
    return KINDS["Service"].decode({"metadata": {"name": "web", "namespace": "ns"}, "spec": spec})


def told(*events: Any, members: str = "cluster") -> tuple[list[Issue], list[Any]]:
    engine = Engine(registry.kinds(), registry.composers(), ["test"])
    put = Put(SourceObject(SETTINGS, Settings("c", "k", (), members)))
    slices = KINDS["EndpointSlice"].decode(SLICE)
    snapshot = engine.ingest([put, slices, *events, Synced("test")])
    return list(snapshot.all_issues()), list(snapshot.desired.values())


@pytest.mark.parametrize("path", ["web", "k8s/web", "/web", "/k8s/", "/k8s/we b", " ", ""])
def test_a_pool_without_a_full_path_is_one_mistake_and_no_claim(path):
    issues, objects = told(service(), config_map(annotations={"turnbuckle/pool": path}))
    assert [(issue.code, issue.field) for issue in issues] == [("TB1022", "metadata.annotations[turnbuckle/pool]")]
    assert objects == []
    _, objects = told(service(), config_map(annotations={"turnbuckle/pool": " /Common/web "}))
    assert [type(obj) for obj in objects] == [DesignatedPool]


@pytest.mark.parametrize("name", ["k8s/x", "/k8s/x", "k8s x", "/", "ü", "a" * 65])
def test_what_no_partition_can_be_called_is_refused_in_the_words_of_the_flag(name):
    issues, objects = told(service(), config_map(partition=name))
    assert [(issue.severity, issue.field) for issue in issues] == [("ERROR", f"{FRONT}.partition")]
    assert issues[0].text.endswith(
        "which is no name of a partition. Use up to 64 letters, digits, dots, hyphens and underscores, for example k8s."
    )
    assert objects == []


def test_a_partition_between_slashes_is_the_partition():
    assert told(service(), config_map(partition="/k8s/"))[0] == []


def test_a_prefix_length_is_ignored_and_told():
    address = {"bindAddr": "203.0.113.7%2/24", "port": 80}
    issues, objects = told(service(), config_map(virtualAddress=address))
    assert [(issue.severity, issue.text) for issue in issues] == [
        (
            "WARNING",
            f'{FRONT}.virtualAddress.bindAddr is "203.0.113.7%2/24"; the prefix length is ignored,'
            " the virtual server listens on 203.0.113.7%2 only. Write 203.0.113.7%2.",
        )
    ]
    assert "203.0.113.7%2" in {obj.destination_address for obj in objects if isinstance(obj, VirtualServer)}
    annotated = config_map(virtualAddress={"port": 80}, annotations={"virtual-server.f5.com/ip": "203.0.113.7/24"})
    assert [issue.field for issue in told(service(), annotated)[0]] == [
        "metadata.annotations[virtual-server.f5.com/ip]"
    ]


def test_a_method_that_is_not_known_is_told_with_the_nearest_one():
    issues, _ = told(service(), config_map(balance="least-conections-member"))
    assert [(issue.severity, issue.text) for issue in issues] == [
        (
            "WARNING",
            f'{FRONT}.balance is "least-conections-member", which is no method known here;'
            ' the BIG-IP may refuse it. Did you mean "least-connections-member"?',
        )
    ]


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (
            '{"virtualServer": {"a": 1, "b": [{"c": 1, "c": 2}], "a": 2}}',
            "data.data.virtualServer.a",
            "stands there twice",
        ),
        ('{"virtualServer": {"b": [{"c": 1, "c": 2}]}}', "data.data.virtualServer.b[0].c", "stands there twice"),
        ('{"virtualServer": NaN}', "data.data", "NaN is no number in JSON"),
        ('{"virtualServer": ' + "1" * 5000 + "}", "data.data", "a number has too many digits"),
    ],
)
def test_text_of_which_readers_make_different_things_is_refused(text, field, message):
    issues, _ = told(service(), config_map(text=text))
    errors = [issue for issue in issues if message in issue.message]
    assert [(issue.severity, issue.field) for issue in errors if issue.field == field] == [("ERROR", field)]


def test_a_number_in_quotes_and_a_text_without_can_be_told_apart():
    shown = []
    for port in ("80", True, None, [80], "x" * 100):
        issues, _ = told(service(), config_map(virtualAddress={"bindAddr": "203.0.113.7", "port": port}))
        shown.append(issues[0].message.partition(" is ")[2])
    assert shown == ['"80".', "true.", "null.", "[…].", '"' + "x" * 79 + '…" (100 characters).']


def test_a_node_port_service_without_a_number_is_not_called_one_of_the_wrong_type():
    issues, _ = told(service("NodePort"), config_map(), members="nodeport")
    assert [(issue.code, issue.message) for issue in issues] == [
        ("TB2018", "Port 80 of Service ns/web has no nodePort.")
    ]
    issues, _ = told(service(), config_map(), members="nodeport")
    assert [issue.code for issue in issues] == ["TB2005"]


@pytest.mark.parametrize("members", ["cluster", "nodeport"])
def test_a_service_that_is_only_a_name_is_named_as_the_cause(members):
    issues, _ = told(service("ExternalName"), config_map(), members=members)
    assert [issue.text for issue in issues] == [
        "Service ns/web is of type ExternalName: it stands for a name in DNS and has no endpoints."
        " Publish a Service that selects pods."
    ]


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (("", ""), "which comes first by name"),
        (("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), "which comes first by name"),
        (("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), "which is older"),
    ],
)
def test_why_one_of_two_comes_first_is_true(times, why):
    issues, _ = told(service(), config_map("a", created=times[0]), config_map("b", created=times[1]))
    assert [issue.message for issue in issues] == [f"203.0.113.7:80 belongs to ConfigMap/ns/a, {why}."]
    other = config_map("b", created=times[1], partition="other")
    issues, _ = told(service(), config_map("a", created=times[0]), other)
    assert [issue.message for issue in issues] == [
        f"The address 203.0.113.7 lives in partition k8s already, because of ConfigMap/ns/a, {why}."
    ]
