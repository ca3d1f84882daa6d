"""Pairs of files: manifests, and all that is made and said of them; TURNBUCKLE_GOLDEN=write writes the latter anew.

NAME.in.yaml begins with a comment that has the settings which differ from the defaults; NAME.out.yaml has the objects
by their path, and the issues with their lines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import Path as DevicePath
from turnbuckle.runtime import offline

INPUTS = sorted(Path(__file__).parent.glob("*.in.yaml"))


def plain(value: Any) -> Any:
    """A value as YAML has it: sets sorted, paths as text, and no fields that are empty, false or hidden."""
    if isinstance(value, DevicePath):
        return str(value)
    if is_dataclass(value):
        named = {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.repr}
        return {name: part for name, part in named.items() if part not in (None, "", [], {}) and part is not False}
    if isinstance(value, frozenset):
        return sorted((plain(part) for part in value), key=str)
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return str(value) if isinstance(value, str) else value


def translated(source: Path) -> dict[str, Any]:
    first = source.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    settings = Settings("golden", "cluster", **yaml.safe_load(first)["settings"])
    manifests = offline.translate(source, settings)
    desired: Mapping[DevicePath, LtmObject] = manifests.snapshot.desired
    return {
        "objects": {str(path): plain(desired[path]) for path in sorted(desired)},
        "issues": [
            {
                "code": issue.code,
                "severity": str(issue.severity),
                "object": str(issue.about),
                "field": issue.field,
                "line": manifests.origins[issue.about].line_of(issue.field),
                "text": issue.text,
            }
            for issue in manifests.issues
        ],
    }


@pytest.mark.parametrize("source", INPUTS, ids=lambda path: path.name.removesuffix(".in.yaml"))
def test_manifests_become_what_is_written_beside_them(source: Path) -> None:
    made = translated(source)
    expected = source.with_name(source.name.replace(".in.", ".out."))
    if os.environ.get("TURNBUCKLE_GOLDEN") == "write":
        expected.write_text(yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8")
    assert made == yaml.safe_load(expected.read_text(encoding="utf-8"))


def test_no_pair_is_half() -> None:
    outputs = {path.name.replace(".out.", ".in.") for path in Path(__file__).parent.glob("*.out.yaml")}
    assert outputs == {path.name for path in INPUTS}
