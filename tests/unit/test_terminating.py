"""Endpoints that end: who takes new connections, as kube-proxy decides it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.model.ltm import DesignatedPool, IAppService, Pool
from turnbuckle.model.ref import Event, Put, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings

KINDS = {kind.name: kind for kind in registry.kinds()}

READY = {"ready": True, "serving": True, "terminating": False}
NOT_READY = {"ready": False, "serving": False, "terminating": False}
ENDING = {"ready": False, "serving": True, "terminating": True}
ENDING_DEAF = {"ready": False, "serving": False, "terminating": True}
ENDING_SILENT = {"ready": False, "terminating": True}
ENDING_UNSAID = {"terminating": True}
PUBLISHED_ENDING = {"ready": True, "serving": False, "terminating": True}


def endpoint_slice(conditions: list[dict[str, bool] | None], name: str = "web-1") -> Event:
    return KINDS["EndpointSlice"].decode(
        {
            "metadata": {"name": name, "namespace": "ns", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": [f"198.51.100.{n}"], **({"conditions": one} if one is not None else {})}
                for n, one in enumerate(conditions, 1)
            ],
            "ports": [{"name": "", "port": 8080}],
        }
    )


def desired(*slices: Event, annotations: dict[str, str] | None = None, frontend: dict[str, Any] | None = None) -> Any:
    data = {"frontend": frontend or {"partition": "k8s"}, "backend": {"serviceName": "web", "servicePort": 80}}
    labels = {"f5type": "virtual-server"}
    resource = KINDS["ConfigMap"].decode(
        {
            "metadata": {"name": "web", "namespace": "ns", "labels": labels, "annotations": annotations or {}},
            "data": {
                "schema": "f5schemadb://bigip-virtual-server_v0.1.7.json",
                "data": json.dumps({"virtualServer": data}),
            },
        }
    )
    service = KINDS["Service"].decode(
        {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}}
    )
    engine = Engine(registry.kinds(), registry.composers())
    settings = Put(SourceObject(SETTINGS, Settings("ctl", "k1", ("k8s",), "cluster")))
    return engine.ingest([settings, service, resource, *slices]).desired


def members_of(*slices: Event, **more: Any) -> dict[int, bool]:
    """Last part of each member's address -> whether it drains."""
    (pool,) = (obj for obj in desired(*slices, **more).values() if isinstance(obj, Pool | DesignatedPool))
    return {int(member.address.rpartition(".")[2]): member.draining for member in pool.members}


@pytest.mark.parametrize(
    ("conditions", "drains"),
    [
        ([None, {}, {"ready": None}, READY], {1: False, 2: False, 3: False, 4: False}),
        ([READY, NOT_READY], {1: False}),
        ([NOT_READY], {}),
        ([READY, ENDING], {1: False, 2: True}),
        ([READY, ENDING_DEAF, ENDING_SILENT, ENDING_UNSAID], {1: False, 2: True, 3: True, 4: True}),
        ([ENDING, ENDING], {1: False, 2: False}),
        ([ENDING, ENDING_DEAF, ENDING_SILENT], {1: False, 2: True, 3: True}),
        ([ENDING_DEAF, ENDING_DEAF], {1: True, 2: True}),
        ([NOT_READY, ENDING], {2: False}),
        ([PUBLISHED_ENDING, ENDING], {1: False, 2: True}),
    ],
)
def test_the_ready_take_connections_or_else_those_that_end_and_still_serve(
    conditions: list[dict[str, bool] | None], drains: dict[int, bool]
) -> None:
    assert members_of(endpoint_slice(conditions)) == drains
    assert members_of(endpoint_slice(conditions), annotations={"turnbuckle/pool": "/Common/theirs"}) == drains


def test_an_address_in_two_slices_counts_as_the_better_of_the_two() -> None:
    assert members_of(endpoint_slice([ENDING, READY]), endpoint_slice([READY], "web-2")) == {1: False, 2: False}
    assert members_of(endpoint_slice([ENDING_DEAF]), endpoint_slice([ENDING], "web-2")) == {1: False}


def test_whether_anybody_is_ready_is_asked_of_all_slices_together() -> None:
    assert members_of(endpoint_slice([ENDING, NOT_READY]), endpoint_slice([NOT_READY] * 2 + [READY], "web-2")) == {
        1: True,
        3: False,
    }


def test_a_template_is_given_only_those_that_take_connections() -> None:
    frontend = {
        "partition": "k8s",
        "iapp": "/Common/f5.http",
        "iappOptions": {},
        "iappPoolMemberTable": {"name": "m", "columns": [{"name": "addr", "kind": "IPAddress"}]},
        "iappVariables": {"pool__port": "80"},
    }
    state = desired(endpoint_slice([READY, ENDING]), frontend=frontend)
    (service,) = (obj for obj in state.values() if isinstance(obj, IAppService))
    assert service.tables[0].rows == (("198.51.100.1",),)
