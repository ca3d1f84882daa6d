"""What a URI below /mgmt/tm/ addresses: a collection, an object in it, or children of the object."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from bigipsim.exchange import Refused
from bigipsim.objects.model import Item, ObjectType
from bigipsim.rest import errors
from bigipsim.tree import Tree

ELSEWHERE = frozenset(
    {"asm", "apm", "security", "analytics", "cli", "util", "vcmp", "pem", "wom", "gtm", "actions", "ilx"}
)
"""Modules that a device has and the simulator has not."""

MORE = {
    "ltm": (
        "alg-log-profile auth cipher classification clientssl-proxy default-node-monitor dns eviction-"
        " policy global-settings html-rule ifile lsn-log-profile lsn-pool message-routing nat profile-"
        " content rule-profiler tacdb traffic-class traffic-matching-criteria urlcat-query data-group"
        " monitor persistence profile"
    ),
    "net": (
        "address-list cos dag-globals dns-resolver interface interface-cos ipsec lldp-globals multicast-"
        " globals packet-filter packet-tester port-list port-mirror rate-shaping router-advertisement"
        " routing rst-cause self-allow service-policy sfc stp stp-globals timer-policy trunk vlan-allowed"
        " vlan-group wccp bwc fdb tunnels"
    ),
    "sys": (
        "crypto daemon-log-settings daemon-ha datastor disk dns dynad file fpga geoip hardware httpd"
        " icall icontrol-soap internal-proxy ipfix iprep-status license log-config log-rotate management-"
        " dhcp management-ip management-ovsdb management-route memory mcp-state ntp outbound-smtp"
        " performance pfman raid sflow smtp-server snmp software sshd state-mirroring syslog traffic"
        " turboflex ucs url-db application"
    ),
    "auth": (
        "apm-auth cert-ldap ldap login-failures password-policy radius radius-server remote-role remote-"
        " user source tacacs"
    ),
    "cm": (
        "add-to-trust cert config-sync key remove-from-trust sniff-updates sync-status trust-domain"
    ),
}  # fmt: skip
"""Components of the modules that the simulator has in part, which it has not."""


@dataclass(frozen=True, slots=True)
class Target:
    """`path` is "" for a collection; `child_kind` and `child` go on from an object in the same way, and so do
    `inner_kind` and `inner` from a child. `bare` says that the partition was left out, which means Common."""

    kind: str
    path: str = ""
    child_kind: str = ""
    child: str = ""
    inner_kind: str = ""
    inner: str = ""
    bare: bool = False

    @property
    def partition(self) -> str:
        """The partition of the object, "" for what is outside of partitions."""
        if self.kind == "auth/partition" or not self.path.startswith("/"):
            return ""
        return self.path[1:].partition("/")[0]


def target(tree: Tree, address: str, peer: str) -> Target:
    """Reads an address such as "ltm/pool/~P~web/members/~P~10.0.0.1:80" (below /mgmt/tm/, still percent-encoded).

    Raises:
        Refused: there is nothing of the kind: 404, or 501 when a real device has it.
    """
    parts = address.split("/")
    for length in range(min(4, len(parts)), 0, -1):
        kind = tree.types.get("/".join(parts[:length]))
        if kind is not None:
            return _within(tree, kind, parts[length:], peer, address)
    raise _unknown(address, peer)


def _unknown(address: str, peer: str) -> Refused:
    module, _, rest = address.partition("/")
    if module in ELSEWHERE or rest.partition("/")[0] in MORE.get(module, "").split():
        return errors.not_implemented(f"/mgmt/tm/{address}")
    return errors.not_registered(f"/tm/{address}", peer)


def _within(tree: Tree, kind: ObjectType, rest: list[str], peer: str, address: str) -> Target:
    if not rest:
        return Target(kind.collection)
    path, bare = _path(kind, rest[0])
    if len(rest) == 1:
        return Target(kind.collection, path, bare=bare)
    child_kind = kind.children.get(rest[1])
    if child_kind is None or len(rest) > 5:
        raise errors.not_registered(f"/tm/{address}", peer)
    item = tree.get(kind.collection, path)
    child = _child(item, rest[1], rest[2]) if len(rest) > 2 else ""
    if len(rest) < 4:
        return Target(kind.collection, path, rest[1], child, bare=bare)
    if rest[3] not in child_kind.children:
        raise errors.not_registered(f"/tm/{address}", peer)
    inner = unquote(rest[4]).replace("~", "/") if len(rest) > 4 else ""
    return Target(kind.collection, path, rest[1], child, rest[3], inner, bare)


def _path(kind: ObjectType, segment: str) -> tuple[str, bool]:
    text = unquote(segment)
    if text.startswith("~"):
        return text.replace("~", "/"), False
    if kind.collection == "auth/partition":
        return text, False
    if kind.collection == "sys/folder":
        return f"/{text}", False
    return f"/Common/{text.replace('~', '/')}", True


def _child(item: Item | None, kind: str, segment: str) -> str:
    """The key of a child: its full path, or what the parent's partition makes of a bare name."""
    text = unquote(segment).replace("~", "/")
    children = item.children.get(kind, {}) if item is not None else {}
    if text in children or item is None:
        return text
    if kind == "records":
        return text.lower()
    for candidate in (f"/{item.partition}/{text}", f"/Common/{text}", text.rpartition("/")[2]):
        if candidate in children:
            return candidate
    return text
