"""The brake, as people pull it: annotations of the Lease that a controller's replicas share."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from fakes.kubeapi import FakeKubeApi
from turnbuckle.runtime.leader import lease_names

Turnbuckle = Callable[..., Result]
URL = "https://192.0.2.1"
(NAME,) = lease_names(("k8s",), URL)


class Cluster:
    """An API server in a thread, for the command blocks; and the flags that lead to it."""

    def __init__(self, api: FakeKubeApi, url: str, directory: Path) -> None:
        self.api = api
        config = directory / "kubeconfig"
        config.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "c",
                    "clusters": [{"name": "c", "cluster": {"server": url}}],
                    "users": [{"name": "u", "user": {"token": "t"}}],
                    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                }
            )
        )
        self.flags = [f"--kubeconfig={config}", f"--bigip-url={URL}", "--bigip-partition=k8s"]

    def lease(self, **annotations: str) -> None:
        self.api.put(
            {
                "kind": "Lease",
                "apiVersion": "coordination.k8s.io/v1",
                "metadata": {"name": NAME, "namespace": "kube-system", "annotations": annotations},
                "spec": {"holderIdentity": "one"},
            }
        )

    def annotations(self) -> dict[str, Any]:
        (found,) = [one for objects in self.api._objects.values() for key, one in objects.items() if key[1] == NAME]
        return found["metadata"].get("annotations") or {}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    api = FakeKubeApi()
    url = asyncio.run_coroutine_threadsafe(api.start(), loop).result(10)
    try:
        yield Cluster(api, url, tmp_path)
    finally:
        asyncio.run_coroutine_threadsafe(api.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_what_is_named_is_frozen_and_lifted_again(turnbuckle: Turnbuckle, cluster: Cluster) -> None:
    cluster.lease(keep="this")
    result = turnbuckle("freeze", "k8s", "/k8s/default_web", *cluster.flags)
    assert result.exit_code == 0, result.output
    assert cluster.annotations() == {"keep": "this", "turnbuckle/freeze": "k8s,/k8s/default_web"}
    assert "frozen: k8s,/k8s/default_web" in result.stdout
    turnbuckle("freeze", "device", *cluster.flags)
    assert cluster.annotations()["turnbuckle/freeze"] == "device,k8s,/k8s/default_web"
    turnbuckle("freeze", "--lift", "k8s", *cluster.flags)
    assert cluster.annotations()["turnbuckle/freeze"] == "device,/k8s/default_web"
    assert "nothing is frozen" in turnbuckle("freeze", "--lift", *cluster.flags).stdout
    assert cluster.annotations() == {"keep": "this"}


def test_what_waits_is_shown_to_people_and_to_programs(turnbuckle: Turnbuckle, cluster: Cluster) -> None:
    cluster.lease(**{"turnbuckle/freeze": "device", "turnbuckle/waiting": "ltm pool /k8s/web\nand 7 more"})
    assert "waits: ltm pool /k8s/web" in turnbuckle("freeze", *cluster.flags).stdout
    shown = json.loads(turnbuckle("freeze", "-o", "json", *cluster.flags).stdout)
    assert shown == [
        {"lease": NAME, "holder": "one", "frozen": ["device"], "waiting": ["ltm pool /k8s/web", "and 7 more"]}
    ]


def test_a_controller_that_starts_later_is_frozen_from_the_start(turnbuckle: Turnbuckle, cluster: Cluster) -> None:
    result = turnbuckle("freeze", "device", *cluster.flags)
    assert result.exit_code == 0, result.output
    assert cluster.annotations() == {"turnbuckle/freeze": "device"}
    assert "No controller holds it" in result.stdout


def test_a_lease_that_is_not_there_is_told(turnbuckle: Turnbuckle, cluster: Cluster) -> None:
    result = turnbuckle("freeze", *cluster.flags)
    assert result.exit_code == 1
    assert f"There is no Lease kube-system/{NAME}" in result.stderr
    assert "Check --bigip-url" in result.stderr


def test_what_is_lacking_is_said(turnbuckle: Turnbuckle, tmp_path: Path) -> None:
    assert "--bigip-url is not given" in turnbuckle("freeze", "device").stderr
    result = turnbuckle("freeze", "device", "-f", str(tmp_path), f"--bigip-url={URL}")
    assert result.exit_code == 1
    assert "freeze: [device]" in result.stderr


def test_a_cluster_that_does_not_answer_is_one_sentence(turnbuckle: Turnbuckle, cluster: Cluster) -> None:
    cluster.api.fail("*", status=503)
    result = turnbuckle("freeze", *cluster.flags)
    assert result.exit_code == 1
    assert "503" in result.stderr
    assert "Traceback" not in result.output
