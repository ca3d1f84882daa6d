"""Where a virtual server listens: "/P/10.0.0.1%2:443", "/P/2001:db8::1.443" or "/P/name-of-a-virtual-address:443"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bigipsim.exchange import Refused
from bigipsim.objects.addresses import HostPort, find_address, host_port
from bigipsim.objects.model import JSON, Item, Site
from bigipsim.objects.node import address_key
from bigipsim.objects.virtual_address import default_mask
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree


class Destination(NamedTuple):
    """The folder of the virtual address, and what comes after it."""

    folder: str
    host_port: HostPort

    @property
    def text(self) -> str:
        """As the device shows it."""
        return f"{self.folder}/{self.host_port.text}"

    @property
    def address_path(self) -> str:
        """Full path of the virtual address that has no other name than its address."""
        return f"{self.folder}/{self.host_port.host}"


def parse(text: str, partition: str) -> Destination:
    """Parses a destination; without a folder it is in the partition of the virtual server.

    Raises:
        Refused: the port is none (400).
    """
    folder, _, rest = text.rpartition("/")
    if rest in ("", "*", "any"):
        rest = "0.0.0.0:0"
    if rest.startswith(("*:", "any:")):
        rest = "0.0.0.0:" + rest.rpartition(":")[2]
    return Destination(folder or f"/{partition or 'Common'}", host_port(rest))


def recorded(text: JSON) -> Destination | None:
    """Parses what may be no destination at all."""
    try:
        return parse(text, "Common") if isinstance(text, str) else None
    except Refused:
        return None


def destination(name: str, value: JSON, site: Site) -> JSON:
    """A destination in full: folder, address or name, and the number of the port."""
    if not isinstance(value, str):
        raise errors.invalid_value(name, value)
    parsed = parse(value, site.partition)
    if (
        find_address(parsed.host_port.host) is None
        and site.tree.get("ltm/virtual-address", parsed.address_path) is None
    ):
        raise errors.invalid_address(parsed.host_port.host)
    if site.tree.get("sys/folder", parsed.folder) is None:
        raise errors.folder_not_found(parsed.folder)
    return parsed.text


def virtual_address(tree: Tree, where: Destination) -> Item | None:
    """The virtual address of a destination: the one of that name, or the one in the same folder with that address."""
    named = tree.get("ltm/virtual-address", where.address_path)
    if named is not None:
        return named
    partition = where.folder[1:].partition("/")[0]
    key = address_key(tree, partition, where.host_port.host)
    places = tree.marked(("ltm/virtual-address", *key)) if key is not None else []
    for kind, path in places:
        item = tree.get(kind, path)
        if item is not None and item.partition == partition:
            return item
    if places:
        raise errors.address_taken("Virtual Address", where.host_port.host)
    return None


def ensure_virtual_address(tree: Tree, where: Destination, wanted_mask: str, virtual: str) -> Item:
    """The virtual address of a destination, made if there is none; one that serves no other takes the wanted mask.

    Raises:
        Refused: the address is taken by a virtual address of another partition, or the mask contradicts the one it has.
    """
    found = virtual_address(tree, where)
    if found is None:
        return tree.make(
            "ltm/virtual-address", {"name": where.address_path, "address": where.host_port.host, "mask": wanted_mask}
        )
    if found.values.get("mask") == wanted_mask:
        return found
    others = [one for one in tree.referrers("ltm/virtual-address", found.full_path) if one.path != virtual]
    if others or found.values.get("autoDelete") != "true":
        raise errors.configuration(
            f"The mask ({wanted_mask}) of Virtual Server ({virtual}) contradicts the mask ({found.values.get('mask')}) "
            f"of Virtual Address ({found.full_path})."
        )
    after = tree.with_values(found, {**found.values, "mask": wanted_mask})
    tree.change(found, after)
    return after


def mask_of(tree: Tree, where: Destination) -> str:
    """The mask of a virtual server that names none."""
    found = virtual_address(tree, where)
    return str(found.values["mask"]) if found is not None else default_mask(where.host_port.host)
