"""Virtual servers. Their addresses are objects that the device makes and removes by itself.

Profiles, policies and iRules are lists that we share: with the owners of single profiles, whose bindings are objects of
their own, and with operators who attach policies and iRules of theirs. So what is not ours there is repeated when such
a list is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.codec import METADATA, Body, Change, Codec, Field, Scene
from turnbuckle.drivers.icontrol.objects.binding import bindings, context_of
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import IRule, LtmObject, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Policy
from turnbuckle.model.state import Path
from turnbuckle.model.tls import default_profile

_HOST_MASKS = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}
_ANY_SOURCES = {4: "0.0.0.0", 6: "::"}


def _destination(raw: Wire, scene: Scene) -> tuple[str, int]:
    host, port = values.split_port(str(raw.get("destination", "")).rpartition("/")[2])
    return values.address(host, scene.domain_of(values.full_path(raw))), port


def _write_destination(virtual: VirtualServer, change: Change) -> Body:
    partition, _, _ = uri.split(virtual.name)
    found = {"destination": f"/{partition}/{values.join_port(virtual.destination_address, virtual.port)}"}
    before = cast("VirtualServer | None", change.before)
    if before is None or before.destination_address != virtual.destination_address:
        # Mask and source have the family and the route domain of the destination, or the device refuses.
        found["mask"] = _HOST_MASKS[_family(virtual)]
        found |= _write_source(virtual, change)
    return found


def _family(virtual: VirtualServer) -> int:
    return 6 if ":" in virtual.destination_address else 4


def _halves(prefix: str) -> tuple[str, str]:
    host, _, length = prefix.partition("/")
    return host, length


def _read_source(raw: Wire, _: Scene) -> str:
    host, length = _halves(values.text(raw.get("source")))
    return f"{host.partition('%')[0]}/{length}" if length not in ("", "0") else ""


def _write_source(virtual: VirtualServer, _: Change) -> Body:
    host, length = _halves(virtual.source)
    domain = virtual.destination_address.partition("%")[2]
    prefix = f"{host or _ANY_SOURCES[_family(virtual)]}{'%' + domain if domain else ''}/{length or 0}"
    return {"source": prefix}


def _items(raw: Wire) -> list[Wire]:
    return values.listed(raw.get("profilesReference") or raw.get("profiles"))


def _read_default_ssl(raw: Wire, _: Scene) -> str:
    wanted = default_profile(values.full_path(raw))
    marked = values.metadata_mark(raw) is not None
    return wanted if marked and any(values.full_path(item) == wanted for item in _items(raw)) else ""


def _read_profiles(raw: Wire, scene: Scene) -> frozenset[ProfileUse]:
    own = {binding.profile for binding in _bindings(raw, scene)} | {_read_default_ssl(raw, scene)}
    uses = (ProfileUse(values.full_path(item), context_of(item)) for item in _items(raw))
    return _kept_once(frozenset(use for use in uses if use.name not in own))


@lru_cache(256)
def _kept_once(uses: frozenset[ProfileUse]) -> frozenset[ProfileUse]:
    """The same profiles; most virtual servers have the very same few."""
    return uses


def _bindings(raw: Wire, scene: Scene) -> Iterable[Any]:
    return bindings(_items(raw), values.full_path(raw), values.metadata_mark(raw), scene)


def _parts(raw: Wire, _: VirtualServer, scene: Scene) -> Iterable[LtmObject]:
    return _bindings(raw, scene)


def _write_profiles(virtual: VirtualServer, change: Change) -> Body:
    uses = [(use.name, use.context) for use in sorted(virtual.profiles)]
    uses += [(virtual.default_ssl, "clientside")] if virtual.default_ssl else []
    before = cast("VirtualServer | None", change.before)
    known = {use.name for use in before.profiles} | {before.default_ssl} if before is not None else set()
    known |= {name for name, _ in uses}
    standing = ((values.full_path(item), context_of(item)) for item in _items(change.standing))
    uses += [(name, context) for name, context in standing if name not in known]
    return {"profiles": [{"name": name, "context": context} for name, context in uses]}


def _write_protocol(virtual: VirtualServer, change: Change) -> Body:
    # The protocol's profile has to change in the same request.
    return {"ipProtocol": virtual.protocol, **_write_profiles(virtual, change)}


def _attached(raw: Wire) -> list[str]:
    return [values.full_path(item) for item in values.listed(raw.get("policiesReference") or raw.get("policies"))]


def _read_policies(raw: Wire, scene: Scene) -> frozenset[str]:
    """The policies of whoever has the virtual server; those of others were attached by an operator."""
    own = values.metadata_mark(raw)
    marks = {path: scene.marks.get(Path(Policy.KIND, path)) for path in _attached(raw)}
    return frozenset(path for path, mark in marks.items() if own and mark and mark.controller_id == own.controller_id)


def _write_policies(virtual: VirtualServer, change: Change) -> Body:
    before = cast("VirtualServer | None", change.before)
    if not virtual.policies and before is None:
        return {}
    known = virtual.policies | (before.policies if before is not None else frozenset())
    others = [path for path in _attached(change.standing) if path not in known]
    return {"policies": [{"name": path} for path in (*sorted(virtual.policies), *others)]}


def _rules(raw: Wire) -> list[str]:
    found = raw.get("rules")
    return [str(path) for path in found] if isinstance(found, list) else []


def _read_rules(raw: Wire, scene: Scene) -> frozenset[str]:
    """The iRules of whoever has the virtual server."""
    own = values.metadata_mark(raw)
    if own is None:
        return frozenset()
    marks = {path: _mark_of_rule(Path(IRule.KIND, path), scene) for path in _rules(raw)}
    return frozenset(path for path, mark in marks.items() if mark and mark.controller_id == own.controller_id)


def _mark_of_rule(path: Path, scene: Scene) -> Mark | None:
    """Known from the ledger where that was read, else from the iRule."""
    row = scene.row_of(path)
    return row.mark if row is not None else scene.marks.get(path)


def _write_rules(virtual: VirtualServer, change: Change) -> Body:
    """Ours run first, so that an operator's have the last word."""
    before = cast("VirtualServer | None", change.before)
    if not virtual.rules and before is None:
        return {}
    known = virtual.rules | (before.rules if before is not None else frozenset())
    return {"rules": [*sorted(virtual.rules), *(path for path in _rules(change.standing) if path not in known)]}


def _read_snat(raw: Wire, _: Scene) -> str:
    found = raw.get("sourceAddressTranslation")
    found = found if isinstance(found, dict) else {}
    form = values.text(found.get("type")) or "none"
    return form if form in ("none", "automap") else values.text(found.get("pool")) or form


def _write_snat(virtual: VirtualServer, change: Change) -> Body:
    if virtual.snat.startswith("/"):
        return {"sourceAddressTranslation": {"type": "snat", "pool": virtual.snat}}
    before = cast("VirtualServer | None", change.before)
    leaves_pool = before is not None and before.snat.startswith("/")
    cleared = {"pool": "none"} if leaves_pool else {}
    return {"sourceAddressTranslation": {"type": virtual.snat, **cleared}}


def _write_translation(virtual: VirtualServer, change: Change) -> Body:
    if virtual.translate_address and change.before is None:
        return {}
    return {"translateAddress": "enabled" if virtual.translate_address else "disabled"}


def _write_pool(virtual: VirtualServer, change: Change) -> Body:
    if not virtual.pool and change.before is None:
        return {}
    return {"pool": virtual.pool or "none"}


def _read_persistence(raw: Wire, _: Scene) -> str:
    items = values.listed(raw.get("persist"))
    return values.full_path(items[0]) if items else ""


def _write_persistence(virtual: VirtualServer, change: Change) -> Body:
    if not virtual.persistence and change.before is None:
        return {}
    return {"persist": [{"name": virtual.persistence}] if virtual.persistence else []}


def _read_translation(raw: Wire, _: Scene) -> bool:
    return raw.get("translateAddress") != "disabled"


_PROFILES = ("profilesReference",)
_POLICIES = ("policiesReference",)
_RULES = ("rules",)

VIRTUAL = Codec(
    kind=VirtualServer.KIND,
    type=VirtualServer,
    fields=(
        METADATA,
        Field("destination_address", ("destination",), lambda r, s: _destination(r, s)[0], _write_destination),
        Field("port", ("destination",), lambda r, s: _destination(r, s)[1], _write_destination),
        Field(
            "protocol",
            ("ipProtocol",),
            lambda r, _: values.text(r.get("ipProtocol")) or "any",
            _write_protocol,
            _PROFILES,
        ),
        Field("profiles", _PROFILES, _read_profiles, _write_profiles, _PROFILES),
        Field("default_ssl", _PROFILES, _read_default_ssl, _write_profiles, _PROFILES),
        Field("policies", _POLICIES, _read_policies, _write_policies, _POLICIES),
        Field("rules", _RULES, _read_rules, _write_rules, _RULES),
        Field("pool", ("pool",), lambda r, _: values.text(r.get("pool")), _write_pool),
        Field("snat", ("sourceAddressTranslation",), _read_snat, _write_snat),
        Field("translate_address", ("translateAddress",), _read_translation, _write_translation),
        Field("source", ("source",), _read_source, _write_source),
        Field("persistence", ("persist",), _read_persistence, _write_persistence),
    ),
    inner_keys=("name", "partition", "subPath", "fullPath", "context", "generation"),
    parts=_parts,
)
