"""Reads the scenarios of contract/, and compares what was sent and answered with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

CONTRACT = Path(__file__).parents[2] / "contract"
TYPICAL = {"token": "T0KENAAAABBBBCCCCDDDDEEEE1", "transaction": 1526674837169915, "task": 1574570920607126}
_NAME = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Exchange:
    method: str
    path: str
    body: Any
    headers: dict[str, str]
    sender: str
    answer: dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    name: str
    provenance: str
    exchanges: tuple[Exchange, ...]
    given: tuple[dict[str, Any], ...] = ()
    device: dict[str, Any] = field(default_factory=dict)


def scenarios() -> list[Scenario]:
    return [_scenario(raw) for file in sorted(CONTRACT.glob("icontrol/*.yaml")) for raw in _load(file)]


def scenario(name: str) -> Scenario:
    return next(one for one in scenarios() if one.name == name)


def assumed() -> list[str]:
    """The exchanges that nobody has seen at a device."""
    return [one.name for one in scenarios() if one.provenance == "assumed"]


def _load(file: Path) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load(file.read_text(encoding="utf-8"))


def _scenario(raw: dict[str, Any]) -> Scenario:
    exchanges = tuple(
        Exchange(
            method=e["request"]["method"],
            path=e["request"]["path"],
            body=e["request"].get("body"),
            headers=e["request"].get("headers", {}),
            sender=e["request"].get("as", "token"),
            answer=e["answer"],
        )
        for e in raw["exchanges"]
    )
    return Scenario(
        raw["name"],
        raw["provenance"]["form"],
        exchanges,
        tuple(raw.get("given", ())),
        raw.get("device", {}),
    )


def filled(value: Any, known: dict[str, Any]) -> Any:
    """The value with the names in it replaced."""
    if isinstance(value, dict):
        return {key: filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _NAME.fullmatch(value)
    return known[whole[1]] if whole else _NAME.sub(lambda m: str(known[m[1]]), value)


def compare(wanted: Any, found: Any, known: dict[str, Any], where: str = "body") -> None:
    """Fails with the place of the first difference; takes the values of names that are met for the first time."""
    if wanted == "*":
        return
    name = _NAME.fullmatch(wanted) if isinstance(wanted, str) else None
    if name is not None and name[1] not in known:
        known[name[1]] = found
        return
    if isinstance(wanted, dict):
        assert isinstance(found, dict), f"{where} is {found!r}"
        for key, inner in wanted.items():
            assert key in found, f"{where} has no {key}: {found!r}"
            compare(inner, found[key], known, f"{where}.{key}")
        return
    if isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted), f"{where} is {found!r}"
        for index, (inner, one) in enumerate(zip(wanted, found, strict=True)):
            compare(inner, one, known, f"{where}[{index}]")
        return
    assert found == filled(wanted, known), f"{where} is {found!r}"


def compare_answer(answer: dict[str, Any], status: int, body: bytes, known: dict[str, Any]) -> None:
    assert status == answer["status"], (status, body[:300])
    if "text" in answer:
        assert answer["text"] in body.decode()
    elif "body" in answer and answer["body"] is None:
        assert body == b""
    elif "body" in answer:
        compare(answer["body"], msgspec.json.decode(body), known)


def answer_bytes(answer: dict[str, Any], known: dict[str, Any]) -> bytes:
    """The answer as a device might send it, for a driver to read."""
    if "text" in answer:
        return f"<html><body>{answer['text']}</body></html>".encode()
    body = answer.get("body")
    return b"" if body is None else msgspec.json.encode(filled(body, known))
