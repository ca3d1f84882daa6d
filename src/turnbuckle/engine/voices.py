"""Who says what about whom: issues by the reader that found them and by the object that they are about."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Ref


class Voices:
    """Issues that are in force. `shown` is a new mapping after a change, and the same one otherwise."""

    def __init__(self) -> None:
        self._said: dict[Hashable, tuple[Issue, ...]] = {}
        self._about: dict[Ref, dict[Hashable, tuple[Issue, ...]]] = {}
        self._dirty: set[Ref] = set()
        self._shown: Mapping[Ref, tuple[Issue, ...]] = {}

    def say(self, speaker: Hashable, found: tuple[Issue, ...]) -> None:
        """Replaces what one speaker says."""
        before = self._said.get(speaker, ())
        if before == found:
            return
        if found:
            self._said[speaker] = found
        else:
            del self._said[speaker]
        by_ref: dict[Ref, list[Issue]] = {issue.about: [] for issue in before}
        for issue in found:
            by_ref.setdefault(issue.about, []).append(issue)
        for ref, issues in by_ref.items():
            speakers = self._about.setdefault(ref, {})
            if issues:
                speakers[speaker] = tuple(issues)
            else:
                speakers.pop(speaker, None)
            self._dirty.add(ref)

    def errors(self, ref: Ref) -> Mapping[Hashable, tuple[Issue, ...]]:
        """The issues of severity ERROR about an object, by speaker."""
        found = {
            speaker: tuple(i for i in issues if i.severity is Severity.ERROR)
            for speaker, issues in self._about.get(ref, {}).items()
        }
        return {speaker: issues for speaker, issues in found.items() if issues}

    def shown(self) -> Mapping[Ref, tuple[Issue, ...]]:
        """All issues by object, each tuple sorted and without repetitions."""
        if self._dirty:
            shown = dict(self._shown)
            for ref in self._dirty:
                issues = {issue for said in self._about.get(ref, {}).values() for issue in said}
                if issues:
                    shown[ref] = tuple(sorted(issues))
                else:
                    shown.pop(ref, None)
                    self._about.pop(ref, None)
            self._shown, self._dirty = shown, set()
        return self._shown
