"""What is made of each manifest, read from a folder; TURNBUCKLE_GOLDEN=write writes the expectations anew."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from golden.corpus.cases import (
    CORPUS,
    FOLDERS,
    HERE,
    KINDS,
    PARTITIONS,
    POOLS,
    SETTINGS,
    SHARED,
    WITHOUT_CORPUS,
    Case,
    cases,
    golden,
    issues,
    words,
)  # fmt: skip
from turnbuckle.model.ltm import LtmObject, Pool
from turnbuckle.model.settings import Settings
from turnbuckle.model.state import Path as DevicePath
from turnbuckle.model.state import State
from turnbuckle.runtime import offline
from turnbuckle.sources.leases_pools import parse

CASES = cases()
needs_corpus = pytest.mark.skipif(not SHARED, reason=WITHOUT_CORPUS)
marked = [pytest.param(one, id=one.name, marks=[needs_corpus] if one.manifest else []) for one in CASES]


def translated(folder: Path, *manifests: dict[str, Any]) -> offline.Manifests:
    folder.mkdir()
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    found = offline.translate(folder, Settings("golden", "cluster", PARTITIONS, **SETTINGS))
    return found.leased(State(), parse(POOLS))


def made_of(case: Case, folder: Path) -> dict[str, Any]:
    """alone: what lacks of the whole where there is nothing that the manifest names; pools are there and empty then."""
    given = (*case.classes, *case.manifests)
    alone, whole = translated(folder / "alone", *given), translated(folder / "whole", *given, *case.needs)
    fewer, all_ = published(alone), published(whole)
    for path, obj in fewer.items():
        assert obj == _emptied(all_[path], case.brings), path
    without = words({path: obj for path, obj in all_.items() if path not in fewer})
    return {
        "objects": words(all_),
        "issues": issues(whole.issues),
        "alone": {"without": sorted(without), "issues": issues(alone.issues)},
    }


def published(made: offline.Manifests) -> dict[DevicePath, LtmObject]:
    """What is made on a BIG-IP: nothing for those who never were without an error."""
    held = {str(ref) for ref in made.snapshot.held}
    desired = made.snapshot.desired
    return {path: obj for path, obj in desired.items() if obj.mark is None or obj.mark.owner not in held}


def _emptied(obj: LtmObject, stay: Collection[str]) -> LtmObject:
    if not isinstance(obj, Pool):
        return obj
    return replace(obj, members=frozenset(member for member in obj.members if member.address in stay))


@pytest.mark.parametrize("case", marked)
def test_a_manifest_becomes_what_is_written_beside_it(case: Case, tmp_path: Path) -> None:
    made = made_of(case, tmp_path)
    if os.environ.get("TURNBUCKLE_GOLDEN") == "write":
        text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=1000)
        (HERE / f"{case.name}.yaml").write_text(text, encoding="utf-8")
    assert made == golden(case)


@needs_corpus
def test_every_ingress_service_and_secret_of_the_corpus_is_in_the_table() -> None:
    found = {
        str(path.relative_to(CORPUS))
        for folder in FOLDERS
        for path in (CORPUS / folder).rglob("*.yaml")
        if any(one and one["kind"] in KINDS for one in yaml.safe_load_all(path.read_text(encoding="utf-8")))
    }
    assert found == {case.manifest for case in CASES if case.manifest}


def test_every_case_has_its_expectation_and_there_is_no_other() -> None:
    tables = {"cases.yaml", "own.yaml"}
    assert {path.name for path in HERE.glob("*.yaml")} - tables == {f"{case.name}.yaml" for case in CASES}
