"""Folders within partitions, where objects are put: made when one is missing, ahead of the transaction, and never
removed.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.drivers.icontrol import uri
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.model.plan import Operation, Verb

KIND = "sys/folder"


class Folders:
    """The folders of one device that are known to be there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: set[str] = set()

    def forget(self) -> None:
        """Somebody may have removed some."""
        self._known.clear()

    async def ready(self, operations: Iterable[Operation]) -> None:
        """Makes the folders that some operations put objects into.

        Raises:
            DriverError: one could not be made.
        """
        for folder in sorted({folder for operation in operations for folder in _needed(operation)} - self._known):
            if not (await self._connection.patiently("GET", uri.one(KIND, folder, "name"))).ok:
                answer = await self._connection.write("POST", uri.collection(KIND), uri.naming(folder))
                if answer.sense is not Sense.STALE:
                    answer.required(f"create folder {folder}")
            self._known.add(folder)


def _needed(operation: Operation) -> Iterable[str]:
    """The folders around what is created, the outermost first by name."""
    codec = CODECS.get(operation.path.kind)
    if operation.verb is not Verb.CREATE or codec is None or codec.makes_folder:
        return
    partition, folder, _ = uri.split(operation.path.name)
    parts = folder.split("/") if folder else []
    for number in range(1, len(parts) + 1):
        yield f"/{partition}/{'/'.join(parts[:number])}"
