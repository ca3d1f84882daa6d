"""Which objects of a folder count when namespaces are named; a cluster is asked for those namespaces only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Event, Flawed, Gone, Put, Ref, Synced
from turnbuckle.sources.base import PutEvents, Source


class Scope:
    """The namespaces that count; none named: all. What has no namespace, such as a node, always counts."""

    def __init__(self, namespaces: Iterable[str]) -> None:
        self._namespaces = frozenset(namespaces)

    def has(self, ref: Ref) -> bool:
        """Whether an object counts."""
        return not self._namespaces or not ref.namespace or ref.namespace in self._namespaces

    def events(self, events: Iterable[Event]) -> list[Event]:
        """The events of what counts."""
        return [event for event in events if isinstance(event, Synced) or self.has(_about(event))]

    def issues(self, issues: Iterable[Issue]) -> tuple[Issue, ...]:
        """The issues of what counts; those of files always do."""
        return tuple(issue for issue in issues if self.has(issue.about))


def _about(event: Put | Gone | Flawed) -> Ref:
    return event.obj.ref if isinstance(event, Put) else event.ref


class ScopedSource:
    """A source of which only what counts is told."""

    def __init__(self, source: Source, scope: Scope) -> None:
        self.name = source.name
        self._source, self._scope = source, scope

    async def run(self, put: PutEvents) -> None:
        """See Source.run."""

        async def put_what_counts(events: Sequence[Event]) -> None:
            counted = self._scope.events(events)
            if counted:
                await put(counted)

        await self._source.run(put_what_counts)

    async def confirm(self) -> None:
        """See Source.confirm."""
        await self._source.confirm()
