"""check and plan without a device: mistakes with file and line, exit codes, the JSON contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import resource
from click.testing import Result

Turnbuckle = Callable[..., Result]


def test_a_clean_folder_has_no_mistakes(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("check", "-f", str(manifests), "--strict")
    assert result.exit_code == 0, result.output
    assert result.stdout == "No mistakes.\n"


def test_a_mistake_is_told_with_file_line_object_and_field(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "bad.yaml").write_text(resource("bad", "192.0.2.81", mod="http"))
    result = turnbuckle("check", "-f", str(manifests))
    assert result.exit_code == 1
    line, count = result.stdout.splitlines()
    assert line.startswith(
        f"{manifests}/bad.yaml:8  ERROR  ConfigMap/default/bad  data.data.virtualServer.frontend.mod  "
    )
    assert 'Did you mean "mode"?' in line
    assert count == "1 mistake."


def test_an_open_reference_fails_only_a_strict_check(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "service.yaml").unlink()
    assert turnbuckle("check", "-f", str(manifests)).exit_code == 0
    result = turnbuckle("check", "-f", str(manifests), "--strict")
    assert result.exit_code == 1
    assert "PENDING" in result.stdout
    assert "1 open reference." in result.stdout


EXACT = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: default
  annotations: {virtual-server.f5.com/ip: 192.0.2.90, virtual-server.f5.com/partition: k8s}
spec:
  ingressClassName: CLASS
  rules:
    - host: shop.example.com
      http:
        paths:
          - {path: /tea, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}
          - {path: /milk, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: f5}
spec: {controller: f5.com/cntr-ingress-svcs}
"""


def test_where_an_ingress_is_served_otherwise_than_by_the_original_is_told_and_is_no_mistake(
    turnbuckle: Turnbuckle, manifests: Path
) -> None:
    file = manifests / "shop.yaml"
    file.write_text(EXACT.replace("CLASS", "f5"))
    field = "spec.rules[0].http.paths[0].pathType"
    sentence = "Only /tea itself is served, as Exact says; the original served /tea/ and all below it as well."
    result = turnbuckle("check", "-f", str(manifests))
    assert result.exit_code == 0, result.output
    told = f"  {file}:13  Ingress/default/shop  {field}  {sentence}"
    assert result.stdout.splitlines()[-3:-1] == ["Other than with k8s-bigip-ctlr, which is no mistake:", told]
    (found,) = json.loads(turnbuckle("check", "-f", str(manifests), "-o", "json").stdout)["differences"]
    assert found == {
        "object": "Ingress/default/shop",
        "field": field,
        "message": sentence,
        "file": str(file),
        "line": 13,
    }
    file.write_text(EXACT.replace("CLASS", "of-somebody-else"))
    assert "Other than" not in turnbuckle("check", "-f", str(manifests)).stdout


LABELLED = """\
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default, annotations: {cis.f5.com/ipamLabel: LABEL}}
spec: {type: LoadBalancer, ports: [{port: 80}], selector: {app: shop}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, namespace: default, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
ports: [{port: 8080}]
"""


@pytest.mark.parametrize(
    ("label", "ranges", "code", "told"),
    [
        ("Dev", "198.51.100.1-198.51.100.9", 0, "No mistakes."),
        ("dev", "198.51.100.1-198.51.100.9", 1, "TB2033"),
        ("Dev", "", 1, "TB2031"),
        ("Dev", "198.51.100.9-198.51.100.1", 1, "TB1040"),
    ],
)
def test_a_strict_check_knows_the_pools_of_addresses(
    turnbuckle: Turnbuckle, tmp_path: Path, label: str, ranges: str, code: int, told: str
) -> None:
    (tmp_path / "shop.yaml").write_text(LABELLED.replace("LABEL", label))
    given = ["--ip-range", json.dumps({"Dev": ranges})] if ranges else []
    settings = ["--bigip-partition", "k8s", "--pool-member-type", "cluster"]
    result = turnbuckle("check", "-f", str(tmp_path), "--strict", *settings, *given)
    assert (result.exit_code, told in result.output) == (code, True), result.output


def test_check_as_json_keeps_the_contract(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "bad.yaml").write_text(resource("bad", "192.0.2.81", mod="http"))
    result = turnbuckle("check", "-f", str(manifests), "-o", "json")
    content = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {"fingerprint", "operations", "issues"} <= set(content)
    (issue,) = content["issues"]
    assert issue["file"] == f"{manifests}/bad.yaml"
    assert (issue["object"], issue["code"], issue["severity"], issue["line"], issue["found"]) == (
        "ConfigMap/default/bad",
        "TB1005",
        "ERROR",
        8,
        "mod",
    )
    assert {"field", "message", "hint"} <= set(issue)


def test_one_file_may_be_checked_alone(turnbuckle: Turnbuckle, manifests: Path) -> None:
    file = manifests / "bad.yaml"
    file.write_text(resource("bad", mod="http"))
    assert f"{file}:8" in turnbuckle("check", "-f", str(file)).stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: b: c\n", "not YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"- 1\n- 2\n", "no Kubernetes object"),
        (b"kind: ConfigMap\n", "metadata.name"),
        (b"{" * 3000, "YAML"),
    ],
)
def test_a_file_that_is_no_manifest_is_told_with_its_name(
    turnbuckle: Turnbuckle, manifests: Path, content: bytes, words: str
) -> None:
    (manifests / "broken.yaml").write_bytes(content)
    result = turnbuckle("check", "-f", str(manifests))
    assert result.exit_code == 1
    assert f"{manifests}/broken.yaml:" in result.stdout
    assert words in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["check", "plan", "apply"])
def test_without_a_folder_a_command_says_what_to_give(turnbuckle: Turnbuckle, command: str) -> None:
    result = turnbuckle(command, "--bigip-url=192.0.2.1", "--bigip-username=a", "--bigip-password=b")
    assert result.exit_code == 1
    assert "Give their directory or file with -f DIR." in result.output


@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_folder_that_is_not_there_is_a_mistake(turnbuckle: Turnbuckle, command: str, tmp_path: Path) -> None:
    result = turnbuckle(command, "-f", str(tmp_path / "absent"))
    assert result.exit_code == 1
    assert "absent" in result.output
    assert "not there" in result.output


def test_check_finds_the_mistakes_of_a_configuration_file_alone(turnbuckle: Turnbuckle, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("bigip-partition: k8s\npool-member-typ: cluster\nsave: sometimes\n")
    result = turnbuckle("check", "--config", str(file))
    assert result.exit_code == 1
    assert f"{file}:2  ERROR" in result.stdout
    assert f"{file}:3  ERROR" in result.stdout
    assert 'Did you mean "pool-member-type"?' in result.stdout
    assert "2 mistakes." in result.stdout
    file.write_text("bigip-partition: k8s\n")
    assert turnbuckle("check", "--config", str(file)).exit_code == 0


def test_a_partition_that_is_named_is_the_only_one_allowed(turnbuckle: Turnbuckle, manifests: Path) -> None:
    assert turnbuckle("check", "-f", str(manifests), "--bigip-partition=k8s").exit_code == 0
    result = turnbuckle("check", "-f", str(manifests), "--bigip-partition=other")
    assert result.exit_code == 1
    assert "TB2001" in result.stdout


def test_without_a_device_the_plan_is_made_against_an_empty_one(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("plan", "-f", str(manifests))
    assert result.exit_code == 2, result.output
    assert "+ create  ltm virtual /k8s/default_web  because of ConfigMap/default/web" in result.stdout
    assert "3 to create, 0 to change, 0 to delete." in result.stdout


def test_an_empty_folder_needs_nothing(turnbuckle: Turnbuckle, tmp_path: Path) -> None:
    assert turnbuckle("plan", "-f", str(tmp_path)).exit_code == 0


def test_a_mistake_wins_over_changes(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "bad.yaml").write_text(resource("bad", "192.0.2.81", mod="http"))
    result = turnbuckle("plan", "-f", str(manifests))
    assert result.exit_code == 1
    assert "+ create  ltm virtual /k8s/default_web" in result.stdout


def test_plan_as_json_keeps_the_contract(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("plan", "-f", str(manifests), "-o", "json")
    content = json.loads(result.stdout)
    assert result.exit_code == 2
    assert len(content["fingerprint"]) == 16
    assert [(op["verb"], op["path"]) for op in content["operations"]] == [
        ("CREATE", "/k8s/turnbuckle"),
        ("CREATE", "/k8s/cfgmap_default_web_web"),
        ("CREATE", "/k8s/default_web"),
    ]
    assert all({"verb", "path", "fields", "because"} <= set(op) for op in content["operations"])
    assert content["operations"][1]["because"] == ["ConfigMap/default/web"]


def test_a_wrong_setting_is_told_to_programs_in_the_same_form(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("plan", "-f", str(manifests), "-o", "json", "--save=maybe")
    (issue,) = json.loads(result.stdout)["issues"]
    assert result.exit_code == 1
    assert (issue["object"], issue["field"], issue["code"]) == ("Settings", "save", "TB1040")


def test_plan_as_tmsh_is_a_script_and_issues_go_elsewhere(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "service.yaml").unlink()
    result = turnbuckle("plan", "-f", str(manifests), "-o", "tmsh")
    lines = result.stdout.splitlines()
    assert result.exit_code == 2
    assert (lines[0], lines[-1]) == ("create cli transaction", "submit cli transaction")
    assert any(line.startswith("create ltm virtual /k8s/default_web") for line in lines)
    assert "PENDING" in result.stderr


def test_nothing_is_in_colour_when_the_output_is_no_terminal(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "bad.yaml").write_text(resource("bad", "192.0.2.81", mod="http"))
    for command in ("check", "plan"):
        assert "\x1b" not in turnbuckle(command, "-f", str(manifests)).output
