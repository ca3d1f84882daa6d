"""Restore files: kept before what cannot be undone, shown as a plan, and done when asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_samples import SERVICE, resource
from click.testing import Result

from bigipsim.server import SimServer

Turnbuckle = Callable[..., Result]
NAMES = [f"web{number}" for number in range(3)]


@pytest.fixture
def published(turnbuckle: Turnbuckle, tmp_path: Path, login: list[str]) -> Path:
    """A folder whose three virtual servers are on the device."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "service.yaml").write_text(SERVICE)
    for number, name in enumerate(NAMES):
        (folder / f"{name}.yaml").write_text(resource(name, address=f"203.0.113.{number + 1}"))
    assert turnbuckle("apply", "-f", str(folder), *login).exit_code == 0
    return folder


def virtuals(device: SimServer) -> list[str]:
    return sorted(item.name for item in device.box.tree.items("ltm/virtual"))


def kept(result: Result) -> str:
    found = re.search(r"What was there before is in (\S+) ", result.stdout)
    assert found is not None, result.output
    return found[1]


def test_what_several_deletions_took_away_is_brought_back(
    turnbuckle: Turnbuckle, published: Path, device: SimServer, login: list[str]
) -> None:
    before = virtuals(device)
    for name in NAMES:
        (published / f"{name}.yaml").unlink()
    file = kept(turnbuckle("apply", "-f", str(published), *login))
    assert virtuals(device) == []
    shown = turnbuckle("restore", file, *login, "-o", "json")
    assert shown.exit_code == 2, shown.output
    plan = json.loads(shown.stdout)
    assert {op["path"] for op in plan["operations"] if op["type"] == "ltm/virtual"} == {f"/k8s/{n}" for n in before}
    assert virtuals(device) == []
    other = turnbuckle("restore", file, *login, "--fingerprint", "0123456789abcdef")
    assert other.exit_code == 1
    assert virtuals(device) == []
    done = turnbuckle("restore", file, *login, "--fingerprint", plan["fingerprint"])
    assert done.exit_code == 0, done.output
    assert virtuals(device) == before
    assert turnbuckle("restore", file, *login).exit_code == 0


def test_what_came_since_goes_and_what_others_made_stays(
    turnbuckle: Turnbuckle, published: Path, device: SimServer, login: list[str]
) -> None:
    (published / "web2.yaml").write_text(resource("web2", address="203.0.113.77"))
    (published / "more.yaml").write_text(resource("more", address="203.0.113.78"))
    file = kept(turnbuckle("apply", "-f", str(published), *login))
    device.box.tree.create("ltm/pool", {"name": "by-hand", "partition": "k8s"})
    done = turnbuckle("restore", file, *login, "--apply")
    assert done.exit_code == 0, done.output
    assert "default_more" not in virtuals(device)
    moved = device.box.tree.get("ltm/virtual", "/k8s/default_web2")
    assert moved is not None
    assert moved.values["destination"] == "/k8s/203.0.113.3:80"
    assert device.box.tree.get("ltm/pool", "/k8s/by-hand") is not None


def test_a_device_without_anything_needs_no_restore_file(
    turnbuckle: Turnbuckle, manifests: Path, login: list[str]
) -> None:
    assert "What was there before" not in turnbuckle("apply", "-f", str(manifests), *login).stdout


def test_a_directory_that_cannot_be_written_to_is_told_and_stops_nothing(
    turnbuckle: Turnbuckle, published: Path, tmp_path: Path, device: SimServer, login: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "inside"
    (published / "web0.yaml").unlink()
    done = turnbuckle("apply", "-f", str(published), *login, f"--restore-directory={nowhere}")
    assert done.exit_code == 0, done.output
    assert "No restore file could be kept" in done.output
    assert virtuals(device) == ["default_web1", "default_web2"]


@pytest.mark.parametrize(
    ("content", "words"), [("{}", "no restore file"), ("kind: ConfigMap", "not JSON"), ("", "not JSON")]
)
def test_a_file_that_is_none_is_refused(
    turnbuckle: Turnbuckle, tmp_path: Path, login: list[str], content: str, words: str
) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    result = turnbuckle("restore", str(file), *login)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there_and_one_that_is_not_named_are_one_sentence(
    turnbuckle: Turnbuckle, login: list[str]
) -> None:
    assert "/nowhere.json cannot be read" in turnbuckle("restore", "/nowhere.json", *login).stderr
    assert "FILE" in turnbuckle("restore", *login).stderr


def test_where_nothing_is_written_nothing_is_kept(turnbuckle: Turnbuckle, published: Path, login: list[str]) -> None:
    again = turnbuckle("apply", "-f", str(published), *login)
    assert "What was there before" not in again.stdout
    told = json.loads(turnbuckle("apply", "-f", str(published), *login, "-o", "json").stdout)
    assert (told["operations"], told["restore_file"]) == ([], None)


def test_what_is_done_is_told_in_one_count(turnbuckle: Turnbuckle, published: Path, login: list[str]) -> None:
    (published / "web2.yaml").unlink()
    done = turnbuckle("apply", "-f", str(published), *login).stdout.splitlines()
    assert [line.split()[1] for line in done if line.startswith("-")] == ["delete", "delete"]
    assert done[-1] == "2 done."
    assert not any("Fingerprint" in line for line in done)
