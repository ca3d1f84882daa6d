"""What a driver is asked for, and how it fails.

    DriverError                    the device does not do what it should; read again before the next write
    ├── Unreachable                no answer, half an answer, or an answer that says "not now"
    │   └── NotConnected           there is no connection: nothing was sent
    │       └── CertificateRefused the certificate does not verify
    ├── Unauthorized               the credentials, or the role behind them, are not accepted
    ├── PartitionMissing           a managed partition is not on the device
    ├── Deposed                    another replica leads now: nothing was written
    ├── Moved                      another unit of the device group is active now: that one has to be read
    ├── NewerElsewhere             another unit has changes that a sync would undo: nothing was synchronised
    └── TransactionLost            the device forgot an open transaction: nothing of it was done

A refusal is not a failure: it comes back as an Outcome, because somebody has to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.plan import Batch, Outcome
from turnbuckle.model.state import Path, State


class DriverError(Exception):
    """The device does not answer as it should; the text is a sentence for people."""


class Unreachable(DriverError):
    """No answer, half an answer, or one that says "not now" (503, a restart).

    What was asked for may have been done.
    """


class NotConnected(Unreachable):
    """There is no connection; nothing was sent."""


class CertificateRefused(NotConnected):
    """The device's certificate does not verify; nothing was sent.

    fingerprint: SHA-256 of the certificate, upper-case hexadecimal, colon separated; empty when it could not be read.
    """

    def __init__(self, text: str, fingerprint: str) -> None:
        super().__init__(text)
        self.fingerprint = fingerprint


class Unauthorized(DriverError):
    """User name and password are not accepted, or their role does not suffice; the text has the device's words."""


class PartitionMissing(DriverError):
    """A partition that is to be managed is not on the device."""

    def __init__(self, partition: str) -> None:
        super().__init__(
            f"There is no partition {partition} on the BIG-IP. "
            f"Create it (tmsh create auth partition {partition}), or start with --create-partition."
        )
        self.partition = partition


class Deposed(DriverError):
    """Another replica leads now; nothing was written, and nothing more is to be."""

    def __init__(self) -> None:
        super().__init__("Another replica leads now; nothing was written.")


class Moved(DriverError):
    """The unit that was read is not the active one of its device group any more; read again, at once."""


class NewerElsewhere(DriverError):
    """Another unit has changes that are not ours and that a sync would undo; nothing was synchronised.

    units: whose, as in a sentence. group: the device group.
    """

    def __init__(self, units: str, group: str) -> None:
        super().__init__(f"Other units of device group {group} do not have the changes of {units}.")
        self.units, self.group = units, group


class TransactionLost(DriverError):
    """An open transaction is not known to the device any more; nothing of it was done."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in. The password is sealed: no text form of the object shows it."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, password=***)"


CredentialsSource = Callable[[], Credentials]
"""Answers the credentials in force now; they may change over time."""


class Driver(Protocol):
    """One BIG-IP, or one device group, as far as the controller has to know it."""

    @property
    def grouped(self) -> bool:
        """Whether there are other units to be kept in step: then sync is to be called now and then."""
        ...

    async def read(self, designated: Collection[str] = ()) -> State:
        """Every LTM object of our types in the managed partitions, those of others included.

        For each full path in `designated` that exists there is a DesignatedPool with just the members that bear our
        mark.

        Raises:
            DriverError: what was read is not the whole; "could not read" is never "is empty".
        """
        ...

    async def scan(self, known: State) -> Mapping[Path, LtmObject | None]:
        """What on the device is not as `known` says, None for what is gone; costs what changed, not what there is.

        known: what was read, brought up to date with the outcomes since. What an operator set on members counts, though
        it is not compared otherwise, and so do objects of others. What is written while it runs is left out.

        Raises:
            DriverError: what was read is not the whole; "could not read" never is "is gone".
        """
        ...

    async def apply(self, batch: Batch) -> tuple[Outcome, ...]:
        """Does the operations of a batch and answers one outcome for each, in the batch's order.

        A refusal is an outcome (REJECTED). UNREACHED: not asked, or not known what became of it, or the picture that
        the operation was made from is out of date; read again.

        Raises:
            DriverError: nothing of the batch was done. Deposed: nor will anything be; another replica leads.
        """
        ...

    def fence(self, number: int, may_write: Callable[[], bool]) -> None:
        """From now on writes as leader `number`: 1 or more, and more than that of any leader before.

        may_write: whether the Lease is certain to be held until a write that begins now has ended; it is asked before
        each write outside of a transaction. A transaction fails by itself once a later leader has written.
        """
        ...

    async def save(self) -> None:
        """Has the device write its running configuration to disk.

        Raises:
            DriverError: it did not.
        """
        ...

    async def sync(self) -> None:
        """Has the other units take over what was written since they last did; nothing for a device by itself.

        Raises:
            NewerElsewhere: it would undo what others wrote there; a person has to decide.
            Moved: another unit is active now.
            DriverError: it could not be done.
        """
        ...

    async def missing(self, paths: Collection[Path]) -> frozenset[Path]:
        """Those of the paths, of any collection, where the device has no object.

        Raises:
            DriverError: it does not say.
        """
        ...

    async def collect_nodes(self, candidates: Collection[str]) -> frozenset[str]:
        """Deletes those nodes that nobody uses and that still have the form in which the device made them.

        candidates: full paths of nodes that members of ours left. The answer names those that are finished with:
        deleted, gone, in use, or shaped by somebody else.
        """
        ...

    async def close(self) -> None:
        """Gives the token back and closes the connections; never raises."""
        ...
