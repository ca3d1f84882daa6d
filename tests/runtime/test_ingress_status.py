"""The status of Ingresses, with everything that `turnbuckle run` starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.whole import Whole, whole
from unit.ingresses import F5, class_manifest, ingress_manifest, rule

CLASS = class_manifest()
A = ingress_manifest("a", "default", rule("a.example.com"))
B = ingress_manifest("b", "default", rule("b.example.com"))


def addresses(one: Whole, name: str = "a") -> list[str]:
    (raw,) = (raw for raw in one.objects("Ingress") if raw["metadata"]["name"] == name)
    return [entry["ip"] for entry in raw.get("status", {}).get("loadBalancer", {}).get("ingress") or ()]


def changed(one: Whole, name: str, annotations: dict[str, str]) -> dict[str, Any]:
    (raw,) = (raw for raw in one.objects("Ingress") if raw["metadata"]["name"] == name)
    return {**raw, "metadata": {**raw["metadata"], "annotations": annotations}}


async def test_all_who_share_an_address_are_told_it_once_the_device_has_it(tmp_path: Path) -> None:
    async with whole(tmp_path, A, B, started=False) as one:
        one.start()
        await one.ready()
        assert addresses(one) == []
        one.api.put(CLASS)
        await one.until(lambda: addresses(one) == addresses(one, "b") == ["203.0.113.7"], "the status of both")
        patches = [seen.path.rpartition("/ingresses/")[2] for seen in one.api.requests("patch", "ingresses")]
        assert sorted(patches) == ["a/status", "b/status"]


async def test_the_address_follows_and_goes_when_it_is_not_ours_any_more(tmp_path: Path) -> None:
    async with whole(tmp_path, CLASS, A, B) as one:
        await one.until(lambda: addresses(one) == addresses(one, "b") == ["203.0.113.7"], "the status of both")
        one.api.put(changed(one, "a", {f"{F5}/ip": "203.0.113.8%2"}))
        await one.until(lambda: addresses(one) == ["203.0.113.8"], "the other address")
        assert addresses(one, "b") == ["203.0.113.7"]
        one.api.put(changed(one, "a", {"kubernetes.io/ingress.class": "nginx"}))
        await one.until(lambda: addresses(one) == [], "no address")
        assert addresses(one, "b") == ["203.0.113.7"]


async def test_a_mistake_leaves_the_address_that_is_still_served(tmp_path: Path) -> None:
    async with whole(tmp_path, CLASS, A) as one:
        await one.until(lambda: addresses(one) == ["203.0.113.7"], "the status")
        one.api.put(changed(one, "a", {f"{F5}/ip": "nowhere"}))
        await one.until(lambda: "BadAddress" in one.reasons(), "the event")
        assert addresses(one) == ["203.0.113.7"]


async def test_the_address_of_another_controller_is_left_alone(tmp_path: Path) -> None:
    theirs = ingress_manifest("theirs", "default", rule("c.example.com"), ingressClassName="nginx")
    theirs["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    async with whole(tmp_path, CLASS, A, theirs) as one:
        await one.until(lambda: addresses(one) == ["203.0.113.7"], "the status")
        assert addresses(one, "theirs") == ["192.0.2.1"]
        assert [seen for seen in one.api.seen if seen.path.endswith("/ingresses/theirs")] == []


async def test_without_ingresses_no_secret_is_read(tmp_path: Path) -> None:
    async with whole(tmp_path, CLASS, A, manage_ingress=False) as one:
        await one.ready()
        assert addresses(one) == []
        assert {seen.path for seen in one.api.seen if seen.path.endswith(("/ingresses", "/secrets"))} == set()
