"""The configuration database: which writes are allowed, and what follows from them.

Every write happens on a layer over the configuration and is folded into it when all of it went well, so that a refused
write leaves nothing behind and a transaction costs no more than its commands. Nothing here does I/O or knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as replaced
from typing import Any

from bigipsim.objects import inheritance, writing
from bigipsim.objects.model import Change, Item, ObjectType, Site
from bigipsim.rest import errors
from bigipsim.store import Store

__all__ = ["Change", "Item", "Tree"]


DEPENDENT = ("ltm/virtual-address", "ltm/virtual", "ltm/node", "ltm/rule", "net/arp", "net/ndp", "net/route")
"""Collections whose index depends on other objects: on the route domain of a partition, on a virtual address."""


class Tree(Store):
    """The objects of a device with the rules that they obey; see `Store` for kinds, paths and staged copies."""

    def need(self, kind: str, path: str) -> Item:
        """The object.

        Raises:
            Refused: there is none.
        """
        item = self.get(kind, path)
        if item is not None:
            return item
        if self.kind_of(self.types[kind].kin, path) is not None and kind.startswith("ltm/monitor/"):
            raise errors.object_not_found(path)
        raise errors.not_found(self.types[kind].word, path)

    def route_domain(self, partition: str) -> int:
        """The route domain of addresses that are written without one in a partition."""
        item = self.get("auth/partition", partition)
        found = item.values.get("defaultRouteDomain", 0) if item is not None else 0
        return found if isinstance(found, int) else 0

    def resolve(self, site: Site, family: str, word: str, text: Any) -> str:
        """What `Site.resolve` answers."""
        if not isinstance(text, str):
            raise errors.invalid_value(word, text)
        if text.startswith("/"):
            candidates = [text]
        else:
            candidates = [f"/{site.partition or 'Common'}/{text}", f"/Common/{text}"]
        for path in candidates:
            if self.kind_of(family, path) is not None:
                self._same_partition(site, word, path)
                return path
        raise errors.not_found(word, candidates[0])

    def _same_partition(self, site: Site, word: str, path: str) -> None:
        other = path[1:].partition("/")[0]
        if other not in (site.partition, "Common") and site.partition:
            raise errors.other_partition(site.type.word, site.full_path, site.partition, word, path, other)

    # Writing

    def create(self, kind: str, body: Mapping[str, Any]) -> Item:
        """Creates an object by the body of a POST; answers it.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        with self.staged() as stage:
            return stage._create(self.types[kind], body)

    def make(self, kind: str, body: Mapping[str, Any]) -> Item:
        """Creates an object in this very layer: what the device makes by itself while it carries out a write."""
        return self._create(self.types[kind], body)

    def _create(self, kind: ObjectType, body: Mapping[str, Any]) -> Item:
        if not kind.writable:
            raise errors.not_writable(kind.word)
        if not kind.creatable:
            raise errors.not_creatable(kind.word)
        called = (kind.identify or writing.identity)(self, body, None)
        if called.partition:
            folder = called.full_path.rpartition("/")[0]
            if self.get("sys/folder", folder) is None:
                raise errors.folder_not_found(folder)
        if self.kind_of(kind.kin, called.full_path) is not None:
            raise errors.already_exists(kind.word, called.full_path, called.partition or called.name)
        site = Site(self, kind, called.partition, called.subpath, called.name, called.full_path)
        item = writing.compose(site, body, replace=False)
        self.put(kind.collection, called.full_path, None, item)
        kind.effects(self, None, item)
        return item

    def modify(self, kind: str, path: str, body: Mapping[str, Any], replace: bool = False) -> Item:
        """Changes an object by the body of a PATCH, or of a PUT (`replace`); answers it.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        with self.staged() as stage:
            before = stage.need(kind, path)
            if not before.type.writable:
                raise errors.not_writable(before.type.word)
            after = writing.compose(writing.site_of(stage, before), body, replace)
            stage.change(before, after)
            return stage.need(kind, path)

    def change(self, before: Item, after: Item) -> None:
        """Puts an object in the place of another one, with all that follows from it."""
        if after is before:
            return
        kind, path = before.type.collection, before.full_path
        self.put(kind, path, before, after)
        before.type.effects(self, before, after)
        if before.type.inherits:
            self._shine_through(after)

    def with_values(self, item: Item, values: Mapping[str, Any]) -> Item:
        """An object with other values, indexed by them; nothing is checked."""
        refs, marks = writing.index_of(writing.site_of(self, item), values, {})
        return replaced(item, values=values, refs=refs, marks=marks, recorded=None, generation=self.next_generation())

    def reindex(self) -> None:
        """Indexes anew what depends on other objects, which may have come later or changed."""
        for kind in DEPENDENT:
            for item in self.items(kind):
                refs, marks = writing.index_of(writing.site_of(self, item), item.values, {})
                if refs != item.refs or marks != item.marks:
                    self.put(kind, item.full_path, item, replaced(item, refs=refs, marks=marks))

    def _shine_through(self, parent: Item) -> None:
        family = parent.type.kin
        for referrer in self.referrers(family, parent.full_path):
            heir = self.get(referrer.kind, referrer.path)
            if heir is None or heir.type.kin != family or inheritance.parent_path(heir) != parent.full_path:
                continue
            values = inheritance.follow(heir, parent)
            if values != heir.values:
                # An heir keeps its generation: nobody wrote to it.
                site = writing.site_of(self, heir)
                refs, marks = writing.index_of(site, values, {})
                after = replaced(heir, values=values, refs=refs, marks=marks, recorded=None)
                self.put(referrer.kind, referrer.path, heir, after)
                self._shine_through(after)

    def delete(self, kind: str, path: str) -> None:
        """Deletes an object.

        Raises:
            Refused: it does not exist or is in use; then nothing has changed.
        """
        with self.staged() as stage:
            stage.remove(stage.need(kind, path))

    def remove(self, item: Item) -> None:
        """Deletes an object of this very layer, with all that follows from it.

        Raises:
            Refused: it is in use.
        """
        kind = item.type
        kind.before_delete(self, item)
        own = (kind.collection, item.full_path)
        user = next((one for one in self.referrers(kind.kin, item.full_path) if one[:2] != own), None)
        if user is not None:
            user_type = self.types[user.kind]
            raise errors.in_use(
                kind.used_word or kind.word, item.full_path, user_type.user_word or user_type.word, user.path
            )
        self.next_generation()
        self.put(kind.collection, item.full_path, item, None)
        kind.effects(self, item, None)

    def create_child(self, kind: str, path: str, child_kind: str, body: Mapping[str, Any]) -> Item:
        """Creates a child of an object: a member of a pool, a profile of a virtual server; answers the child.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        with self.staged() as stage:
            parent = stage.need(kind, path)
            child_type = parent.type.children[child_kind]
            called = (child_type.identify or writing.bare_identity)(stage, body, parent)
            if called.full_path in parent.children.get(child_kind, {}):
                raise errors.already_exists(
                    *writing.child_words(parent, child_type, called.full_path), called.partition or parent.partition
                )
            child = writing.compose_child(stage, parent, child_kind, body, {})
            stage.change_children(parent, child_kind, {**parent.children.get(child_kind, {}), child.full_path: child})
            return stage.need_child(kind, path, child_kind, child.full_path)

    def modify_child(
        self, kind: str, path: str, child_kind: str, name: str, body: Mapping[str, Any], replace: bool = False
    ) -> Item:
        """Changes a child; `name` is its full path.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        with self.staged() as stage:
            parent, before = stage.need(kind, path), stage.need_child(kind, path, child_kind, name)
            after = writing.compose(writing.site_of(stage, before, parent), body, replace)
            if after is not before:
                stage.change_children(parent, child_kind, {**parent.children[child_kind], name: after})
            return stage.need_child(kind, path, child_kind, name)

    def delete_child(self, kind: str, path: str, child_kind: str, name: str) -> None:
        """Deletes a child; `name` is its full path.

        Raises:
            Refused: in the device's words; then nothing has changed.
        """
        with self.staged() as stage:
            parent = stage.need(kind, path)
            stage.need_child(kind, path, child_kind, name, deleting=True)
            rest = {key: child for key, child in parent.children[child_kind].items() if key != name}
            stage.change_children(parent, child_kind, rest)

    def need_child(self, kind: str, path: str, child_kind: str, name: str, deleting: bool = False) -> Item:
        """A child of an object.

        Raises:
            Refused: there is none, or not even the object.
        """
        parent = self.need(kind, path)
        child = parent.children.get(child_kind, {}).get(name)
        if child is None and deleting:
            raise errors.not_found(*writing.child_words(parent, parent.type.children[child_kind], name))
        if child is None:
            raise errors.object_not_found(name)
        return child

    def change_children(self, parent: Item, child_kind: str, children: Mapping[str, Item]) -> None:
        """Gives an object other children, with all that follows from it."""
        settled = {key: dict(items) for key, items in parent.children.items()}
        settled[child_kind] = dict(children)
        values = writing.settled(parent)
        site = writing.site_of(self, parent)
        parent.type.settle(site, values, settled, frozenset({child_kind}))
        refs, marks = writing.index_of(site, values, {})
        after = replaced(
            parent,
            values=values,
            children=settled,
            generation=self.next_generation(),
            recorded=None,
            refs=refs,
            marks=marks,
        )
        self.change(parent, after)

    def check_together(self) -> None:
        """Compares what is compared only when a transaction ends: listeners of virtual servers, certificates and keys.

        Raises:
            Refused: two virtual servers would receive the same packets, or objects do not fit together.
        """
        for kind, table in self._tables.items():
            of = self.types[kind]
            for path, item in table.own.items():
                for mark in item.marks if item and of.deferred else ():
                    other = next((place for place in self._marks.values(mark) if place != (kind, path)), None)
                    if other is not None:
                        raise errors.same_listener(path, other[1])
                if item is not None:
                    of.together(self, item)
