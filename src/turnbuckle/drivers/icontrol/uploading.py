"""Uploads: contents of files that have to be on the device before a transaction makes objects of them.

What was uploaded stays where others of the device's administrators find it, for hours or days. So once it has been
used, a key is overwritten there.
"""

from __future__ import annotations

from collections.abc import Sequence

from turnbuckle.drivers.base import DriverError
from turnbuckle.drivers.icontrol.answers import Answer
from turnbuckle.drivers.icontrol.commands import Step
from turnbuckle.drivers.icontrol.connection import Chunk, Connection
from turnbuckle.drivers.icontrol.objects.ssl_file import content_of, upload_name
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Verb
from turnbuckle.model.tls import CertificateFile, KeyFile

URI = "/mgmt/shared/file-transfer/uploads"

LARGEST = 512 * 1024
"""Bytes in one request. Source: iControl REST, file-transfer uploads."""

_NOTHING = b"\n"


class Uploads:
    """What was uploaded for one batch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done: set[str] = set()
        self._private: set[str] = set()

    async def ready(self, steps: Sequence[Step]) -> tuple[Step, Answer] | None:
        """Uploads what some steps need, once; answers the step whose content the device does not take, and its words.

        Raises:
            DriverError: it is not known whether it is there.
        """
        for step in steps:
            file = _needed(step)
            if file is None or upload_name(file) in self._done:
                continue
            answer = await self._send(upload_name(file), content_of(file))
            if not answer.ok:
                return step, answer
            self._done.add(upload_name(file))
            if isinstance(file, KeyFile):
                self._private.add(upload_name(file))
        return None

    async def sweep(self) -> None:
        """Overwrites the keys, which nobody needs there any more; never raises DriverError."""
        for name in sorted(self._private):
            try:
                await self._send(name, _NOTHING)
            except DriverError:
                # The device removes them by itself in time.
                return

    async def _send(self, name: str, content: bytes) -> Answer:
        for start in range(0, len(content), LARGEST):
            chunk = Chunk(content[start : start + LARGEST], start, len(content))
            answer = await self._connection.write("POST", f"{URI}/{name}", chunk)
            if not answer.ok:
                break
        return answer


def _needed(step: Step) -> LtmObject | None:
    """The file whose content a step needs on the device."""
    operation = step.operation
    if not isinstance(operation.after, CertificateFile | KeyFile):
        return None
    needed = operation.verb is Verb.CREATE or "digest" in operation.fields
    return operation.after if needed and content_of(operation.after) else None
