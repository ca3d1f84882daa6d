"""The names on the BIG-IP are a frozen contract: contract/names.yaml has them as data, and they never change."""

from __future__ import annotations

import json
from collections.abc import Callable
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
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.ref import Put, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile
from unit.ingresses import F5, Cluster, backend, ingress, pair, secret

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


def balanced(kind: str, inputs: dict[str, Any]) -> Any:
    """The names of what a Service of type LoadBalancer becomes; a single one as it is."""
    port = {"port": inputs["port"], **({"targetPort": inputs["target"]} if "target" in inputs else {})}
    annotations = {"cis.f5.com/ip": inputs.get("address", "203.0.113.7")}
    if "protocol" in inputs:
        annotations["cis.f5.com/health"] = json.dumps({"type": inputs["protocol"]})
    service = next(kind for kind in registry.kinds() if kind.name == "Service")
    event = service.decode(
        {
            "metadata": {"name": inputs["service"], "namespace": inputs["namespace"], "annotations": annotations},
            "spec": {
                "type": "LoadBalancer",
                "ports": [{**port, "protocol": protocol} for protocol in inputs.get("protocols", ["TCP"])],
            },
        }
    )
    settings = Settings("c", "k", (inputs["partition"],), "cluster")
    snapshot = Engine(registry.kinds(), registry.composers()).ingest([Put(SourceObject(SETTINGS, settings)), event])
    made_of = {"balancer virtual server": VirtualServer, "balancer pool": Pool, "balancer monitor": Monitor}[kind]
    names = sorted(obj.name for obj in snapshot.desired.values() if isinstance(obj, made_of))
    return names[0] if len(names) == 1 else names


def ingress_made(inputs: dict[str, Any]) -> dict[type[LtmObject], list[Any]]:
    """What an Ingress with the inputs of a row becomes, by type."""
    namespace, annotations = inputs.get("namespace", "default"), {f"{F5}/partition": inputs.get("partition", "k8s")}
    if "http-port" in inputs:
        annotations[f"{F5}/http-port"] = str(inputs["http-port"])
    if "protocol" in inputs:
        annotations[f"{F5}/health"] = json.dumps([{"path": "/", "type": inputs["protocol"]}])
    if "annotation" in inputs:
        annotations[f"{F5}/rewrite-app-root"] = inputs["annotation"]
    to = backend(inputs.get("service", "web"), inputs.get("port", 80))
    rules = [{"host": inputs.get("host"), "http": {"paths": [{"path": inputs.get("path"), "backend": to}]}}]
    secrets = [inputs[name] for name in ("secret", "second") if name in inputs]
    event = ingress(
        inputs.get("ingress", "web"),
        namespace,
        *(rules if "host" in inputs else []),
        annotations=annotations,
        ip=inputs.get("address", "203.0.113.7"),
        defaultBackend=to,
        tls=[{"secretName": name} for name in secrets],
    )
    cluster = Cluster(event, *(secret(name, pair(name), namespace) for name in secrets), partitions=())
    found: dict[type[LtmObject], list[Any]] = {}
    for path in sorted(cluster.now.desired):
        found.setdefault(type(cluster.now.desired[path]), []).append(cluster.now.desired[path])
    return found


OF_INGRESS: dict[str, Callable[[dict[type[LtmObject], list[Any]]], str]] = {
    "ingress virtual server": lambda found: str(found[VirtualServer][0].name),
    "ingress policy": lambda found: next(iter(found[VirtualServer][0].policies), "none"),
    "ingress pool": lambda found: str(found[Pool][0].name),
    "ingress monitor": lambda found: str(found[Monitor][0].name),
    "ingress rule": lambda found: str(found[PolicyRule][0].rule),
    "ingress app root rule": lambda found: str(found[PolicyRule][0].rule),
    "certificate": lambda found: _without_digest(found[CertificateFile][0]),
    "key": lambda found: _without_digest(found[KeyFile][0]),
    "default client ssl profile": lambda found: next(str(one.name) for one in found[ClientSsl] if one.sni_default),
    "further client ssl profile": lambda found: next(str(one.name) for one in found[ClientSsl] if not one.sni_default),
}


def _without_digest(file: CertificateFile | KeyFile) -> str:
    return file.name.replace(file.digest[:8], "<digest>")


def named(row: dict[str, Any]) -> Any:
    """The name of the row's kind among what its inputs become."""
    kind, inputs = row["kind"], row["inputs"]
    if kind in OF_INGRESS:
        return OF_INGRESS[kind](ingress_made(inputs))
    if kind.startswith("balancer"):
        return balanced(kind, inputs)
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
