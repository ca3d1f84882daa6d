"""What the engine answers: the desired state and what there is to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Age, Grounds, Ref
from turnbuckle.model.state import Path, State


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The desired state at one moment.

    issues: by the object that they are about; each tuple sorted.
    held: roots that err and were never good while this process runs: what the device has of them stays.
    ages: of all roots that could be read, but for those that want nothing; of several who want one place the oldest
    has it.
    frozen: roots on whose account nothing is to be written for now.
    changed: paths that differ from the snapshot before; None: everything is to be compared, since a root is held or
    frozen, or is not any more, or something that had to stay may go.
    causes: for changed paths, the objects whose edits led there.
    grounds: for paths that differ from the snapshot before, how that is known; the weakest of what led there.
    demand: objects that are made only when somebody needs them, and the roots that do.
    waiting: roots that wait for one of those: what they had before stays in force, or where nothing was good, is held.
    stays: paths of what nobody can make as things are, such as what shows a certificate that is missing, with the roots
    that want it: whatever the device has there, or of theirs as parts of it, stays.
    lists: how often every source has told everything that it has; 0: at least one has not yet.
    """

    version: int
    desired: State
    issues: Mapping[Ref, tuple[Issue, ...]] = field(default_factory=dict)
    held: frozenset[Ref] = frozenset()
    ages: Mapping[Ref, Age] = field(default_factory=dict)
    frozen: frozenset[Ref] = frozenset()
    changed: frozenset[Path] | None = None
    causes: Mapping[Path, frozenset[Ref]] = field(default_factory=dict)
    grounds: Mapping[Path, Grounds] = field(default_factory=dict)
    demand: Mapping[Ref, frozenset[Ref]] = field(default_factory=dict)
    waiting: frozenset[Ref] = frozenset()
    stays: Mapping[Path, frozenset[Ref]] = field(default_factory=dict)
    lists: int = 0

    @property
    def synced(self) -> bool:
        """Whether every source has told everything that it had."""
        return self.lists > 0

    def all_issues(self) -> tuple[Issue, ...]:
        """Every issue, sorted by object."""
        return tuple(issue for ref in sorted(self.issues) for issue in self.issues[ref])

    def after(self, unseen: Snapshot) -> Snapshot:
        """This snapshot for a reader who has not seen `unseen`, the one before it."""
        changed = None
        if self.changed is not None and unseen.changed is not None:
            changed = self.changed | unseen.changed
        causes = dict(unseen.causes)
        for path, refs in self.causes.items():
            causes[path] = causes.get(path, frozenset()) | refs
        return replace(self, changed=changed, causes=causes, grounds={**unseen.grounds, **self.grounds})
