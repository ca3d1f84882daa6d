"""How the body of a request becomes an object: which keys are known, which may be set, what the rest defaults to."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import inheritance
from bigipsim.objects.model import ABSENT, JSON, Field, Identity, Item, ObjectType, Ref, Site
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

ECHOES = frozenset({"kind", "selfLink", "generation", "fullPath"})
"""Keys of a reply that are ignored in a request."""

IDENTITY = frozenset({"name", "partition", "subPath"})

_HYPHEN = re.compile(r"-(\w)")
_TAG = re.compile(r'[<>"*]')

Children = dict[str, dict[str, Item]]


@functools.cache
def _defaults_of(kind: ObjectType) -> Mapping[str, JSON]:
    """The values of an object of which nothing is said."""
    values = {one.name: one.default for one in kind.fields.values() if one.default is not ABSENT}
    return values | {chosen: True for chosen, _ in kind.pairs}


@functools.cache
def _pointing(kind: ObjectType) -> tuple[tuple[str, Callable[[JSON], Iterable[Ref]]], ...]:
    """The properties that point at other objects, and how to find what they point at."""
    return tuple((one.name, one.refs) for one in kind.fields.values() if one.refs is not None)


def identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    """What a new object is called: `name` (which may be a full path), `partition` (default Common) and `subPath`.

    Raises:
        Refused: there is no name, it is reserved or has forbidden characters.
    """
    name = plain_name(body)
    if name.startswith("/"):
        partition, _, rest = name[1:].partition("/")
        subpath, _, name = rest.rpartition("/")
    else:
        partition = str(body.get("partition") or "Common")
        subpath = str(body.get("subPath") or "").strip("/")
        inner, _, name = name.rpartition("/")
        subpath = "/".join(filter(None, (subpath, inner)))
    return Identity(partition, subpath, name, "/" + "/".join(filter(None, (partition, subpath, name))))


def bare_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    """What an object is called that lives outside partitions: its name alone."""
    name = plain_name(body)
    return Identity("", "", name, name)


def camel(name: str) -> str:
    """The name of a property on the wire; the spelling of the command language ("load-balancing-mode") is one too."""
    return _HYPHEN.sub(lambda match: match[1].upper(), name) if "-" in name else name


def plain_name(body: Mapping[str, JSON]) -> str:
    """The name in a body.

    Raises:
        Refused: there is none, it is reserved or has forbidden characters.
    """
    name = body.get("name")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip("/"):
        raise errors.identifier_needed()
    if name == "example":
        raise errors.reserved_name()
    if _TAG.search(name):
        raise errors.refusal(400, "HTML Tag-like Content in the Request URL/Body", errors.GRAMMAR)
    return name


def compose(site: Site, body: Mapping[str, JSON], replace: bool) -> Item:
    """The object as it will be; the one that stands, when the request changes nothing.

    `replace` sets what the body leaves out back to its default (PUT); children that it leaves out stay.

    Raises:
        Refused: a key is unknown or may not be set, a value is wrong, or a reference leads nowhere.
    """
    draft = _Draft(site, replace)
    draft.read(body)
    return draft.item()


class _Draft:
    def __init__(self, site: Site, replace: bool) -> None:
        self.site = site
        self.type = site.type
        self.replace = replace
        before = site.before
        self.given: set[str] = set()
        self.own: set[str] = set(before.own) if before and not replace else set()
        self.children: Children = {
            key: dict(before.children.get(key, {})) if before else {} for key in self.type.children
        }
        self.values: dict[str, JSON] = settled(before) if before and not replace else {}
        self.heir: inheritance.Heir | None = None

    def read(self, body: Mapping[str, JSON]) -> None:
        if self.type.inherits:
            self.heir = inheritance.heir(self.site, body, self.replace)
        if self.site.before is None or self.replace:
            self._defaults()
        elif self.heir is not None and self.heir.path != inheritance.parent_path(self.site.before) and self.heir.parent:
            self.values = inheritance.follow(self.site.before, self.heir.parent)
        for name, value in body.items():
            self._take(camel(name), value)
        if self.site.before is not None and not self.replace and not self.given:
            raise errors.nothing_to_modify()
        said = dict(self.values)
        self.type.settle(self.site, self.values, self.children, frozenset(self.given))
        if self.heir is not None:
            self.heir.pin(self.values)
            followed = {name for name, value in self.values.items() if said.get(name, ABSENT) != value}
            self.own = self.heir.own(self.values, self.own | self.given | followed)

    def _defaults(self) -> None:
        before = self.site.before
        self.values.update(_defaults_of(self.type))
        if before is not None:
            for field in self.type.fields.values():
                if field.access != "write":
                    self.values.pop(field.name, None)
                    if field.name in before.values:
                        self.values[field.name] = before.values[field.name]
        if self.heir is not None:
            self.values.update(self.heir.defaults())

    def _take(self, name: str, value: JSON) -> None:
        if name in ECHOES or name in IDENTITY:
            return
        child = name.removesuffix("Reference")
        if child in self.type.children:
            self._take_children(child, value, name != child)
        elif any(name in pair for pair in self.type.pairs):
            self._take_flag(name, value)
        else:
            field = self._field(name)
            if field is not None:
                self._take_value(field, value)

    def _field(self, name: str) -> Field | None:
        field = self.type.fields.get(name)
        if field is None and self.heir is not None:
            field = self.heir.field(name)
        if field is None and not name.endswith("Reference"):
            if not self.type.open:
                raise errors.unknown_property(name)
            field = inheritance.open_field(name)
        return field

    def _take_value(self, field: Field, value: JSON) -> None:
        name = field.name
        if field.access == "server":
            return
        if self.site.before is not None and field.access != "write":
            same = field.access == "create-or-same" and self.site.before.values.get(name) == value
            if not same:
                raise errors.create_only(name)
        self.given.add(name)
        stored = field.shape(name, value, self.site)
        if stored is ABSENT:
            stored = self.heir.unset(name) if self.heir is not None else field.default
        if stored is ABSENT:
            self.values.pop(name, None)
        else:
            self.values[name] = stored

    def _take_flag(self, name: str, value: JSON) -> None:
        if value not in (True, False, "true", "false"):
            raise errors.invalid_value(name, value)
        one, other = next(pair for pair in self.type.pairs if name in pair)
        self.given.add(name)
        if value in (False, "false"):
            # The device takes no notice: to disable is to say {"disabled": true}.
            self.given.add(f"not {name}")
            return
        opposite = other if name == one else one
        if opposite in self.given and f"not {opposite}" not in self.given:
            raise errors.exclusive(one, other)
        self.values[name] = True
        self.values.pop(opposite, None)

    def _take_children(self, kind: str, value: JSON, reference: bool) -> None:
        if reference:
            if not isinstance(value, dict) or "items" not in value:
                return
            value = value["items"]
        if value in (None, "", "none"):
            value = []
        listed = value if isinstance(value, list) else [value]
        self.given.add(kind)
        self.children[kind] = dict(self._composed_children(kind, listed))

    def _composed_children(self, kind: str, bodies: list[JSON]) -> Iterator[tuple[str, Item]]:
        before = self.site.before.children.get(kind, {}) if self.site.before else {}
        shell = self.site.before or _shell(self.site)
        for body in bodies:
            named = {"name": body} if isinstance(body, str) else body
            if not isinstance(named, dict):
                raise errors.invalid_value(kind, body)
            child = compose_child(self.site.tree, shell, kind, named, before)
            yield child.full_path, child

    def item(self) -> Item:
        site, before = self.site, self.site.before
        if before is not None and before.recorded is None and self._same(before):
            return before
        refs, marks = index_of(site, self.values, self.children if site.parent is not None else {})
        return Item(
            type=self.type,
            partition=site.partition,
            subpath=site.subpath,
            name=site.name,
            full_path=site.full_path,
            generation=site.tree.next_generation(),
            values=self.values,
            children=self.children,
            own=frozenset(self.own),
            refs=refs,
            marks=marks,
        )

    def _same(self, before: Item) -> bool:
        return (
            self.values == before.values and self.own == before.own and _same_children(self.children, before.children)
        )


def settled(item: Item) -> dict[str, JSON]:
    """The values of an object, for changing; where a recorded one has gaps they are filled with defaults."""
    if item.recorded is None or item.type.inherits:
        return dict(item.values)
    values = dict(_defaults_of(item.type))
    for pair in item.type.pairs:
        if any(name in item.values for name in pair):
            values.pop(pair[0], None)
    return values | dict(item.values)


def _same_children(ours: Children, theirs: Mapping[str, Mapping[str, Item]]) -> bool:
    for kind, items in ours.items():
        others = theirs.get(kind, {})
        if list(items) != list(others) or any(item is not others[key] for key, item in items.items()):
            return False
    return True


def compose_child(
    tree: Tree, parent: Item, kind: str, body: Mapping[str, JSON], before: Mapping[str, Item], replace: bool = False
) -> Item:
    """A child of `parent` by the body that describes it; one that is in `before` keeps what the body leaves out."""
    child_type = parent.type.children[kind]
    called = (child_type.identify or bare_identity)(tree, body, parent)
    known = before.get(called.full_path)
    site = Site(tree, child_type, *called, known, parent)
    if known is not None and child_type.fresh:
        anew = compose(Site(tree, child_type, *called, None, parent), body, replace=False)
        return known if known.recorded is None and alike(anew, known) else anew
    only_named = known is not None and not (set(body) - IDENTITY - ECHOES)
    if known is not None and only_named and tree.major >= 13:
        return known
    return compose(site, body, replace or (known is not None and tree.major < 13))


def alike(one: Item, other: Item) -> bool:
    """Whether two objects say the same, children included."""
    if one.values != other.values or one.own != other.own:
        return False
    for kind, items in one.children.items():
        others = other.children.get(kind, {})
        if list(items) != list(others) or not all(alike(item, others[key]) for key, item in items.items()):
            return False
    return True


def index_of(site: Site, values: Mapping[str, JSON], children: Children) -> tuple[tuple[Ref, ...], tuple[object, ...]]:
    """What the tree is to index of an object: its references, and what may exist only once."""
    refs: dict[Ref, None] = dict.fromkeys(site.type.refs(site, values))
    for name, find in _pointing(site.type):
        if name in values:
            refs.update(dict.fromkeys(find(values[name])))
    # Children of children are not indexed by themselves: their references count as those of their parent.
    for items in children.values():
        for child in items.values():
            refs.update(dict.fromkeys(child.refs))
    return tuple(refs), tuple(site.type.marks(site, values))


def _shell(site: Site) -> Item:
    """The object that is being created, as far as its children need to know it."""
    return Item(site.type, site.partition, site.subpath, site.name, site.full_path, 0, {})


def site_of(tree: Tree, item: Item, parent: Item | None = None) -> Site:
    """The site of an object that exists."""
    return Site(tree, item.type, item.partition, item.subpath, item.name, item.full_path, item, parent)


def child_words(parent: Item, child_type: ObjectType, name: str) -> tuple[str, str]:
    """How error texts call a child: its word, and what stands in brackets behind it."""
    if child_type.collection != "ltm/pool/members":
        return child_type.word, name
    # "Pool Member (/P/pool /P/10.0.0.1 80)": a space before the port, whatever the family of the address.
    host, _, port = name.rpartition("." if name.count(":") > 1 else ":")
    return child_type.word, f"{parent.full_path} {host} {port}"
