"""Decides what a unit of a device group knows of its peers, whether it is active, and whose configuration is taken.

There is no I/O and no waiting here: `link` reports what is heard and missed, and asks what is to be sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bigipsim.clock import Clock
from bigipsim.group.membership import (
    MISSED_BEATS,
    MOST_UNITS,
    NEVER,
    Commit,
    GroupMistake,
    Membership,
    Report,
    Shared,
    State,
    checked_url,
)
from bigipsim.group.shared import Scope, give, take
from bigipsim.objects.model import Change
from bigipsim.tree import Tree

logger = logging.getLogger(__name__)

Command = Literal["standby", "offline", "online"]
Direction = Literal["to-group", "from-group"]


class SyncRefused(ValueError):
    """A configuration cannot be given or taken; the text says why, for the client who asked for it."""


@dataclass(slots=True)
class Peer:
    """Another unit: where it is, what it last said, and how many beats it has missed since.

    `named` tells one that somebody named from one that another unit spoke of; `heard` is whether it has said anything
    since this unit started; `cut` whether the link to it was taken away.
    """

    url: str
    named: bool = True
    report: Report | None = None
    missed: int = 0
    heard: bool = False
    cut: bool = False
    trouble: str = ""

    @property
    def name(self) -> str:
        """What it is called; its URL while that is not known."""
        return self.report.name if self.report is not None else self.url

    @property
    def reachable(self) -> bool:
        """Whether it counts as present."""
        return self.heard and self.missed < MISSED_BEATS

    @property
    def settled(self) -> bool:
        """Whether it is known if it is present."""
        return self.heard or self.missed >= MISSED_BEATS


class Group:
    """One unit's view of its device group, its own part in it included."""

    def __init__(self, membership: Membership, name: str, tree: Tree, clock: Clock) -> None:
        self.membership = membership
        self.name = name
        self.url = ""
        self.peers: dict[str, Peer] = {}
        self.commit: Commit | None = None
        self._order: Direction | None = None
        self._busy = False
        self.failure = ""
        self.state: State = "offline" if membership.peers else "active"
        self.since_s = clock.now()
        self._rank_s = 0.0
        self._saved: Commit | None = None
        self._taking = False
        self._tree = tree
        self._clock = clock
        self._scope = Scope(tree, membership.name)
        self._watchers: list[Callable[[State], None]] = []
        tree.subscribe(self._changed)
        for url in membership.peers:
            self.join(url)

    @property
    def active(self) -> bool:
        """Whether this unit serves the floating traffic group."""
        return self.state == "active"

    @property
    def alone(self) -> bool:
        """Whether no other unit was ever named."""
        return not self.peers

    def watch(self, watcher: Callable[[State], None]) -> None:
        """Calls `watcher` with the new state whenever the state of this unit changes."""
        self._watchers.append(watcher)

    def report(self) -> Report:
        """What this unit tells the others."""
        return Report(
            group=self.membership.name,
            name=self.name,
            url=self.url,
            version=self._tree.version,
            state=self.state,
            since_s=self.since_s,
            rank_s=self._rank_s,
            reluctant=self.membership.reluctant,
            commit=self.commit,
            units=(self.url, *(peer.url for peer in self.peers.values() if peer.reachable)),
        )

    def present(self) -> list[Report]:
        """What the peers that can be reached last said, by name."""
        found = [peer.report for peer in self.peers.values() if peer.reachable and peer.report is not None]
        return sorted(found, key=lambda report: report.name)

    def known(self) -> list[tuple[Report, bool]]:
        """Every unit that was ever heard of, this one included, by name, and whether it can be reached."""
        others = [(peer.report, peer.reachable) for peer in self.peers.values() if peer.report is not None]
        return sorted([(self.report(), True), *others], key=lambda pair: pair[0].name)

    # Who belongs to the group

    def join(self, url: str, named: bool = True) -> None:
        """Counts the unit at that URL among the peers from now on; for good, if somebody `named` it.

        Raises:
            GroupMistake: it is no URL of a unit, or the group has as many units as it may.
        """
        url = checked_url(url)
        if url == self.url or url in self.peers:
            return
        if len(self.peers) + 1 >= MOST_UNITS:
            raise GroupMistake(f"the device group {self.membership.name} has {MOST_UNITS} units; it cannot have more")
        self.peers[url] = Peer(url, named)

    def cut(self, who: str, is_cut: bool) -> list[str]:
        """Takes away, or gives back, the link to a peer (its name or URL; "" is all); answers the URLs concerned.

        Raises:
            GroupMistake: there is no such peer.
        """
        concerned = [peer for peer in self.peers.values() if who in ("", peer.url, peer.name)]
        if not concerned:
            raise GroupMistake(f'there is no peer "{who}"; GET /_sim/group lists them by name and URL')
        for peer in concerned:
            peer.cut = is_cut
        return [peer.url for peer in concerned]

    def hear(self, report: Report, asked: str = "") -> None:
        """Takes in what a unit says of itself, in a beat of its own or in its answer to one sent to the URL `asked`.

        Raises:
            GroupMistake: it is of another group, of another version, or has the name of this unit.
        """
        self._check(report)
        former = [peer for peer in self.peers.values() if peer.name == report.name]
        known = self.peers.get(report.url) or Peer(report.url, named=False)
        for peer in [*former, self.peers.get(asked)]:
            if peer is not None and peer is not known:
                known.cut, known.named = known.cut or peer.cut, known.named or peer.named
                self.peers.pop(peer.url, None)
        self.peers[report.url] = known
        known.report, known.heard, known.missed, known.trouble = report, True, 0, ""
        for url in report.units:
            self.join(url, named=False)
        self.decide()

    def is_cut(self, report: Report) -> bool:
        """Whether the link to the unit that reports was taken away."""
        return any(peer.cut for peer in self.peers.values() if peer.url == report.url or peer.name == report.name)

    def miss(self, url: str, trouble: str = "") -> None:
        """Counts one beat that a peer did not answer."""
        peer = self.peers.get(url)
        if peer is not None:
            peer.missed += 1
            if trouble and trouble != peer.trouble:
                logger.error("%s: %s", url, trouble)
            peer.trouble = trouble
            if peer.settled and peer.report is None and not peer.named:
                del self.peers[url]
            self.decide()

    def _check(self, report: Report) -> None:
        ours = self.membership.name
        if report.group != ours:
            raise GroupMistake(
                f'unit {report.name} is in device group "{report.group}" and {self.name} in "{ours}"; '
                "start both with the same --device-group"
            )
        if report.name == self.name:
            raise GroupMistake(f"two units are called {self.name}; start one of them with another --hostname")
        if report.version != self._tree.version:
            raise GroupMistake(
                f"unit {report.name} runs TMOS {report.version} and {self.name} {self._tree.version}; "
                "units of a group have the same version"
            )

    # Who is active

    def decide(self) -> None:
        """Takes over when nobody is active and this unit is next, and yields to who has been active for longer."""
        if self.state == "offline" and all(peer.settled for peer in self.peers.values()):
            self._become("standby")
        if self.state not in ("active", "standby"):
            return
        present = self.present()
        rivals = [report for report in present if report.state == "active"]
        if self.state == "active":
            if any((one.since_s, one.name) < (self.since_s, self.name) for one in rivals):
                self._stand_down("standby")
        elif not rivals and self.next_active() == self.name:
            self._become("active")

    def next_active(self) -> str:
        """The name of the unit that takes over when nobody is active; "" when none can."""
        able = [one for one in (self.report(), *self.present()) if one.state in ("standby", "offline")]
        return min(able, key=lambda one: (one.reluctant, one.rank_s, one.name)).name if able else ""

    def command(self, word: Command) -> None:
        """What an operator asks of this unit: to let another one be active, to take part no longer, or again."""
        if word == "online" and self.state == "forced-offline":
            self._become("standby")
            self.decide()
        elif word == "offline":
            self._stand_down("forced-offline")
        elif word == "standby" and self.active:
            self._stand_down("standby")

    def _stand_down(self, state: State) -> None:
        if self.active:
            self._rank_s = self._clock.now()
        self._become(state)

    def _become(self, state: State) -> None:
        if state == self.state:
            return
        self.state, self.since_s = state, self._clock.now()
        logger.info("%s is %s", self.name, state)
        for watcher in tuple(self._watchers):
            watcher(state)

    # Whose configuration is the newest

    def ahead(self) -> list[Report]:
        """Peers whose configuration is newer than that of this unit."""
        return [one for one in self.present() if one.commit and (self.commit is None or one.commit > self.commit)]

    def newest(self) -> Report:
        """The unit with the newest configuration, of those that can be reached; this one, if another has the same."""
        return max(self.ahead(), key=lambda one: one.commit or NEVER, default=self.report())

    def order_sync(self, direction: Direction, force: bool) -> None:
        """Notes that the configuration of this unit is to go to the others, or to come from the one with the newest.

        With `force` it goes out whatever the others have: it becomes the newest.

        Raises:
            SyncRefused: it would put an older configuration in the place of a newer one, or there is none to take.
        """
        if direction == "to-group":
            if self.ahead() and not force:
                raise SyncRefused(self._older(self.newest().name))
            if self.commit is None or force:
                self.commit = self._next_commit()
        else:
            commits = [one.commit for one in self.present() if one.commit is not None]
            if not commits:
                raise SyncRefused(
                    f"config-sync from-group {self.membership.name} is not allowed until a push has been done first"
                )
            if self.commit is not None and max(commits) < self.commit and not force:
                raise SyncRefused(self._older(self.name))
        self._order, self.failure = direction, ""

    @property
    def synchronising(self) -> bool:
        """Whether a sync that somebody ordered has not ended yet."""
        return self._busy or self._order is not None

    def next_order(self) -> Direction | None:
        """What was ordered last, to be carried out now and ended by `synchronised`."""
        order, self._order = self._order, None
        self._busy = order is not None
        return order

    def receivers(self, order: Direction | None) -> Sequence[Peer]:
        """The peers that this unit is to give its configuration to now, because of an order, or of itself."""
        behind = [
            peer
            for peer in self.peers.values()
            if peer.reachable and peer.report and self.commit and (peer.report.commit or NEVER) < self.commit
        ]
        if order == "to-group" or (order is None and self._synchronises()):
            return behind
        return ()

    def _synchronises(self) -> bool:
        """Whether this is the unit that keeps the others in step: the first of those that have the newest."""
        holders = [one.name for one in self.present() if one.commit == self.commit]
        return self.membership.auto_sync and not self.ahead() and self.name < min(holders, default="\x7f")

    def shared(self) -> Shared:
        """The configuration of this unit, for another one to take."""
        return give(self._tree, self.membership.name, self.commit or NEVER)

    def receive(self, shared: Shared) -> None:
        """Takes a configuration that another unit gives.

        Raises:
            SyncRefused: this unit has a newer one, or the giver is of another group.
        """
        if self.commit is not None and shared.commit < self.commit:
            raise SyncRefused(self._older(self.name))
        self.adopt(shared)

    def adopt(self, shared: Shared) -> None:
        """Makes the configuration of another unit that of this one, newer or not.

        Raises:
            SyncRefused: it comes from another group, or cannot be understood.
        """
        if shared.group != self.membership.name:
            raise SyncRefused(f"the configuration is that of device group {shared.group}, not {self.membership.name}")
        self._taking = True
        try:
            take(self._tree, shared)
        except ValueError as error:
            raise SyncRefused(str(error)) from error
        finally:
            self._taking = False
        self.commit, self.failure = shared.commit, ""

    def synchronised(self, failure: str = "") -> None:
        """Notes the end of a sync; `failure` says what went wrong."""
        self._busy, self.failure = False, failure

    def _older(self, newer: str) -> str:
        return (
            f"Device ({newer}) of device group ({self.membership.name}) has newer changes; "
            "use force-full-load-push to overwrite them"
        )

    def _next_commit(self) -> Commit:
        known = [one.commit for one in (self.report(), *self.present()) if one.commit is not None]
        latest = max(known, default=NEVER)
        return Commit(max(self._clock.now(), latest.at_s), latest.number + 1, self.name)

    def _changed(self, changes: Sequence[Change]) -> None:
        if not self._taking and self._scope.touched(changes):
            self.commit, self.failure = self._next_commit(), ""

    # What happens to the device

    def begin(self, url: str) -> None:
        """The unit can be reached at that URL from now on; what it was configured with before is nobody's change."""
        self.url = url
        self.peers.pop(url, None)
        self.reset()

    def saved(self) -> None:
        """The running configuration is the one that a reboot starts from."""
        self._saved = self.commit

    def reset(self) -> None:
        """The device is as from the factory: it has no configuration that anybody should take."""
        self.commit = self._saved = self._order = None
        self.failure = ""

    def rebooted(self) -> None:
        """The device has started again, and is the last one to become active."""
        self.commit, self._order, self._busy, self.failure = self._saved, None, False, ""
        for peer in self.peers.values():
            peer.heard, peer.missed = False, 0
        self.since_s = self._rank_s = self._clock.now()
        if self.state != "forced-offline":
            self._become("active" if self.alone else "offline")
