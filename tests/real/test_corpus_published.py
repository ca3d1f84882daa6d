"""Manifests that others wrote, end to end: posted to a real API server or read from a folder, then real requests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from golden.corpus.cases import POOLS, SETTINGS, SHARED, WITHOUT_CORPUS, Case, cases, golden, issues, words
from real.published import Published, address_of, backends, published
from unit.ingresses import pair

pytestmark = pytest.mark.real

CASES = cases()
PUBLISHED_FIRST = {"Ingress": 0, "Service": 1}
"""The order in which objects go, so that nobody misses what goes after them."""

needs_corpus = pytest.mark.skipif(not SHARED, reason=WITHOUT_CORPUS)


def parameters(chosen: list[Case]) -> list[Any]:
    return [pytest.param(one, id=one.name, marks=[needs_corpus] if one.manifest else []) for one in chosen]


@contextlib.asynccontextmanager
async def running(case: Case, **settings: Any) -> AsyncIterator[Published]:
    tls = {name: pair(name) for name in case.services if case.speaks_tls(name)}
    common = {**SETTINGS, "ip_range": POOLS, "leader_elect": False}
    async with backends(case.backends, tls), published(case.profiles, **common, **settings) as one:
        await one.start()
        yield one


class Seen:
    """What a golden file says, as it is to be found."""

    def __init__(self, case: Case, one: Published) -> None:
        self._whole, self._one = golden(case), one

    async def alone(self) -> None:
        """What the manifest alone comes to: pools are empty, what needs a certificate is not there."""
        alone = self._whole["alone"]
        names = sorted(set(self._whole["objects"]) - set(alone["without"]))
        wanted = {"objects": names, "issues": alone["issues"]}
        assert await self._one.soon(self._names_and_issues, wanted) == wanted

    async def whole(self) -> None:
        wanted = {"objects": self._whole["objects"], "issues": self._whole["issues"]}
        assert await self._one.soon(self._found, wanted) == wanted

    async def nothing(self) -> None:
        wanted: dict[str, Any] = {"objects": {}, "issues": []}
        assert await self._one.soon(self._found, wanted) == wanted

    async def _found(self) -> dict[str, Any]:
        return {"objects": words(await self._one.state()), "issues": issues(self._one.controller.report.all())}

    async def _names_and_issues(self) -> dict[str, Any]:
        found = await self._found()
        return {**found, "objects": sorted(found["objects"])}


async def a_restart_writes_nothing(one: Published) -> None:
    await one.stop()
    before = one.writes()
    await one.start()
    await one.in_sync()
    assert one.writes() == before


async def requests_end_as_they_should(case: Case, one: Published) -> None:
    for request in case.requests:
        wanted = {key: request[key] for key in ("answer", "redirect", "reset", "closed") if key in request}
        if "answer" in wanted:
            wanted |= {"host": request["host"], "path": request["path"], **request.get("seen", {})}
        shown = case.shown_for(request["host"]) if request.get("tls") is True else None

        async def found(request: Any = request, wanted: Any = wanted, shown: Any = shown) -> dict[str, Any]:
            answer = await one.asked(request, shown)
            return {key: value for key, value in answer.items() if key in wanted}

        assert await one.soon(found, wanted) == wanted, request


@pytest.mark.parametrize("case", parameters([one for one in CASES if one.reads == "kubernetes"]))
async def test_what_the_api_server_takes_is_published_and_goes_without_a_trace(
    case: Case, kube_api: Any, admin: Any
) -> None:
    posted: list[dict[str, Any]] = []

    async def post(*manifests: dict[str, Any]) -> None:
        for manifest in manifests:
            status, answer = await admin._send("POST", address_of(manifest, one=False), manifest)
            assert status == 201, answer
            posted.append(manifest)

    async with running(case, kubeconfig=Path(kube_api.kubeconfig), namespace=("default",)) as one:
        seen = Seen(case, one)
        try:
            await post(*case.classes, *case.manifests)
            await seen.alone()
            await post(*case.needs)
            await seen.whole()
            await requests_end_as_they_should(case, one)
            if case.status:
                assert await one.soon(lambda: status_of(case, admin), case.status) == case.status
            await a_restart_writes_nothing(one)
        finally:
            for manifest in sorted(posted, key=lambda one: PUBLISHED_FIRST.get(one["kind"], 2)):
                await admin._send("DELETE", address_of(manifest, one=True), {"gracePeriodSeconds": 0})
        await seen.nothing()


@pytest.mark.parametrize("case", parameters([one for one in CASES if one.reads == "files"]))
async def test_what_it_does_not_take_is_published_from_a_folder(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "class.yaml").write_text(yaml.safe_dump_all(case.classes), encoding="utf-8")
    (folder / "given.yaml").write_text(yaml.safe_dump_all(case.manifests), encoding="utf-8")
    async with running(case, folder=folder) as one:
        seen = Seen(case, one)
        await seen.alone()
        (folder / "needed.yaml").write_text(yaml.safe_dump_all(case.needs), encoding="utf-8")
        await seen.whole()
        await requests_end_as_they_should(case, one)
        await a_restart_writes_nothing(one)
        for name in ("needed", "given"):
            (folder / f"{name}.yaml").unlink()
        await seen.nothing()


@pytest.mark.parametrize("case", parameters([one for one in CASES if one.refused]))
async def test_what_is_said_to_be_refused_is_refused(case: Case, kube_api: Any, admin: Any) -> None:
    (manifest,) = case.manifests
    status, answer = await admin._send("POST", address_of(manifest, one=False), manifest)
    assert status in (400, 422), answer
    assert case.refused in answer["message"]


async def status_of(case: Case, admin: Any) -> tuple[str, ...]:
    """The addresses in the status of what the manifest publishes."""
    published_by = min(
        (one for one in case.manifests if one["kind"] in ("Ingress", "Service")), key=lambda one: one["kind"]
    )
    _, found = await admin._send("GET", address_of(published_by, one=True))
    return tuple(point["ip"] for point in (found["status"]["loadBalancer"].get("ingress") or ()))
