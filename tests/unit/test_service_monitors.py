"""Monitors that the BIG-IP has already, named by a Service of type LoadBalancer."""

from __future__ import annotations

from typing import Any

import pytest

from turnbuckle.model.ltm import EXISTING_MONITOR, Monitor, Pool
from turnbuckle.model.state import Path
from unit.ingresses import Cluster, decoded

OWN = Path("ltm/monitor/tcp", "/k8s/Shared/ns_203_0_113_7_tcp_80")


def pool(health: str, **settings: Any) -> tuple[tuple[Path, ...], list[str]]:
    annotations = {"cis.f5.com/ip": "203.0.113.7", "cis.f5.com/health": health, "cis.f5.com/partition": "k8s"}
    metadata = {"name": "web", "namespace": "ns", "annotations": annotations}
    spec = {"type": "LoadBalancer", "ports": [{"name": "http", "port": 80}]}
    cluster = Cluster(decoded({"kind": "Service", "metadata": metadata, "spec": spec}), **settings)
    (made,) = cluster.made(Pool)
    assert made.monitors_needed == (1 if len(made.monitors) > 1 else 0)
    assert {one.path for one in cluster.made(Monitor)} == {
        path for path in made.monitors if path.kind != EXISTING_MONITOR
    }
    return made.monitors, [issue.code for issue in cluster.issues]


@pytest.mark.parametrize("name", ["/Common/tcp", "Common/tcp", "tcp"])
def test_a_monitor_of_the_operator_is_used_as_it_is(name: str) -> None:
    assert pool(f'{{"name": "{name}", "reference": "bigip"}}') == ((Path(EXISTING_MONITOR, "/Common/tcp"),), [])


def test_beside_one_of_ours_both_are_used_and_only_ours_is_made() -> None:
    monitors, said = pool('[{"interval": 5, "timeout": 10}, {"name": "/Common/tcp", "reference": "bigip"}]')
    assert monitors == (Path(EXISTING_MONITOR, "/Common/tcp"), OWN)
    assert not said


def test_what_a_pool_refers_to_is_ours_only_since_the_device_knows_its_own() -> None:
    assert Pool("/k8s/Shared/web", None, monitors=(Path(EXISTING_MONITOR, "/Common/tcp"), OWN)).references() == {OWN}


@pytest.mark.parametrize(
    ("name", "partitions", "used"),
    [("/k8s/own", ("k8s",), False), ("/ops/own", ("k8s",), True), ("/ops/own", (), False), ("/Common/own", (), True)],
)
def test_one_in_a_partition_of_ours_is_told_and_left_out(name: str, partitions: tuple[str, ...], used: bool) -> None:
    monitors, said = pool(f'{{"name": "{name}", "reference": "bigip"}}', partitions=partitions)
    assert monitors == ((Path(EXISTING_MONITOR, name),) if used else ())
    assert said == ([] if used else ["TB2016"])
