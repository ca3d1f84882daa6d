"""Objects that take their properties from a parent (profiles, monitors): what properties exist, which are their own.

The base object of a type tells which properties there are and, by their values, what form they have. Only what differs
from the parent is an object's own; all else follows the parent when that changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, Item, Shape, Site
from bigipsim.rest import errors

NOT_INHERITED = frozenset({"defaultsFrom", "description", "appService", "partition"})

SWITCHES = (("enabled", "disabled"), ("yes", "no"), ("true", "false"))

MORE_WORDS: Mapping[str, tuple[str, ...]] = {
    "nagle": ("auto",),
    "pushFlag": ("auto", "none", "one"),
    "adaptive": (),
    "debug": (),
}
"""Properties whose base value looks like a switch and which take further words."""

FREE_WORDS = frozenset({"mode", "keepAliveInterval", "requestAdapt", "responseAdapt", "sessionTicket", "tcpOptions"})


def open_field(name: str) -> Field:
    """A property that is stored as it comes."""
    return Field(name, shapes.opaque)


def parent_path(item: Item) -> str | None:
    """Full path of the object that an item takes its properties from."""
    path = item.values.get("defaultsFrom")
    return path if isinstance(path, str) and path.startswith("/") else None


@dataclass(slots=True)
class Heir:
    """An object that is being written, its parent and its base (None where the device's set is not known)."""

    path: str | None
    parent: Item | None
    base: Item | None
    none_is_a_word: bool

    def defaults(self) -> dict[str, JSON]:
        """The values of an object that sets nothing."""
        values = dict(self.parent.values) if self.parent else {}
        for key in NOT_INHERITED & values.keys():
            # A profile shows what it does not have as "none".
            if self.none_is_a_word:
                values[key] = "none"
            else:
                del values[key]
        if self.path is not None:
            values["defaultsFrom"] = self.path
        return values

    def pin(self, values: dict[str, JSON]) -> None:
        """Makes the values say who the parent is, whatever the request said."""
        if self.path is not None:
            values["defaultsFrom"] = self.path

    def unset(self, name: str) -> JSON:
        """The value of a property that a request unsets."""
        if self.none_is_a_word and self.base is not None and name in self.base.values:
            return [] if isinstance(self.base.values[name], list) else "none"
        return ABSENT

    def field(self, name: str) -> Field | None:
        """The property, with the form of its value in the base object; None when the type does not have it."""
        if self.base is None:
            return open_field(name)
        if name not in self.base.values:
            return None
        return Field(name, _shape(name, self.base.values[name]))

    def own(self, values: Mapping[str, JSON], candidates: Iterable[str]) -> set[str]:
        """Which of the properties that were ever set differ from the parent's."""
        above = self.parent.values if self.parent else {}
        if self.parent is None:
            return set(values)
        return {
            name
            for name in candidates
            if name not in NOT_INHERITED and values.get(name, ABSENT) != above.get(name, ABSENT)
        }


def heir(site: Site, body: Mapping[str, JSON], replace: bool) -> Heir:
    """Who the object takes after: the parent that the body names, that it has already, or the base of its type.

    Raises:
        Refused: the parent does not exist, or is the object itself.
    """
    tree, kind, before = site.tree, site.type, site.before
    base_path = tree.types.base(kind.collection)
    none_is_a_word = kind.family != "ltm/monitor"
    wanted = body.get("defaultsFrom")
    if wanted in shapes.NOTHING:
        path = parent_path(before) if before is not None else base_path
    else:
        path = site.resolve(kind.kin, kind.word, wanted)
        if path == site.full_path:
            raise errors.configuration(f'A {kind.word} may not default from itself "{path}"')
    base = tree.get(kind.collection, base_path) if base_path else None
    parent = tree.get(kind.collection, path) if path else None
    if path is not None and parent is None and wanted not in shapes.NOTHING:
        raise errors.not_found(kind.word, path)
    return Heir(path if parent is not None else None, parent, base, none_is_a_word)


def follow(item: Item, parent: Item) -> dict[str, JSON]:
    """The values of an item after its parent changed."""
    values = {key: value for key, value in parent.values.items() if key not in NOT_INHERITED}
    kept = item.own | NOT_INHERITED
    values.update({name: value for name, value in item.values.items() if name in kept})
    for name in item.own - item.values.keys():
        values.pop(name, None)
    return values


def _shape(name: str, base: JSON) -> Shape:
    if isinstance(base, bool):
        return shapes.flag
    if isinstance(base, int):
        return shapes.integer()
    if isinstance(base, list):
        return _list
    if isinstance(base, dict):
        return _merged(base)
    if name not in FREE_WORDS:
        for pair in SWITCHES:
            if base in pair:
                return shapes.one_of(*pair, *MORE_WORDS.get(name, ()))
    return _word


def _word(name: str, value: JSON, site: Site) -> JSON:
    """A text, where numbers are written as text too; null is "none"."""
    if isinstance(value, list) and name == "tmOptions":
        return "{ " + " ".join(map(str, value)) + " }" if value else "none"
    return ABSENT if value in (None, "", "none") else shapes.any_text(name, value, site)


def _list(name: str, value: JSON, site: Site) -> JSON:
    if value in shapes.NOTHING:
        return ABSENT
    return value if isinstance(value, list) else [value]


def _merged(base: Mapping[str, JSON]) -> Shape:
    """A group of properties; those that the request leaves out stay."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if not isinstance(value, dict):
            raise errors.invalid_value(name, value)
        stored = dict(site.before.values.get(name, base) if site.before else base)
        for key, inner in value.items():
            if key not in base:
                raise errors.unknown_property(key)
            kept = _shape(key, base[key])(key, inner, site)
            stored[key] = ([] if isinstance(base[key], list) else "none") if kept is ABSENT else kept
        return stored

    return shape
