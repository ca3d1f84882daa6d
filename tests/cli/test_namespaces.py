"""--namespace with a folder: what counts, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import SERVICE, resource
from click.testing import Result

from bigipsim.server import SimServer

Turnbuckle = Callable[..., Result]


@pytest.fixture
def two_namespaces(manifests: Path) -> Path:
    """A virtual server of namespace default, and one of shop with a mistake in it."""
    text = resource("cart", "192.0.2.81", mod="http")
    (manifests / "cart.yaml").write_text(text.replace("name: cart", "name: cart\n  namespace: shop"))
    return manifests


def test_a_namespace_that_is_not_named_does_not_count(turnbuckle: Turnbuckle, two_namespaces: Path) -> None:
    assert turnbuckle("check", "-f", str(two_namespaces)).exit_code == 1
    result = turnbuckle("check", "-f", str(two_namespaces), "--namespace=default", "--strict")
    assert result.exit_code == 0, result.output


def test_what_names_no_namespace_is_in_default_and_a_node_in_none(turnbuckle: Turnbuckle, two_namespaces: Path) -> None:
    (two_namespaces / "cart.yaml").unlink()
    words = ["plan", "-f", str(two_namespaces), "-o", "json"]
    assert json.loads(turnbuckle(*words, "--namespace=shop").stdout)["operations"] == []
    made = json.loads(turnbuckle(*words, "--namespace=default").stdout)["operations"]
    assert [operation["type"] for operation in made] == ["ltm/data-group/internal", "ltm/pool", "ltm/virtual"]
    assert "198.51.100.1:30080" in turnbuckle("plan", "-f", str(two_namespaces), "--namespace=default").stdout


def test_the_controller_follows_the_named_namespaces_only(
    turnbuckle: Turnbuckle, two_namespaces: Path, device: SimServer, login: list[str]
) -> None:
    (two_namespaces / "service.yaml").write_text(SERVICE)
    words = ["run", "-f", str(two_namespaces), *login, "--bigip-partition=k8s", "--once"]
    assert turnbuckle(*words).exit_code == 1
    assert turnbuckle(*words, "--namespace=default").exit_code == 0


def test_labels_of_namespaces_are_refused_for_a_folder(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("check", "-f", str(manifests), "--namespace-label=a=b")
    assert result.exit_code == 1
    assert "--namespace-label has no effect on a folder of manifests" in result.output
