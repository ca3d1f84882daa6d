"""Pools and their members. A member stands on a node, which the device makes when there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.addresses import find_address, host_port
from bigipsim.objects.model import JSON, Field, Identity, Item, ObjectType, Ref, Site, View, fields
from bigipsim.objects.monitor_rule import monitor_refs, monitor_rule
from bigipsim.objects.node import SESSION, STATE, fqdn, show_health
from bigipsim.objects.writing import Children, plain_name
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

LOAD_BALANCING = (
    "round-robin", "ratio-member", "ratio-node", "ratio-session", "ratio-least-connections-member",
    "ratio-least-connections-node", "least-connections-member", "least-connections-node",
    "weighted-least-connections-member", "weighted-least-connections-node", "least-sessions", "dynamic-ratio-member",
    "dynamic-ratio-node", "fastest-node", "fastest-app-response", "observed-member", "observed-node",
    "predictive-member", "predictive-node",
)  # fmt: skip

MEMBER_FQDN = {"autopopulate": "disabled"}


def _member_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    """A member is named by its node and port, in the partition of the node; the pool's partition if none is given."""
    name = plain_name(body)
    partition = str(body.get("partition") or (parent.partition if parent else "") or "Common")
    subpath = ""
    if name.startswith("/"):
        partition, _, rest = name[1:].partition("/")
        subpath, _, name = rest.rpartition("/")
    else:
        subpath = str(body.get("subPath") or "").strip("/")
    name = host_port(name).text
    return Identity(partition, subpath, name, "/" + "/".join(filter(None, (partition, subpath, name))))


def node_path(member_path: str) -> str:
    """Full path of the node that a member stands on."""
    folder, _, name = member_path.rpartition("/")
    return f"{folder}/{host_port(name).host}"


def _settle_member(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    if site.before is not None:
        return
    folder = site.full_path.rpartition("/")[0]
    if site.tree.get("sys/folder", folder) is None:
        pool = site.parent.full_path if site.parent else ""
        host, port = host_port(site.name)
        raise errors.folder_missing_for(f"Pool Member ({pool} {folder}/{host} {port})")
    path = node_path(site.full_path)
    _check_partition(site, path)
    node = site.tree.get("ltm/node", path)
    if node is None:
        node = _make_node(site, path, values)
    values["address"] = node.values["address"]


def _check_partition(site: Site, node: str) -> None:
    """A pool reaches the nodes of its own partition and those of /Common."""
    pool = site.parent
    if pool is not None and pool.partition and site.partition not in (pool.partition, "Common"):
        raise errors.other_partition("Pool", pool.full_path, pool.partition, "Node", node, site.partition)


def _make_node(site: Site, path: str, values: Mapping[str, JSON]) -> Item:
    body: dict[str, JSON] = {"name": path}
    host = path.rpartition("/")[2]
    if "tmName" in values["fqdn"]:
        body["fqdn"] = {"tmName": values["fqdn"]["tmName"]}
    elif find_address(host) is not None:
        body["address"] = host
    elif "address" in values:
        body["address"] = values["address"]
    else:
        raise errors.not_found("Node", path)
    return site.tree.make("ltm/node", body)


def _member_refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    return [Ref("ltm/node", node_path(site.full_path)), *monitor_refs(values.get("monitor"))]


def _show_member(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    pool = parent.full_path if parent else ""
    rule = shown.get("monitor")
    if rule == "default":
        rule = parent.values.get("monitor") if parent else None
    monitored = rule not in (None, "/Common/none")
    show_health(monitored, view.runtime.member_status.get((pool, item.full_path), ""), shown)
    shown["nameReference"] = {"link": view.link("ltm/node", node_path(item.full_path))}


MEMBER = ObjectType(
    collection="ltm/pool/members",
    word="Pool Member",
    identify=_member_identity,
    fields=fields(
        Field("address", shapes.any_text, access="create"),
        Field("connectionLimit", shapes.integer(), 0),
        shapes.DESCRIPTION,
        Field("dynamicRatio", shapes.integer(), 1),
        Field("ephemeral", shapes.true_false, "false", access="server"),
        Field("fqdn", fqdn(MEMBER_FQDN), MEMBER_FQDN),
        Field("inheritProfile", shapes.enabled, "enabled"),
        Field("logging", shapes.enabled, "disabled"),
        shapes.METADATA,
        Field("monitor", monitor_rule, "default"),
        Field("priorityGroup", shapes.integer(0, 65535), 0),
        Field("rateLimit", shapes.number_or("disabled"), "disabled"),
        Field("ratio", shapes.integer(1, 65535), 1),
        SESSION,
        STATE,
        shapes.APP_SERVICE,
    ),
    settle=_settle_member,
    show=_show_member,
    refs=_member_refs,
)


def _show_pool(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    if "monitor" in shown and view.tree.major <= 13:
        # Releases up to 13 end the rule with a blank.
        shown["monitor"] += " "


def _pool_refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    return monitor_refs(values.get("monitor"))


_quality = shapes.number_or("pass-through", "mimic")

POOL = ObjectType(
    collection="ltm/pool",
    word="Pool",
    used_word="Pool",
    user_word="Pool",
    fields=fields(
        Field("allowNat", shapes.yes_no, "yes"),
        Field("allowSnat", shapes.yes_no, "yes"),
        shapes.DESCRIPTION,
        Field("gatewayFailsafeDevice", shapes.text),
        Field("ignorePersistedWeight", shapes.enabled, "disabled"),
        Field("ipTosToClient", _quality, "pass-through"),
        Field("ipTosToServer", _quality, "pass-through"),
        Field("linkQosToClient", _quality, "pass-through"),
        Field("linkQosToServer", _quality, "pass-through"),
        Field("loadBalancingMode", shapes.one_of(*LOAD_BALANCING), "round-robin"),
        shapes.METADATA,
        Field("minActiveMembers", shapes.integer(0, 65535), 0),
        Field("minUpMembers", shapes.integer(0, 65535), 0),
        Field("minUpMembersAction", shapes.one_of("failover", "reboot", "restart-all"), "failover"),
        Field("minUpMembersChecking", shapes.enabled, "disabled"),
        Field("monitor", monitor_rule),
        Field("profiles", shapes.opaque),
        Field("queueDepthLimit", shapes.integer(), 0),
        Field("queueOnConnectionLimit", shapes.enabled, "disabled"),
        Field("queueTimeLimit", shapes.integer(), 0),
        Field("reselectTries", shapes.integer(0, 65535), 0),
        Field("serviceDownAction", shapes.one_of("none", "reset", "drop", "reselect"), "none"),
        Field("slowRampTime", shapes.integer(), 10),
        shapes.APP_SERVICE,
    ),
    children={"members": MEMBER},
    show=_show_pool,
    refs=_pool_refs,
)

TYPES = (POOL,)
