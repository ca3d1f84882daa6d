"""Kubernetes Events: when an object in the cluster is told what is wrong with it, and when that it is mended.

An Event's name is a function of the object and of what is said, so that a process that starts anew finds the one that
is there and counts on in it. What goes on is said again after five minutes, then ever more rarely, but before the API
server forgets it, which is an hour. What is about the device, such as a guard that tripped, is said of the Lease by
which replicas write to it, where there is one: that is also where people freeze and allow.

Source: events.k8s.io/v1, Kubernetes API reference; what may change in an Event is its series alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Ref, SourceObject
from turnbuckle.runtime.leader import LEASES
from turnbuckle.runtime.manners import Manners
from turnbuckle.runtime.reasons import MENDED, REASONS
from turnbuckle.runtime.report import subject
from turnbuckle.runtime.secrecy import Secrets, starred
from turnbuckle.sources.kubernetes import KubernetesError, NotFound
from turnbuckle.sources.kubernetes.errors import Invalid
from turnbuckle.sources.kubernetes.writing import Conflict, ObjectWriter

EVENTS = Resource("events.k8s.io", "v1", "events")

DEVICE = "Device"

FIRST_REPETITION_S = 300.0
LONGEST_REPETITION_S = 1800.0
LOOK_S = 15.0
LARGEST_NOTE = 1024
_LONGEST_NAME = 200
_LONGEST_INSTANCE = 128
_CLUSTER_LEVEL = "default"
"""Where the server wants the Events of objects without a namespace."""

log = logging.getLogger("turnbuckle.cluster")

_ACTIONS = {"TB1": "Reading", "TB2": "Publishing", "TB3": "Writing", "TB9": "Publishing"}


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be said about an object. key: the same for the same thing said about the same object."""

    about: Ref
    uid: str
    key: str
    kind: str
    reason: str
    action: str
    note: str

    @property
    def namespace(self) -> str:
        """Where the Event lies."""
        return self.about.namespace or _CLUSTER_LEVEL

    @property
    def name(self) -> str:
        """The Event's name."""
        parts = (str(self.about), self.uid, self.key)
        digest = hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()
        return f"{self.about.name[:_LONGEST_NAME].rstrip('-.')}.{digest[:16]}"


def notice(issue: Issue, about: Ref, uid: str) -> Notice:
    """What is said of an object while an issue is in force."""
    kind = "Normal" if issue.severity is Severity.PENDING else "Warning"
    reason = REASONS.get(issue.code, issue.code)
    key = "\n".join((issue.code, issue.field, issue.text))
    return Notice(about, uid, key, kind, reason, _action(issue), f"{issue.text} ({issue.code})")


def mended(issue: Issue, about: Ref, uid: str) -> Notice:
    """What is said of an object once when an issue is not in force any more."""
    field = f" at {issue.field}" if issue.field else ""
    key = "\n".join((MENDED, *subject(issue)))
    reason = REASONS.get(issue.code, issue.code)
    return Notice(about, uid, key, "Normal", MENDED, _action(issue), f"Mended: {reason}{field} ({issue.code})")


def _action(issue: Issue) -> str:
    return _ACTIONS.get(issue.code[:3], "Publishing")


@dataclass(frozen=True, slots=True)
class _Said:
    """When something was said last and how often, and after how many seconds it may be said again."""

    at: float
    count: int
    pause_s: float = FIRST_REPETITION_S

    @property
    def again_at(self) -> float:
        return self.at + self.pause_s


class Announcer:
    """Tells the objects of the cluster about their issues.

    resources: where objects of which kind are. objects: an object as it is now. issues: those in force.
    secrets: what no note may hold. lease: by which replicas write to the device. Times are seconds of `clock`, but for
    those in an Event.
    """

    def __init__(
        self,
        api: ObjectWriter,
        resources: Mapping[str, Resource],
        objects: Callable[[Ref], SourceObject | None],
        issues: Callable[[], Iterable[Issue]],
        leading: Callable[[], bool],
        *,
        secrets: Secrets = tuple,
        lease: Ref | None = None,
        manners: Manners | None = None,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api, self._resources, self._objects, self._issues = api, resources, objects, issues
        self._lease, self._lease_uid = lease, ""
        self._leading, self._secrets, self._clock, self._date = leading, secrets, clock, date
        self._manners = manners or Manners("Kubernetes Events", clock=clock)
        self._news = asyncio.Event()
        self._in_force: dict[str, tuple[Issue, Notice]] = {}
        self._said: dict[str, _Said] = {}

    def wake(self) -> None:
        """Other issues are in force than before."""
        self._news.set()

    async def run(self) -> None:
        """Tells until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self.round()

    async def round(self) -> None:
        """Says what is new, what is mended, and what goes on for long enough."""
        if not self._leading():
            self._in_force = {}
            return
        await self._know_the_lease()
        before, self._in_force = self._in_force, self._current()
        for one in self._mended(before):
            if one.name not in self._said and self._manners.allows(one.namespace):
                await self._say(one)
        now = self._clock()
        for name, (_, one) in self._in_force.items():
            said = self._said.get(name)
            if (said is None or said.again_at <= now) and self._manners.allows(one.namespace):
                await self._say(one)
        self._forget(now)

    def _current(self) -> dict[str, tuple[Issue, Notice]]:
        known = {(issue, one.uid): one for issue, one in self._in_force.values()}
        found = {}
        for issue in self._issues():
            about = self._told_of(issue)
            if about is not None:
                uid = self._uid(about)
                one = known.get((issue, uid)) or notice(issue, about, uid)
                found[one.name] = (issue, one)
        return found

    def _told_of(self, issue: Issue) -> Ref | None:
        """The object of the cluster that is told of an issue."""
        if issue.about.kind == DEVICE:
            return self._lease if self._lease_uid else None
        return issue.about if issue.about.kind in self._resources else None

    async def _know_the_lease(self) -> None:
        """Asks for the uid of the Lease once there is something to say of it; whoever looks at a Lease asks by that."""
        lease = self._lease
        if lease is None or self._lease_uid or all(issue.about.kind != DEVICE for issue in self._issues()):
            return
        if not self._manners.allows(lease.namespace):
            return
        await self._manners.turn()
        try:
            found = await self._api.get(LEASES, lease.namespace, lease.name)
        except NotFound:
            # Nobody has led yet.
            return
        except KubernetesError as error:
            self._manners.failed(lease.namespace, error)
        else:
            self._lease_uid = str((found.get("metadata") or {}).get("uid") or "")

    def _uid(self, ref: Ref) -> str:
        if ref == self._lease:
            return self._lease_uid
        obj = self._objects(ref)
        return obj.uid if obj is not None else ""

    def _mended(self, before: Mapping[str, tuple[Issue, Notice]]) -> list[Notice]:
        """Of what was in force and is not: what is not said in other words now, about objects that are still there."""
        still = {subject(issue) for issue, _ in self._in_force.values()}
        over = [issue for name, (issue, _) in before.items() if name not in self._in_force]
        told = {issue: self._told_of(issue) for issue in over if subject(issue) not in still}
        found = {mended(issue, about, self._uid(about)) for issue, about in told.items() if about is not None}
        there = (one for one in found if one.about == self._lease or self._objects(one.about) is not None)
        return sorted(there, key=lambda one: one.name)

    def _forget(self, now: float) -> None:
        """What was over long ago; an Event that the server may still have is found again by its name."""
        for name in [n for n, said in self._said.items() if n not in self._in_force and said.again_at <= now]:
            del self._said[name]

    # ---- on the wire

    async def _say(self, one: Notice) -> None:
        await self._manners.turn()
        said = self._said.get(one.name)
        try:
            count = await (self._create(one) if said is None else self._count(one, said.count + 1))
        except Invalid as error:
            # Our own fault, which must cost this one Event and no other.
            log.warning("an Event for %s is not taken: %s", one.about, error)
            count = 1
        except KubernetesError as error:
            self._manners.failed(one.namespace, error)
            return
        pause_s = FIRST_REPETITION_S if said is None else min(said.pause_s * 2, LONGEST_REPETITION_S)
        self._said[one.name] = _Said(self._clock(), count, pause_s)
        self._manners.succeeded(one.namespace)

    async def _create(self, one: Notice) -> int:
        """Says something that this process has not said yet; an earlier one may have."""
        try:
            await self._api.create(EVENTS, one.namespace, self._body(one))
        except Conflict:
            there = await self._api.get(EVENTS, one.namespace, one.name)
            series = there.get("series") or {}
            last = str(series.get("lastObservedTime") or there.get("eventTime") or "")
            count = int(series.get("count") or 1)
            return count if self._is_recent(last) else await self._count(one, count + 1)
        return 1

    def _is_recent(self, time_text: str) -> bool:
        try:
            age = self._date() - datetime.fromisoformat(time_text)
        except (ValueError, TypeError):
            return False
        return age.total_seconds() < FIRST_REPETITION_S

    async def _count(self, one: Notice, count: int) -> int:
        """Says once more what was said before."""
        series = {"series": {"count": count, "lastObservedTime": self._time()}}
        try:
            await self._api.patch(EVENTS, one.namespace, one.name, series)
        except NotFound:
            # The server forgets Events after an hour.
            await self._api.create(EVENTS, one.namespace, self._body(one))
            return 1
        return count

    def _body(self, one: Notice) -> dict[str, Any]:
        about = one.about
        resource = LEASES if about == self._lease else self._resources[about.kind]
        group = f"{resource.group}/{resource.version}" if resource.group else resource.version
        regarding = {"apiVersion": group, "kind": about.kind, "name": about.name}
        regarding |= {"namespace": about.namespace} if about.namespace else {}
        regarding |= {"uid": one.uid} if one.uid else {}
        return {
            "apiVersion": f"{EVENTS.group}/{EVENTS.version}",
            "kind": "Event",
            "metadata": {"name": one.name, "namespace": one.namespace},
            "eventTime": self._time(),
            "type": one.kind,
            "reason": one.reason,
            "action": one.action,
            "note": shortened(starred(one.note, self._secrets), LARGEST_NOTE),
            "regarding": regarding,
            "reportingController": "turnbuckle",
            "reportingInstance": (platform.node() or "turnbuckle")[:_LONGEST_INSTANCE],
        }

    def _time(self) -> str:
        return self._date().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shortened(text: str, most_bytes: int) -> str:
    """A text in so many bytes of UTF-8 at most, with an ellipsis where something is left out."""
    whole = text.encode(errors="replace")
    if len(whole) <= most_bytes:
        return whole.decode()
    ellipsis = "…"
    return whole[: most_bytes - len(ellipsis.encode())].decode(errors="ignore") + ellipsis
