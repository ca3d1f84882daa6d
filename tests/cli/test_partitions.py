"""plan and apply without --bigip-partition: every partition but Common counts, and those that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import resource
from click.testing import Result

from bigipsim.server import SimServer

Turnbuckle = Callable[..., Result]
VIRTUAL = ("ltm/virtual", "/k8s/default_web")


@pytest.fixture
def published(turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]) -> Path:
    """A folder whose virtual server is on the device, beside objects of somebody else."""
    device.box.tree.create("auth/partition", {"name": "theirs"})
    for partition in ("k8s", "theirs"):
        device.box.tree.create("ltm/pool", {"name": "legacy", "partition": partition})
    assert turnbuckle("apply", "-f", str(manifests), *login).exit_code == 0
    return manifests


def test_what_no_manifest_names_any_more_is_deleted(
    turnbuckle: Turnbuckle, published: Path, device: SimServer, login: list[str]
) -> None:
    (published / "web.yaml").unlink()
    plan = turnbuckle("plan", "-f", str(published), *login)
    assert plan.exit_code == 2, plan.output
    assert "- delete  ltm virtual /k8s/default_web" in plan.stdout
    assert "foreign  ltm pool /k8s/legacy" in plan.stdout
    assert "/theirs/" not in plan.stdout
    assert turnbuckle("apply", "-f", str(published), *login).exit_code == 0
    assert device.box.tree.get(*VIRTUAL) is None
    assert device.box.tree.get("ltm/pool", "/theirs/legacy") is not None


def test_what_moved_to_another_partition_leaves_the_old_one(
    turnbuckle: Turnbuckle, published: Path, device: SimServer, login: list[str]
) -> None:
    (published / "web.yaml").write_text(resource("web", partition="theirs"))
    # A BIG-IP has each member's address in one node, so the old members must have gone before the new ones can come.
    turnbuckle("apply", "-f", str(published), *login)
    result = turnbuckle("apply", "-f", str(published), *login)
    assert result.exit_code == 0, result.output
    assert device.box.tree.get(*VIRTUAL) is None
    assert device.box.tree.get("ltm/virtual", "/theirs/default_web") is not None
    assert turnbuckle("plan", "-f", str(published), *login).exit_code == 0


def test_a_named_partition_is_all_that_is_looked_at(
    turnbuckle: Turnbuckle, published: Path, device: SimServer, login: list[str]
) -> None:
    (published / "web.yaml").unlink()
    result = turnbuckle("plan", "-f", str(published), *login, "--bigip-partition=theirs")
    assert result.exit_code == 0, result.output
    assert "/k8s/" not in result.stdout


def test_a_partition_that_would_be_made_is_part_of_the_plan(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "web.yaml").write_text(resource("web", partition="fresh"))
    words = ["plan", "-f", str(manifests), *login, "--create-partition"]
    text = turnbuckle(*words)
    assert text.exit_code == 2
    assert text.stdout.startswith("+ create  auth partition fresh  because of --create-partition\n")
    assert "4 to create" in text.stdout
    assert turnbuckle(*words, "-o", "tmsh").stdout.startswith("create auth partition fresh\n")
    first = json.loads(turnbuckle(*words, "-o", "json").stdout)["operations"][0]
    assert first == {"verb": "CREATE", "type": "auth/partition", "path": "fresh", "fields": [], "because": []}
    assert device.box.tree.get("auth/partition", "fresh") is None


def test_another_plan_than_the_approved_one_makes_no_partition(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "web.yaml").write_text(resource("web", partition="fresh"))
    words = ["apply", "-f", str(manifests), *login, "--create-partition"]
    refused = turnbuckle(*words, "--fingerprint=0123456789abcdef")
    assert refused.exit_code == 1
    assert "Nothing was written" in refused.stderr
    assert device.box.tree.get("auth/partition", "fresh") is None
    done = turnbuckle(*words)
    assert done.exit_code == 0
    assert "4 done." in done.stdout


def test_a_partition_that_is_there_is_not_announced(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    result = turnbuckle("plan", "-f", str(manifests), *login, "--create-partition")
    assert "auth partition" not in result.stdout
