"""Rounds with somebody else who keeps addresses: when the next one is, and what is said while they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from turnbuckle.kinds.lease import LeaseSpec
from turnbuckle.model.issue import Issue, device_failing
from turnbuckle.model.ref import Ref
from turnbuckle.sources.base import PutEvents
from turnbuckle.sources.leases_desk import Desk
from turnbuckle.sources.pace import Pace

log = logging.getLogger(__name__)

ASK_AGAIN_S = 30.0
"""How often it is asked again for an address that there was not, and at most how long a failure pauses."""

_HINT = "Who has an address keeps it; who has none waits. It is tried again."


class Rounds:
    """about: who keeps the addresses, for issues. tell: takes what is wrong. failure: what a failed round raises."""

    def __init__(
        self, desk: Desk, about: Ref, tell: Callable[[Sequence[Issue]], None], failure: type[Exception]
    ) -> None:
        self._desk, self._about, self._tell, self._failure = desk, about, tell, failure
        self._pace, self._fails = Pace(1.0, ASK_AGAIN_S), False

    async def run(
        self,
        put: PutEvents,
        work: Callable[[], Awaitable[None]],
        answers: Callable[[], Mapping[Ref, LeaseSpec]],
        pause_s: Callable[[], float | None],
    ) -> None:
        """Does one round after the other until it is cancelled, and puts the answers that differ after each.

        pause_s: seconds until the next round if nothing is new; None: until something is.
        """
        while True:
            if self._fails:
                # News are no reason to ask somebody more often who does not answer.
                await asyncio.sleep(self._pace.pause_s())
            else:
                await self._desk.pause(pause_s() if self._desk.knows_the_device else None)
            if not self._desk.knows_the_device:
                continue
            try:
                await work()
            except self._failure as error:
                if not self._fails:
                    log.warning("%s", error)
                self._fails = True
                self._tell([device_failing(self._about, str(error), _HINT)])
            else:
                self._fails = False
                self._pace.reset()
                self._tell(())
            if events := self._desk.answered(answers()):
                await put(events)
