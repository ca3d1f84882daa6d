"""Nodes: the servers behind pool members. An address belongs to one node of a route domain on the whole device."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.addresses import address, find_address
from bigipsim.objects.model import JSON, Field, Item, ObjectType, Ref, Shape, Site, View, fields
from bigipsim.objects.monitor_rule import monitor_refs, monitor_rule
from bigipsim.objects.writing import Children
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

SESSIONS = {"user-enabled": "user-enabled", "user-disabled": "user-disabled"}
STATES = {"user-up": "user-up", "user-down": "user-down"}


def administrative(words: Mapping[str, str]) -> Shape:
    """What an administrator may set; the words of the device itself ("checking", "monitor-enabled") are refused."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if not isinstance(value, str) or value not in words:
            raise errors.invalid_value(name, value)
        return words[value]

    return shape


SESSION = Field("session", administrative(SESSIONS), "user-enabled")
STATE = Field("state", administrative(STATES), "user-up")


def address_key(tree: Tree, partition: str, text: JSON) -> tuple[int, str] | None:
    """Route domain and IP of an address that is written in a partition; None when it is no address."""
    found = find_address(text) if isinstance(text, str) else None
    if found is None:
        return None
    return (tree.route_domain(partition) if found.rd is None else found.rd, str(found.ip))


def _ip(name: str, value: JSON, site: Site) -> JSON:
    if value == "any6":
        return value
    return address(str(value)).text


def fqdn(defaults: Mapping[str, JSON]) -> Shape:
    """The group of properties of nodes and members that follow a DNS name; not all of it can be changed."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if not isinstance(value, dict):
            raise errors.invalid_value(name, value)
        stored = dict(site.before.values.get("fqdn", defaults) if site.before else defaults)
        for key, inner in value.items():
            key = "tmName" if key == "name" else key
            if site.before is not None and key != "interval" and stored.get(key) != inner:
                raise errors.create_only(key)
            if key not in {*defaults, "tmName", "addressFamily", "autopopulate", "downInterval", "interval"}:
                raise errors.unknown_property(key)
            stored[key] = inner
        return stored

    return shape


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if "address" not in values:
        if "tmName" not in values["fqdn"]:
            found = find_address(site.name)
            if found is None:
                raise errors.identifier_needed()
            values["address"] = found.text
        else:
            values["address"] = "any6"
    if site.before is None:
        check_free(site.tree, "ltm/node", "Node", site.partition, site.full_path, values["address"])


def check_free(tree: Tree, kind: str, word: str, partition: str, path: str, text: str) -> None:
    """Refuses an address that another node, or another virtual address, has."""
    key = address_key(tree, partition, text)
    if key is None or text == "any6":
        return
    if any(other != path for _, other in tree.marked((kind, *key))):
        raise errors.address_taken(word, text)


def _marks(site: Site, values: Mapping[str, JSON]) -> Iterable[Hashable]:
    key = address_key(site.tree, site.partition, values.get("address"))
    return [("ltm/node", *key)] if key is not None and values.get("address") != "any6" else []


def _refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    return monitor_refs(values.get("monitor"))


def _refuse_if_member(tree: Tree, item: Item) -> None:
    for referrer in tree.referrers("ltm/node", item.full_path):
        if referrer.child_kind == "members":
            raise errors.node_in_use(item.full_path, referrer.path)


def _show(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    show_health(
        shown["monitor"] not in ("default", "/Common/none"), view.runtime.node_status.get(item.full_path, ""), shown
    )


def show_health(monitored: bool, status: str, shown: dict[str, JSON]) -> None:
    """Puts what is true now over what the administrator set, in the device's two properties for both.

    Without a monitor an enabled member is user-enabled and unchecked; with one it is monitor-enabled, and up or down.
    """
    if shown["state"] == "user-down":
        return
    shown["state"] = status if monitored and status else "unchecked"
    if monitored and shown["session"] == "user-enabled":
        shown["session"] = "monitor-enabled"


FQDN = {"addressFamily": "ipv4", "autopopulate": "disabled", "downInterval": 5, "interval": "3600"}

NODE = ObjectType(
    collection="ltm/node",
    word="Node",
    fields=fields(
        Field("address", _ip, access="create"),
        Field("connectionLimit", shapes.integer(), 0),
        shapes.DESCRIPTION,
        Field("dynamicRatio", shapes.integer(), 1),
        Field("ephemeral", shapes.true_false, "false", access="server"),
        Field("fqdn", fqdn(FQDN), FQDN),
        Field("logging", shapes.enabled, "disabled"),
        shapes.METADATA,
        Field("monitor", monitor_rule, "default"),
        Field("rateLimit", shapes.number_or("disabled"), "disabled"),
        Field("ratio", shapes.integer(0, 65535), 1),
        SESSION,
        STATE,
        shapes.APP_SERVICE,
    ),
    settle=_settle,
    show=_show,
    refs=_refs,
    marks=_marks,
    before_delete=_refuse_if_member,
)

TYPES = (NODE,)
