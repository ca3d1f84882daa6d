"""How plan and apply say that nothing is done, and why; and what a plan tells of what it makes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from cli_samples import resource
from click.testing import Result

from bigipsim.faults import Fault
from bigipsim.server import SimServer
from turnbuckle.model.ltm import Pool
from turnbuckle.model.state import State
from turnbuckle.planner.archive import Archive, to_bytes

Turnbuckle = Callable[..., Result]

INTO_A_POOL = """
kind: ConfigMap
apiVersion: v1
metadata:
  name: members
  labels: {f5type: virtual-server}
  annotations: {turnbuckle/pool: /k8s/theirs}
data:
  schema: f5schemadb://bigip-virtual-server_v0.1.7.json
  data: '{"virtualServer": {"frontend": {"partition": "k8s"}, "backend": {"serviceName": "web", "servicePort": 80}}}'
"""


def test_after_a_mistake_nobody_says_that_all_is_well(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "web.yaml").write_text(resource("web", mod="http"))
    for command in ("plan", "apply"):
        result = turnbuckle(command, "-f", str(manifests), *login)
        assert result.exit_code == 1
        assert "Nothing is done because of the mistakes above" in result.stdout
        assert "Nothing to do: the BIG-IP is as it should be" not in result.stdout


def test_a_pool_that_is_not_there_is_waited_for_and_not_called_refused(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "web.yaml").write_text(INTO_A_POOL)
    result = turnbuckle("apply", "-f", str(manifests), *login)
    assert result.exit_code == 0, result.output
    assert "Nothing done, 1 waiting for what is not there (yet)." in result.stdout
    assert "refused" not in result.stdout
    plan = turnbuckle("plan", "-f", str(manifests), *login)
    assert plan.exit_code == 0
    assert "it waits for what is missing" in plan.stdout


def test_what_was_never_asked_of_the_device_is_held_back_and_not_refused(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    device.box.tree.create("ltm/pool", {"name": "cfgmap_default_web_web", "partition": "k8s"})
    result = turnbuckle("apply", "-f", str(manifests), *login)
    assert result.exit_code == 1
    assert "held back because of the mistakes above" in result.stdout
    assert "refused by the BIG-IP" not in result.stdout


def test_the_plan_says_in_a_line_what_will_be_made(turnbuckle: Turnbuckle, manifests: Path) -> None:
    lines = turnbuckle("plan", "-f", str(manifests)).stdout.splitlines()
    assert "      192.0.2.80:80 tcp, pool /k8s/cfgmap_default_web_web" in lines
    assert "      round-robin, 1 member: 198.51.100.1:30080" in lines


def test_a_folder_that_was_moved_is_told_how_to_be_the_same_again(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    assert turnbuckle("apply", "-f", str(manifests), *login).exit_code == 0
    moved = manifests.rename(manifests.with_name("moved"))
    refused = turnbuckle("plan", "-f", str(moved), *login)
    assert refused.exit_code == 1
    (identity,) = set(re.findall(r"--controller-id=(files:\w+)", refused.stdout))
    again = turnbuckle("plan", "-f", str(moved), *login, f"--controller-id={identity}", f"--cluster-id={identity}")
    assert again.exit_code == 0, again.output


def test_what_became_of_a_plan_is_told_to_a_program(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    planned = json.loads(turnbuckle("plan", "-f", str(manifests), *login, "-o", "json").stdout)
    result = turnbuckle("apply", "-f", str(manifests), *login, "-o", "json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["fingerprint"] == planned["fingerprint"]
    assert {(one["type"], one["path"]) for one in told["operations"]} == {
        (one["type"], one["path"]) for one in planned["operations"]
    }
    assert {(one["result"], one["answer"]) for one in told["operations"]} == {("DONE", "")}
    assert (told["not_reached"], told["failure"], told["restore_file"]) == (0, "", None)
    again = json.loads(turnbuckle("apply", "-f", str(manifests), *login, "-o", "json").stdout)
    assert (again["operations"], again["issues"]) == ([], [])


def test_a_refusal_and_a_device_that_cannot_be_reached_are_told_to_a_program(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    for kind in ("commit-refused", "write-refused"):
        device.box.faults.add(Fault(kind=kind, message="01070734:3: not so", touches="/k8s/default_web"))
    result = turnbuckle("apply", "-f", str(manifests), *login, "-o", "json")
    assert result.exit_code == 1
    refused = [one for one in json.loads(result.stdout)["operations"] if one["result"] != "DONE"]
    assert [(one["type"], one["result"]) for one in refused] == [("ltm/virtual", "REJECTED")]
    assert "not so" in refused[0]["answer"]
    nobody = [word.replace(str(device.port), "1") for word in login]
    result = turnbuckle("apply", "-f", str(manifests), *nobody, "-o", "json")
    assert result.exit_code == 1
    assert [one["code"] for one in json.loads(result.stdout)["issues"]] == ["TB3009"]


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: f5}
spec: {controller: f5.com/cntr-ingress-svcs}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: cafe, annotations: {virtual-server.f5.com/ip: 203.0.113.7}}
spec:
  ingressClassName: f5
  rules:
  - host: cafe.example.com
    http: {paths: [{path: /tea, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
"""


def test_the_plan_names_the_policy_that_a_virtual_server_has_for_a_pool(
    turnbuckle: Turnbuckle, manifests: Path
) -> None:
    (manifests / "cafe.yaml").write_text(INGRESS)
    shown = turnbuckle("plan", "-f", str(manifests), "--bigip-partition=k8s").stdout
    assert "203.0.113.7:80 tcp, policy /k8s/Shared/" in shown


def test_a_restore_that_cannot_reach_the_device_is_told_to_a_program(turnbuckle: Turnbuckle, tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_bytes(
        to_bytes(
            Archive("https://127.0.0.1:1", "us", "2026-01-01T00:00:00Z", "by hand", State((Pool("/k8s/web", None),)))
        )
    )
    login = ["--bigip-url=https://127.0.0.1:1", "--bigip-username=admin", "--bigip-password=admin", "--insecure"]
    result = turnbuckle("restore", str(file), *login, "-o", "json")
    assert result.exit_code == 1
    assert [one["code"] for one in json.loads(result.stdout)["issues"]] == ["TB3009"]
