"""One simulated device, without sockets: it owns the configuration, what is saved of it, and who may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bigipsim.clock import Clock
from bigipsim.exchange import Request, Response
from bigipsim.faults import Faults
from bigipsim.group.group import Group
from bigipsim.group.membership import Membership
from bigipsim.planting import plant
from bigipsim.recording import dump_tree, load_into, used_files
from bigipsim.rest.app import answer
from bigipsim.rest.auth import Auth
from bigipsim.rest.tasks import Tasks
from bigipsim.runtime import Runtime
from bigipsim.seeds import seeds, tls
from bigipsim.transaction import Transactions
from bigipsim.tree import Tree

DEFAULT_VERSION = "16.1.3"
DEFAULT_HOSTNAME = "bigip1.example.net"


class Box:
    """A BIG-IP: requests go in at `handle`, and everything else is what an operator at its console could do.

    With a `membership` it is a unit of a device group; `group` is None for one that stands alone.
    """

    def __init__(
        self,
        clock: Clock,
        version: str = DEFAULT_VERSION,
        user: str = "admin",
        password: str = "admin",
        hostname: str = DEFAULT_HOSTNAME,
        membership: Membership | None = None,
    ) -> None:
        self.clock = clock
        self.version = version
        self.hostname = hostname
        self.started_s = clock.now()
        self.tree = Tree(version, clock)
        self.runtime = Runtime()
        self.auth = Auth(clock, user, password)
        self.tree.subscribe(self.auth.follow)
        self.group = Group(membership, hostname, self.tree, clock) if membership is not None else None
        self.faults = Faults(clock)
        self.tasks = Tasks(clock)
        self.transactions = Transactions(clock)
        self._saved: Any = None
        self._watchers: list[Callable[[Any], None]] = []
        self.reset()

    def handle(self, request: Request) -> Response:
        """Answers one request as the device would, refusals included, without latency."""
        return answer(self, request)

    def save(self) -> None:
        """Makes the running configuration the one that a reboot starts from."""
        self._saved = {**self.dump(), "private": self.tree.files.dump_private(used_files(self.tree))}
        if self.group is not None:
            self.group.saved()
        for watcher in tuple(self._watchers):
            watcher(self._saved)

    def on_save(self, watcher: Callable[[Any], None]) -> None:
        """Calls `watcher` at every save with what is saved: what `dump` gives, and the private keys."""
        self._watchers.append(watcher)

    def reboot(self) -> None:
        """Starts again from the saved configuration; tokens, transactions, tasks and figures are lost."""
        self.restore_saved()
        self.started_s = self.clock.now()
        if self.group is not None:
            self.group.rebooted()
        self._forget()

    def restore_saved(self) -> None:
        """Makes the saved configuration the running one again."""
        self.load(self._saved)

    def restore_defaults(self) -> None:
        """Leaves only the objects that every device has; what is saved stays."""
        self.tree.clear()
        group = f"/Common/{self.group.membership.name}" if self.group is not None else "none"
        plant(self.tree, seeds(self.version, group))
        tls.keep_contents(self.tree.files)
        self.auth.accounts.reset()

    def reset(self) -> None:
        """Back to the factory: only the objects of /Common that every device has; this is also what is saved."""
        self.restore_defaults()
        self.tree.files.uploads.clear()
        self._saved = self.dump()
        if self.group is not None:
            self.group.reset()
        self._forget()

    def dump(self) -> Any:
        """The configuration as JSON that `load` restores exactly; private keys and passphrases are not in it."""
        files = self.tree.files.dump(used_files(self.tree))
        return {**dump_tree(self.tree), "files": files, "accounts": self.auth.accounts.dump()}

    def load(self, recording: Any) -> None:
        """Takes a dump (which replaces everything) or recorded answers of a device (which are added, unchecked).

        The primary administrator stays as it is; other accounts come with a dump. Recorded answers are objects with a
        "kind" that ends in "state", in any nesting of lists and objects.

        Raises:
            ValueError: it is neither.
        """
        load_into(self.tree, recording)
        if not isinstance(recording, Mapping) or "bigipsim" not in recording:
            return
        self.tree.files.load(recording.get("files", {}), recording.get("private", {}))
        if "accounts" in recording:
            self.auth.accounts.load(recording["accounts"])

    def _forget(self) -> None:
        self.runtime.clear()
        self.auth.forget_tokens()
        self.tasks.clear()
        self.transactions.clear()
