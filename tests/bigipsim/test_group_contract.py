"""The exchanges of contract/icontrol/cm/ with a unit of a device group: the simulator answers what is written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.group.membership import MISSED_BEATS, Commit, Membership, Report
from contract import exchanges as contract

FILES = sorted((contract.CONTRACT / "icontrol" / "cm").glob("*.yaml"))
SCENARIOS = {one["name"]: one for file in FILES for one in yaml.safe_load(file.read_text(encoding="utf-8"))}
PEER = "https://127.0.0.1:8444"


def unit(name: str, peer: str, newest: str) -> Box:
    """A unit that has heard once of its peer."""
    clock = ManualClock()
    box = Box(clock, membership=Membership(name, (PEER,)))
    group = box.group
    assert group is not None
    group.begin("https://127.0.0.1:8443")
    if newest in ("this", "both"):
        box.tree.create("ltm/pool", {"name": "web"})
    theirs = Commit(clock.now() + 1, 1, "bigip2.example.net") if newest == "peer" else None
    commit = group.commit if newest == "both" else theirs
    state = "active" if peer == "active" else "standby"
    group.hear(Report(name, "bigip2.example.net", PEER, box.version, state, clock.now(), commit=commit))
    for _ in range(MISSED_BEATS if peer == "gone" else 0):
        group.miss(PEER)
    return box


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_unit_answers_what_is_written(name: str) -> None:
    scenario = SCENARIOS[name]
    client = Client(unit(**scenario["device"]["group"]))
    known: dict[str, Any] = {}
    for exchange in scenario["exchanges"]:
        request = exchange["request"]
        path = contract.filled(request["path"], known).removeprefix("/mgmt/")
        reply = client.send(request["method"], path, request.get("body"))
        contract.compare_answer(exchange["answer"], reply.status, reply.body, known)


def test_every_exchange_says_where_it_comes_from() -> None:
    assert {one["provenance"]["form"] for one in SCENARIOS.values()} <= {"recorded", "documented", "assumed"}
