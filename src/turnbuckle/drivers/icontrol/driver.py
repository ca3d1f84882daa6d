"""One BIG-IP by iControl REST: reads, writes, saves; one write in flight at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from turnbuckle.drivers.base import CredentialsSource
from turnbuckle.drivers.icontrol import nodes, saving, uri
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.connection import Connection, Observe, unobserved
from turnbuckle.drivers.icontrol.fencing import Fence
from turnbuckle.drivers.icontrol.folders import Folders
from turnbuckle.drivers.icontrol.ledger import Ledgers
from turnbuckle.drivers.icontrol.objects import member as members
from turnbuckle.drivers.icontrol.reading import Reader
from turnbuckle.drivers.icontrol.scanning import Scanner
from turnbuckle.drivers.icontrol.transport import AiohttpTransport, Transport
from turnbuckle.drivers.icontrol.writing import Writer
from turnbuckle.model.ltm import DesignatedPool, LtmObject, Pool
from turnbuckle.model.plan import Batch, Outcome, Result
from turnbuckle.model.state import Path, State


class IControlDriver:
    """A Driver (see drivers/base.py).

    partitions: those that are read and written. everywhere: so are all others but Common, as far as they hold something
    of ours. controller_id: whose marks are ours. create_partition: make what is missing. seat: see fencing. clock,
    sleep: seconds that run steadily, and a pause in them.
    """

    grouped = False

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialsSource,
        *,
        partitions: Sequence[str],
        controller_id: str,
        create_partition: bool = False,
        everywhere: bool = False,
        seat: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observe: Observe = unobserved,
    ) -> None:
        self._connection = Connection(transport, credentials, clock=clock, sleep=sleep, observe=observe)
        self._reader = Reader(
            self._connection, partitions, controller_id, create=create_partition, everywhere=everywhere
        )
        self._scanner = Scanner(self._reader)
        self._partitions = tuple(partitions)
        self._write = asyncio.Lock()
        self._folders = Folders(self._connection)
        self._ledgers = Ledgers(self._connection)
        self._names: dict[str, dict[str, str]] = {}
        self._fence: Fence | None = None
        self._seat = seat

    @classmethod
    def to(
        cls,
        url: str,
        credentials: CredentialsSource,
        *,
        partitions: Sequence[str],
        controller_id: str,
        create_partition: bool = False,
        everywhere: bool = False,
        trusted_certs: str = "",
        insecure: bool = False,
        seat: str = "",
        observe: Observe = unobserved,
    ) -> IControlDriver:
        """A driver for the device at `url` (https://host[:port]). observe: see connection.Observe.

        Raises:
            ValueError: the trusted certificates cannot be read; the text is a sentence.
        """
        transport = AiohttpTransport(url, trusted_certs=trusted_certs, insecure=insecure)
        return cls(
            transport,
            credentials,
            partitions=partitions,
            controller_id=controller_id,
            create_partition=create_partition,
            everywhere=everywhere,
            seat=seat,
            observe=observe,
        )

    @property
    def connection(self) -> Connection:
        """How the device is reached, for what is asked of it beside its configuration."""
        return self._connection

    def fence(self, number: int, may_write: Callable[[], bool]) -> None:
        """See Driver.fence, and fencing. A write outside of a transaction takes FENCED_WRITE_S at most."""
        self._connection.may_write = may_write
        self._fence = Fence(self._connection, number, self._seat)
        self._ledgers.forget()

    async def read(self, designated: Collection[str] = ()) -> State:
        """See Driver.read."""
        picture = await self._reader.read(designated)
        self._folders.forget()
        self._ledgers.forget()
        self._names = picture.names
        self._scanner.saw(picture, designated)
        return picture.state

    async def scan(self, known: State) -> Mapping[Path, LtmObject | None]:
        """See Driver.scan."""
        changes = await self._scanner.scan(known)
        self._names |= changes.names
        return changes.objects

    async def apply(self, batch: Batch) -> tuple[Outcome, ...]:
        """See Driver.apply."""
        async with self._write:
            self._scanner.wrote(operation.path for operation in batch.operations)
            try:
                writer = Writer(
                    self._connection, batch, self._names, self._fencing(batch), self._folders, self._ledgers
                )
                outcomes = await writer.run()
            finally:
                self._scanner.wrote(operation.path for operation in batch.operations)
        for outcome in outcomes:
            if outcome.result is Result.DONE:
                self._forget_names(outcome)
        return outcomes

    def _fencing(self, batch: Batch) -> tuple[Fence | None, str]:
        """The fence, and where: nothing of ours is put into partitions where only members of ours are."""
        foreign = all(operation.path.kind == DesignatedPool.KIND for operation in batch.operations)
        if foreign and self._partitions and batch.partition not in self._partitions:
            return self._fence, self._partitions[0]
        return self._fence, batch.partition

    def _forget_names(self, outcome: Outcome) -> None:
        """What left a pool and comes back does so under the name that we give it."""
        pool = outcome.operation.path.name
        names = self._names.get(pool)
        if names:
            stayed = _member_paths(outcome.operation.before) & _member_paths(outcome.operation.after)
            self._names[pool] = {called: path for called, path in names.items() if called in stayed}

    async def save(self) -> None:
        """See Driver.save."""
        await saving.save(self._connection)

    async def sync(self) -> None:
        """See Driver.sync."""

    async def missing(self, paths: Collection[Path]) -> frozenset[Path]:
        """See Driver.missing."""
        found = set()
        for path in sorted(paths):
            answer = await self._connection.call("GET", uri.one(path.kind, path.name, "fullPath"))
            if answer.sense is Sense.GONE:
                found.add(path)
            else:
                answer.required(f"show {path}")
        return frozenset(found)

    async def collect_nodes(self, candidates: Collection[str]) -> frozenset[str]:
        """See Driver.collect_nodes."""
        finished: set[str] = set()
        for path in sorted(candidates):
            async with self._write:
                finished |= await nodes.collect(self._connection, (path,))
        return frozenset(finished)

    async def close(self) -> None:
        """See Driver.close."""
        await self._connection.close()


def _member_paths(obj: LtmObject | None) -> frozenset[str]:
    if not isinstance(obj, Pool | DesignatedPool):
        return frozenset()
    return frozenset(members.path_of(member, obj.name) for member in obj.members)
