"""Where an object is found: URIs and full paths, percent-encoded as the device wants them."""

from __future__ import annotations

from urllib.parse import quote

ROOT = "/mgmt/tm"

SUBCOLLECTIONS = {"ltm/policy/rules": ("ltm/policy", "rules"), "ltm/virtual/profiles": ("ltm/virtual", "profiles")}
"""Kinds whose objects are parts of another: the kind of that one, and what the subcollection is called there.

The name of such an object is the full path of the other, ":" and its own name.
"""


def segment(full_path: str) -> str:
    """A full path as one segment: `/k8s/10.0.0.1%2:80` is `~k8s~10.0.0.1%252:80`."""
    return quote(full_path.replace("/", "~"), safe="~:")


def collection(kind: str) -> str:
    """The URI of a collection such as "ltm/pool"."""
    return f"{ROOT}/{kind}"


def of(kind: str, full_path: str) -> str:
    """The URI of an object."""
    if kind in SUBCOLLECTIONS:
        return f"{home(kind, full_path)}/{segment(full_path.partition(':')[2])}"
    return f"{ROOT}/{kind}/{segment(full_path)}"


def home(kind: str, full_path: str) -> str:
    """The URI where an object is created."""
    if kind not in SUBCOLLECTIONS:
        return collection(kind)
    whole, inner = SUBCOLLECTIONS[kind]
    return f"{of(whole, full_path.partition(':')[0])}/{inner}"


def in_partition(kind: str, partition: str, select: str = "", expand: bool = False) -> str:
    """The URI of those objects of a collection that are in a partition; only `select` of each, if that is given."""
    query = f"$filter=partition%20eq%20{quote(partition)}"
    return f"{ROOT}/{kind}?{query}{_detail(select, expand)}"


def one(kind: str, full_path: str, select: str = "", expand: bool = False) -> str:
    """The URI of an object with a query."""
    detail = _detail(select, expand)
    return of(kind, full_path) + (f"?{detail[1:]}" if detail else "")


def _detail(select: str, expand: bool) -> str:
    return ("&expandSubcollections=true" if expand else "") + (f"&$select={select}" if select else "")


def split(full_path: str) -> tuple[str, str, str]:
    """Partition, folder within it (may be empty) and name of a full path; a bare name is in Common."""
    parts = full_path.strip("/").split("/")
    if len(parts) == 1:
        return "Common", "", parts[0]
    return parts[0], "/".join(parts[1:-1]), parts[-1]


def naming(full_path: str) -> dict[str, str]:
    """The keys that name an object in a body."""
    partition, folder, name = split(full_path)
    return {"name": name, "partition": partition, **({"subPath": folder} if folder else {})}
