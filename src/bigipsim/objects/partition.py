"""Partitions and folders: the containers of all else. A partition and the folder of its name are twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.model import JSON, Field, Identity, Item, ObjectType, Site, View, fields
from bigipsim.objects.writing import Children, bare_identity, plain_name
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

PARTITION_TYPES = ("auth/partition", "sys/folder")


def _partition_effects(tree: Tree, before: Item | None, after: Item | None) -> None:
    name = (after or before or _never()).name
    if before is None and tree.get("sys/folder", f"/{name}") is None:
        tree.make("sys/folder", {"name": name, "subPath": "/"})
    if before is not None and after is not None and before.values != after.values:
        # Addresses without a route domain have moved into another one.
        tree.reindex()
    folder = tree.get("sys/folder", f"/{name}")
    if after is None and folder is not None:
        tree.put("sys/folder", folder.full_path, folder, None)


def _route_domain(name: str, value: JSON, site: Site) -> JSON:
    number = shapes.integer(0, 65534)(name, value, site)
    if number and all(item.values.get("id") != number for item in site.tree.items("net/route-domain")):
        raise errors.configuration(f"The default route domain ({number}) of partition ({site.name}) does not exist.")
    return number


def _never() -> Item:
    raise AssertionError("an effect has an object before or after it")


def _refuse_if_inhabited(tree: Tree, item: Item) -> None:
    if item.name == "Common":
        raise errors.configuration("The partition (Common) cannot be deleted.")
    if tree.residents(f"/{item.name}"):
        raise errors.partition_not_empty(item.name)


PARTITION = ObjectType(
    collection="auth/partition",
    word="user role partition",
    identify=bare_identity,
    fields=fields(Field("defaultRouteDomain", _route_domain, 0), shapes.DESCRIPTION),
    effects=_partition_effects,
    before_delete=_refuse_if_inhabited,
)


def _folder_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    if body.get("name") == "/":
        return Identity("", "", "/", "/")
    name = plain_name(body)
    path = name if name.startswith("/") else _joined(body, name)
    outer, _, inner = path.rstrip("/").rpartition("/")
    if not outer:
        return Identity("", "/", inner, f"/{inner}")
    partition, _, subpath = outer[1:].partition("/")
    return Identity(partition, subpath, inner, path.rstrip("/"))


def _joined(body: Mapping[str, JSON], name: str) -> str:
    subpath = str(body.get("subPath") or "")
    partition = str(body.get("partition") or ("" if subpath == "/" else "Common"))
    return "/" + "/".join(filter(None, (partition, subpath.strip("/"), name)))


def _folder_effects(tree: Tree, before: Item | None, after: Item | None) -> None:
    item = after or before or _never()
    if item.full_path.count("/") > 1 or item.full_path == "/":
        return
    twin = tree.get("auth/partition", item.name)
    if before is None and twin is None:
        tree.make("auth/partition", {"name": item.name})
    elif after is None and twin is not None:
        tree.put("auth/partition", item.name, twin, None)


def _refuse_unless_empty(tree: Tree, item: Item) -> None:
    if item.full_path in ("/", "/Common"):
        raise errors.configuration(f"The folder ({item.full_path}) cannot be deleted.")
    if tree.residents(item.full_path):
        if item.full_path.count("/") == 1:
            raise errors.partition_not_empty(item.name)
        raise errors.configuration(f"The folder ({item.full_path}) is not empty: remove all objects from it first.")


def device_group(tree: Tree, folder: str, root: str = "none") -> str:
    """Full path of the device group that a folder belongs to, or "none"; `root` is that of / and /Common, if given.

    Source: iControl REST, sys folder: inheritedDevicegroup "true" takes the device group of the folder around it.
    """
    while folder not in ("/", "/Common", ""):
        item = tree.get("sys/folder", folder)
        if item is not None and item.values.get("inheritedDevicegroup") != "true":
            return str(item.values.get("deviceGroup", "none"))
        folder = folder.rpartition("/")[0]
    item = tree.get("sys/folder", folder or "/")
    return root if root != "none" or item is None else str(item.values.get("deviceGroup", "none"))


def _show_folder(view: View, item: Item, parent: Item | None, reply: dict[str, JSON]) -> None:
    group = device_group(view.tree, item.full_path)
    if group != "none":
        reply["deviceGroup"] = group
        reply["deviceGroupReference"] = {"link": view.link("cm/device-group", group)}


def _settle_folder(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    for inherited, own in (("inheritedDevicegroup", "deviceGroup"), ("inheritedTrafficGroup", "trafficGroup")):
        if own in given and inherited not in given:
            values[inherited] = "false"


FOLDER = ObjectType(
    collection="sys/folder",
    word="folder",
    identify=_folder_identity,
    fields=fields(
        Field("deviceGroup", shapes.any_text, "none"),
        Field("hidden", shapes.true_false, "false"),
        Field("inheritedDevicegroup", shapes.true_false, "true"),
        Field("inheritedTrafficGroup", shapes.true_false, "true"),
        Field("noRefCheck", shapes.true_false, "false"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group", "/Common/traffic-group-1"),
        shapes.DESCRIPTION,
        shapes.APP_SERVICE,
    ),
    settle=_settle_folder,
    effects=_folder_effects,
    show=_show_folder,
    before_delete=_refuse_unless_empty,
)

TYPES = (PARTITION, FOLDER)
