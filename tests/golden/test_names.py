"""The names on the BIG-IP are a frozen contract: contract/names.yaml has them as data, and they never change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from turnbuckle import registry
from turnbuckle.drivers.tmsh import commands
from turnbuckle.engine.engine import Engine
from turnbuckle.kit.addresses import destination
from turnbuckle.model.ltm import IAppService, LtmObject, Monitor, Pool, VirtualServer
from turnbuckle.model.plan import Operation, Plan, Verb
from turnbuckle.model.ref import Put, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings

NAMES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "contract" / "names.yaml").read_text(encoding="utf-8")
)
IAPP = {
    "iapp": "/Common/f5.http",
    "iappOptions": {},
    "iappVariables": {},
    "iappPoolMemberTable": {"name": "pool__members", "columns": [{"name": "addr", "kind": "IPAddress"}]},
}


def made(inputs: dict[str, Any], iapp: bool = False) -> list[LtmObject]:
    """What the inputs of a row become."""
    address, port = inputs.get("address", "203.0.113.7"), inputs.get("port", 80)
    front: dict[str, Any] = {"partition": inputs.get("partition", "k8s")}
    if iapp:
        front |= IAPP
    else:
        front |= {"mode": inputs.get("mode", "http"), "virtualAddress": {"bindAddr": address, "port": port}}
    if "f5ProfileName" in inputs:
        front["sslProfile"] = {"f5ProfileName": inputs["f5ProfileName"]}
    monitors = [{"protocol": "udp"}] * inputs.get("index", 0) + [{"protocol": inputs.get("protocol", "http")}]
    back = {"serviceName": inputs.get("service", "web"), "servicePort": 80, "healthMonitors": monitors}
    kind = next(kind for kind in registry.kinds() if kind.name == "ConfigMap")
    metadata = {"name": inputs.get("configmap", "a"), "namespace": inputs.get("namespace", "ns")}
    event = kind.decode(
        {
            "metadata": {**metadata, "labels": {"f5type": "virtual-server"}},
            "data": {
                "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
                "data": json.dumps({"virtualServer": {"frontend": front, "backend": back}}),
            },
        }
    )
    engine = Engine(registry.kinds(), registry.composers())
    snapshot = engine.ingest([Put(SourceObject(SETTINGS, Settings("c", "k", (), "cluster"))), event])
    return list(snapshot.desired.values())


def named(row: dict[str, Any]) -> Any:
    """The name of the row's kind among what its inputs become."""
    kind, inputs = row["kind"], row["inputs"]
    objects = made(inputs, iapp=kind == "iapp service")
    servers = [obj for obj in objects if isinstance(obj, VirtualServer)]
    match kind:
        case "virtual server":
            return servers[0].name
        case "pool":
            return next(obj.name for obj in objects if isinstance(obj, Pool))
        case "monitor":
            wanted = [obj.name for obj in objects if isinstance(obj, Monitor)]
            return next(name for name in wanted if f"_{inputs['index']}_" in name)
        case "iapp service":
            return next(obj.name for obj in objects if isinstance(obj, IAppService))
        case "profiles":
            return sorted(use.name for use in servers[0].profiles)
        case "client ssl profile":
            return next(use.name for use in servers[0].profiles if use.context == "clientside")
        case "destination":
            server = servers[0]
            return f"/{server.path.partition}/{destination(server.destination_address, server.port)}"
        case _:
            raise AssertionError(f"nobody knows what a {kind} is")


@pytest.mark.parametrize("row", NAMES, ids=lambda r: f"{r['kind']}-{r['name']}")
def test_a_name_is_what_the_contract_says(row: dict[str, Any]) -> None:
    assert named(row) == row["name"]


def test_the_names_reach_the_device_as_they_are() -> None:
    objects = made({"namespace": "shop", "configmap": "web"})
    operations = tuple(Operation(Verb.CREATE, obj.path, None, obj) for obj in objects)
    script = commands(Plan(operations))
    for obj in objects:
        assert obj.name in script
