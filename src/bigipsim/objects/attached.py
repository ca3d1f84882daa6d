"""What hangs on a virtual server: profiles with the side they are for, and policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.model import JSON, Field, Identity, Item, ObjectType, Ref, Site, View, fields
from bigipsim.objects.policy import check_in_force
from bigipsim.objects.writing import Children, compose_child, plain_name
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

PROFILE = "ltm/profile"

SIDES = {"ltm/profile/client-ssl": "clientside", "ltm/profile/server-ssl": "serverside"}
"""Profiles that belong on one side of the proxy, whatever the request says."""

PROTOCOL_OF = {
    "ltm/profile/tcp": "tcp",
    "ltm/profile/udp": "udp",
    "ltm/profile/sctp": "sctp",
    "ltm/profile/fastl4": "",
    "ltm/profile/ipother": "",
}
"""Protocol profiles, of which a virtual server has one per side, and the IP protocol that they need ("" is any)."""

PROXIED = frozenset({"ltm/profile/tcp", "ltm/profile/sctp", "ltm/profile/quic"})
STANDS_ON = {
    "ltm/profile/http": PROXIED,
    "ltm/profile/client-ssl": PROXIED | {"ltm/profile/udp"},
    "ltm/profile/server-ssl": PROXIED | {"ltm/profile/udp"},
}
"""Profiles that look into a connection, and the ones of which they need at least one below them."""

ON_HTTP = ("ltm/profile/http2", "ltm/profile/websocket")
"""Profiles that need an http profile beside them."""

STANDARD = {"tcp": "/Common/tcp", "any": "/Common/tcp", "udp": "/Common/udp", "sctp": "/Common/sctp"}
FORWARDING = "/Common/fastL4"


def _found(tree: Tree, parent: Item | None, family: str, word: str, body: Mapping[str, JSON]) -> Identity:
    name = plain_name(body)
    if not name.startswith("/") and body.get("partition"):
        name = "/" + "/".join(filter(None, (str(body["partition"]), str(body.get("subPath") or ""), name)))
    partition = parent.partition if parent else "Common"
    own = parent.full_path if parent else ""
    site = Site(tree, parent.type if parent else PROFILE_BINDING, partition, "", "", own)
    path = site.resolve(family, word, name)
    part, _, rest = path[1:].partition("/")
    subpath, _, last = rest.rpartition("/")
    return Identity(part, subpath, last, path)


def _profile_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    return _found(tree, parent, PROFILE, "profile", body)


def _settle_context(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    kind = site.tree.kind_of(PROFILE, site.full_path) or ""
    if kind in SIDES:
        values["context"] = SIDES[kind]


def _profile_refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    return [Ref(PROFILE, site.full_path)]


def _show_profile(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    shown["nameReference"] = {"link": view.link_to(PROFILE, item.full_path)}


PROFILE_BINDING = ObjectType(
    collection="ltm/virtual/profiles",
    word="profile",
    identify=_profile_identity,
    fields=fields(
        Field("context", shapes.one_of("all", "clientside", "serverside"), "all"),
        Field("nameReference", shapes.opaque, access="server"),
    ),
    settle=_settle_context,
    refs=_profile_refs,
    show=_show_profile,
)


def _policy_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    called = _found(tree, parent, "ltm/policy", "Policy", body)
    check_in_force(tree, called.full_path, parent.full_path if parent else "")
    return called


def _policy_refs(site: Site, values: Mapping[str, JSON]) -> Iterable[Ref]:
    return [Ref("ltm/policy", site.full_path)]


def _show_policy(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    shown["nameReference"] = {"link": view.link("ltm/policy", item.full_path)}


POLICY_BINDING = ObjectType(
    collection="ltm/virtual/policies",
    word="Policy",
    identify=_policy_identity,
    fields=fields(Field("nameReference", shapes.opaque, access="server")),
    refs=_policy_refs,
    show=_show_policy,
)


def settle_profiles(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    """Completes the profiles of a virtual server with the protocol profile that it must have, and checks the set.

    Raises:
        Refused: they exclude each other or the protocol, or one that is needed is missing.
    """
    if site.before is not None and not given & {"profiles", "policies", "persist", "ipProtocol"}:
        return
    profiles = children["profiles"]
    kinds = {path: site.tree.kind_of(PROFILE, path) or "" for path in profiles}
    protocols = [path for path, kind in kinds.items() if kind in PROTOCOL_OF]
    others = [path for path, kind in kinds.items() if kind not in PROTOCOL_OF]
    if protocols == [FORWARDING] and others and "ipProtocol" not in given:
        # The profile that the device had chosen gives way to what the new ones stand on.
        del profiles[FORWARDING]
        protocols = []
    if not protocols:
        default = STANDARD.get(values["ipProtocol"], FORWARDING) if others else FORWARDING
        if site.tree.kind_of(PROFILE, default) is not None:
            profiles[default] = compose_child(site.tree, _shell(site), "profiles", {"name": default}, {})
            protocols, kinds[default] = [default], site.tree.kind_of(PROFILE, default) or ""
    _check_protocol(site, values, {path: kinds[path] for path in protocols}, profiles, given)
    _check_needed(site, values, children, set(kinds.values()))


def _shell(site: Site) -> Item:
    return site.before or Item(site.type, site.partition, site.subpath, site.name, site.full_path, 0, {})


def _check_protocol(
    site: Site, values: dict[str, JSON], protocols: Mapping[str, str], bound: Mapping[str, Item], given: frozenset[str]
) -> None:
    sides = [bound[path].values["context"] for path in protocols]
    if len(sides) > 1 and sorted(sides) != ["clientside", "serverside"]:
        raise errors.incompatible_profiles(site.full_path)
    needed = {PROTOCOL_OF[kind] for kind in protocols.values()} - {""}
    if not needed or values["ipProtocol"] in needed:
        return
    if values["ipProtocol"] == "any" and "ipProtocol" not in given:
        values["ipProtocol"] = min(needed)
    else:
        raise errors.incompatible_profiles(site.full_path)


def _check_needed(site: Site, values: Mapping[str, JSON], children: Children, kinds: set[str]) -> None:
    if any(not below & kinds for kind, below in STANDS_ON.items() if kind in kinds):
        raise errors.incompatible_profiles(site.full_path)
    _check_http2(site, children["profiles"], kinds)
    if "ltm/profile/http" in kinds:
        return
    for kind in ON_HTTP:
        if kind in kinds:
            raise errors.configuration(
                f"In Virtual Server ({site.full_path}) an http virtual server profile is required for a "
                f"{kind.rpartition('/')[2]} profile."
            )
    wants = False
    for path in children["policies"]:
        policy = site.tree.get("ltm/policy", path)
        wants = wants or (policy is not None and "http" in (policy.values.get("requires") or ()))
    for entry in values.get("persist") or ():
        path = f"/{entry.get('partition', 'Common')}/{entry['name']}"
        wants = wants or site.tree.kind_of("ltm/persistence", path) == "ltm/persistence/cookie"
    if wants:
        raise errors.configuration("Required profile profile_http not present")


def _check_http2(site: Site, profiles: Mapping[str, Item], kinds: set[str]) -> None:
    """HTTP/2 is agreed on in the TLS handshake, and never renegotiated (RFC 9113, section 9.2.1).

    Source: iControl REST, ltm profile http2; the sentences are assumed.
    """
    http2 = next(filter(None, (site.tree.get("ltm/profile/http2", path) for path in profiles)), None)
    if http2 is None or http2.values.get("enforceTlsRequirements") == "disabled":
        return
    if "alpn" in (http2.values.get("activationModes") or ()) and "ltm/profile/client-ssl" not in kinds:
        raise errors.configuration(
            f"In Virtual Server ({site.full_path}) http2 specified activation mode requires a client SSL profile"
        )
    for path in profiles:
        tls = site.tree.get("ltm/profile/client-ssl", path)
        if tls is not None and tls.values.get("renegotiation") != "disabled":
            raise errors.configuration(
                f"In Virtual Server ({site.full_path}) http2 enforces TLS requirements: "
                f"renegotiation must be disabled in clientssl profile ({path})"
            )
