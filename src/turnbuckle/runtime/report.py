"""What there is to say at the moment, by who says it; a new issue is logged once, and once when it is mended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Ref

log = logging.getLogger("turnbuckle.issues")

_LEVELS = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.PENDING: logging.INFO}


class Report:
    """All issues in force. Speakers are "objects" (the engine), "device", "save", "folder".

    place: answers "file:line: " for an issue about an object from a file, else "".
    changed: called after something was told that differs from before.
    """

    def __init__(self) -> None:
        self._said: dict[str, frozenset[Issue]] = {}
        self.place: Callable[[Issue], str] = lambda issue: ""
        self.changed: Callable[[], None] = lambda: None

    def tell(self, speaker: str, issues: Iterable[Issue]) -> None:
        """Replaces what a speaker says."""
        before, after = self._said.get(speaker, frozenset()), frozenset(issues)
        if before == after:
            return
        self._said[speaker] = after
        for issue in sorted(after - before):
            pending = "PENDING " if issue.severity is Severity.PENDING else ""
            place, text = self.place(issue), issue.text
            log.log(_LEVELS[issue.severity], "%s%s%s %s: %s", place, pending, issue.code, issue.about, text)
        still = {subject(issue) for issue in after}
        for code, about, field in sorted({subject(issue) for issue in before} - still):
            log.info("mended %s %s%s", code, about, f": {field}" if field else "")
        self.changed()

    def all(self) -> tuple[Issue, ...]:
        """Every issue in force, sorted."""
        return tuple(sorted({issue for issues in self._said.values() for issue in issues}))

    def about(self, refs: Collection[Ref]) -> Mapping[Ref, list[Issue]]:
        """The issues about some objects, in no order; objects without any are left out."""
        found: dict[Ref, list[Issue]] = {}
        for issues in self._said.values():
            for issue in issues:
                if issue.about in refs:
                    found.setdefault(issue.about, []).append(issue)
        return found

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong that somebody has to mend."""
        return any(issue.severity is Severity.ERROR for issues in self._said.values() for issue in issues)


def subject(issue: Issue) -> tuple[str, str, str]:
    """What an issue is about; the same trouble in other words is not mended."""
    return (issue.code, str(issue.about), issue.field)
