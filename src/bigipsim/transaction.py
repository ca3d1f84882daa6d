"""Transactions: lists of commands that are carried out together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bigipsim.clock import Clock
from bigipsim.exchange import Refused
from bigipsim.objects.policy import check_let_go
from bigipsim.rest import errors
from bigipsim.rest.commands import Command
from bigipsim.tree import Tree

LIFETIME_S = 120
EXECUTION_S = 300
MOST_OPEN = 100

LINK = "https://localhost/mgmt/tm/transaction"


@dataclass(slots=True)
class Queued:
    """A command in a transaction; `order` says when it is carried out, from 1."""

    number: int
    order: int
    command: Command

    def to_wire(self, transaction: int, version: str) -> dict[str, Any]:
        """As the device shows it; this is what a client gets in place of the object."""
        return {
            "method": self.command.method,
            "uri": f"https://localhost/mgmt/tm/{self.command.address}",
            **({} if self.command.method in ("GET", "DELETE") else {"body": self.command.body}),
            "evalOrder": self.order,
            "commandId": self.number,
            "kind": "tm:transaction:commandsstate",
            "selfLink": f"{LINK}/{transaction}/commands/{self.number}?ver={version}",
        }


@dataclass(slots=True)
class Transaction:
    """One transaction; it ends `timeout_s` after its last command, or when it is committed."""

    id: int
    touched_s: float
    timeout_s: int = LIFETIME_S
    state: str = "STARTED"
    failure: str = ""
    validate_only: bool = False
    asynchronous: bool = False
    commands: list[Queued] = field(default_factory=list)
    last_number: int = 0

    def queue(self, command: Command, now_s: float) -> Queued:
        """Adds a command at the end.

        Raises:
            Refused: the transaction is over.
        """
        if self.state != "STARTED":
            raise errors.transaction_unknown(str(self.id))
        self.last_number += 1
        self.touched_s = now_s
        queued = Queued(self.last_number, len(self.commands) + 1, command)
        self.commands.append(queued)
        return queued

    def find(self, number: int) -> Queued:
        """The command of a number.

        Raises:
            Refused: there is none.
        """
        for queued in self.commands:
            if queued.number == number:
                return queued
        raise errors.refusal(404, f"Found invalid command id {number}", errors.REST)

    def move(self, queued: Queued, order: int) -> None:
        """Puts a command at another place; the others make room."""
        self.commands.remove(queued)
        self.commands.insert(max(0, order - 1), queued)
        self._count()

    def drop(self, queued: Queued) -> None:
        """Takes a command out."""
        self.commands.remove(queued)
        self._count()

    def _count(self) -> None:
        for order, queued in enumerate(self.commands, 1):
            queued.order = order

    def commit(self, tree: Tree, now_s: float, refusal: str | None = None) -> None:
        """Carries out all commands in order, each upon what those before it left; `refusal` makes it fail with that.

        A trial (`validate_only`) that somebody waits for leaves the transaction open for its commit.

        Raises:
            Refused: there is no command, or one was refused or is not implemented; then nothing has changed.
        """
        if self.state != "STARTED":
            raise errors.transaction_unknown(str(self.id))
        if not self.commands:
            raise errors.transaction_empty()
        if refusal is not None:
            self.state, self.failure = "FAILED", refusal
            raise errors.transaction_failed(refusal)
        stage = tree.fork()
        try:
            for queued in self.commands:
                queued.command.run(stage)
            check_let_go(tree, stage)
            if self.validate_only:
                stage.check_together()
            else:
                tree.adopt(stage)
        except Refused as refused:
            self.state, self.failure = "FAILED", str(refused.body["message"])
            if refused.status == errors.NOT_IMPLEMENTED:
                raise
            raise errors.transaction_failed(self.failure) from refused
        if self.validate_only and not self.asynchronous:
            self.touched_s = now_s
        else:
            self.state = "COMPLETED"

    def to_wire(self, version: str) -> dict[str, Any]:
        """As the device shows it."""
        more = {
            "asyncExecution": self.asynchronous,
            "validateOnly": self.validate_only,
            "executionTimeout": EXECUTION_S,
            "executionTime": 0,
        }
        return {
            "transId": self.id,
            "state": self.state,
            "timeoutSeconds": self.timeout_s,
            **(more if int(version.split(".")[0]) > 11 else {}),
            "failureReason": self.failure,
            "kind": "tm:transactionstate",
            "selfLink": f"{LINK}/{self.id}?ver={version}",
        }


class Transactions:
    """The transactions of a device; one that is left alone for too long is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[int, Transaction] = {}
        self._last_id = 0

    def now(self) -> float:
        """The time of the device, in seconds."""
        return self._clock.now()

    def open(self, options: Mapping[str, Any]) -> Transaction:
        """Opens a transaction; `timeout` among the options is its lifetime in seconds.

        Raises:
            Refused: too many are open.
        """
        self._forget_old()
        if sum(one.state == "STARTED" for one in self._known.values()) >= MOST_OPEN:
            raise errors.refusal(400, f"{MOST_OPEN} transactions are open; commit or delete some", errors.TRANSACTION)
        self._last_id = max(int(self._clock.now() * 1_000_000), self._last_id + 1)
        opened = Transaction(self._last_id, self._clock.now())
        timeout_s = options.get("timeout")
        if isinstance(timeout_s, int) and timeout_s > 0:
            opened.timeout_s = timeout_s
        self._known[opened.id] = opened
        return opened

    def need(self, text: str) -> Transaction:
        """The transaction of an id.

        Raises:
            Refused: there is none, or no more.
        """
        self._forget_old()
        found = self._known.get(int(text)) if text.isdecimal() else None
        if found is None:
            raise errors.transaction_unknown(text)
        return found

    def items(self) -> list[Transaction]:
        """All transactions, oldest first."""
        self._forget_old()
        return list(self._known.values())

    def remove(self, transaction: Transaction) -> None:
        """Rolls a transaction back: its commands are forgotten."""
        self._known.pop(transaction.id, None)

    def clear(self) -> None:
        """Forgets all of them, as a restart does."""
        self._known.clear()

    def _forget_old(self) -> None:
        now_s = self._clock.now()
        self._known = {key: one for key, one in self._known.items() if now_s - one.touched_s < one.timeout_s}
