"""A small soak as a test, and that the soak finds what it is there to find: three controllers that are made wrong."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import replace
from math import ceil
from typing import Any

import pytest

from soak.run import BETWEEN_CALMS, Failed, run
from turnbuckle.drivers.base import Driver
from turnbuckle.model.ltm import Pool
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Batch, Outcome
from turnbuckle.model.state import Path, State

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A soak has thousands of lines of log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_steps_of_edits_and_faults_lead_to_nothing_wrong(seed: int) -> None:
    result = run(seed, 1000)
    assert (result.steps, result.calms) == (1000, 1 + ceil(1000 / BETWEEN_CALMS))
    assert result.written <= 10 * result.edits


class Wrapped:
    """A driver with something changed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)


class HalfBlind(Wrapped):
    """Deletes what it cannot tell from nothing: now and then the pools of others of its objects look unwanted to it."""

    reads = 0

    async def apply(self, batch: Batch) -> tuple[Outcome, ...]:
        self.reads += 1
        if self.reads % 20 == 0:
            state: State = await self._driver.read(())
            pool = next(obj for obj in state.values() if isinstance(obj, Pool) and obj.members and obj.mark)
            await self._driver._connection.call(
                "PATCH", f"/mgmt/tm/ltm/pool/{pool.name.replace('/', '~')}", {"members": []}
            )
        return await self._driver.apply(batch)


class Greedy(Wrapped):
    """Takes what nobody marked for its own."""

    async def read(self, designated: Collection[str] = ()) -> State:
        state = await self._driver.read(designated)
        ours = Mark("ctl", "k1", "ConfigMap/default/nobody")
        taken: dict[Path, Any] = {
            path: replace(obj, mark=ours) for path, obj in state.items() if isinstance(obj, Pool) and obj.mark is None
        }
        return state.changed(taken)


class Unfenced(Wrapped):
    """Writes whether it leads or not, and without a fence."""

    def fence(self, number: int, may_write: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("driven", "words"),
    [(HalfBlind, "has been wanted for"), (Greedy, "bears no mark of ours"), (Unfenced, "after term")],
)
def test_a_controller_that_is_made_wrong_is_found_out(driven: type[Wrapped], words: str) -> None:
    with pytest.raises(Failed, match=words):
        for seed in range(6, 12):
            run(seed, 2000, driven=driven)


def test_what_went_wrong_is_told_with_how_to_see_it_again() -> None:
    with pytest.raises(Failed, match=r"seed 1, step \d+: (.|\n)*make soak STEPS=\d+ SEED=1"):
        run(1, 2000, driven=Greedy)
