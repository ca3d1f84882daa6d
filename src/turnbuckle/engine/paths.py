"""Which key makes which object on the device; where two make one path, the older wins."""

from __future__ import annotations

from collections.abc import Iterable

from turnbuckle.engine.voices import Voices
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, Key
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.state import Path, State

_Made = tuple[Key, Claim, LtmObject]
"""A key, the oldest claim on it, and what it makes."""


class PathTable:
    """The desired state and the keys behind it."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._makers: dict[Path, tuple[_Made, ...]] = {}
        self.state = State()

    def set(
        self, key: Key, eldest: Claim | None, before: Iterable[LtmObject], after: Iterable[LtmObject]
    ) -> frozenset[Path]:
        """Replaces what a key makes; `eldest` is the oldest claim on it. Answers the paths that differ now."""
        made = {obj.path: obj for obj in after}
        concerned = {*(obj.path for obj in before), *made}
        for path in concerned:
            others = tuple(one for one in self._makers.get(path, ()) if one[0] != key)
            own = ((key, eldest, made[path]),) if path in made and eldest is not None else ()
            self._makers[path] = (*others, *own)
        changes = {path: self._winner(path) for path in concerned}
        changes = {path: obj for path, obj in changes.items() if self.state.get(path) != obj}
        if changes:
            self.state = self.state.changed(changes)
        return frozenset(changes)

    def _winner(self, path: Path) -> LtmObject | None:
        makers = self._makers[path]
        if not makers:
            del self._makers[path]
            self._voices.say(path, ())
            return None
        first, *others = sorted(((claim, obj) for _, claim, obj in makers), key=lambda maker: maker[0].age)
        self._voices.say(
            path,
            tuple(
                issues_of.name_taken(
                    claim.owner, str(path), str(first[0].owner), issues_of.why_first(first[0].age, claim.age)
                )
                for claim, _ in others
                if claim.owner != first[0].owner
            ),
        )
        return first[1]
