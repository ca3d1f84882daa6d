"""Virtual servers. Their addresses are objects that the device makes and removes by itself."""

from __future__ import annotations

from typing import cast

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.codec import METADATA, Body, Change, Codec, Field, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import Context, ProfileUse, VirtualServer

_HOST_MASKS = {4: "255.255.255.255", 6: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}
_ANY_SOURCES = {4: "0.0.0.0", 6: "::"}


def _destination(raw: Wire, scene: Scene) -> tuple[str, int]:
    host, port = values.split_port(str(raw.get("destination", "")).rpartition("/")[2])
    return values.address(host, scene.domain_of(values.full_path(raw))), port


def _write_destination(virtual: VirtualServer, change: Change) -> Body:
    partition, _, _ = uri.split(virtual.name)
    host, _, domain = virtual.destination_address.partition("%")
    family = 6 if ":" in host else 4
    found = {"destination": f"/{partition}/{values.join_port(virtual.destination_address, virtual.port)}"}
    before = cast("VirtualServer | None", change.before)
    if before is None or before.destination_address != virtual.destination_address:
        # Mask and source have the family and the route domain of the destination, or the device refuses.
        found["mask"] = _HOST_MASKS[family]
        found["source"] = f"{_ANY_SOURCES[family]}{'%' + domain if domain else ''}/0"
    return found


def _read_profiles(raw: Wire, _: Scene) -> frozenset[ProfileUse]:
    items = values.listed(raw.get("profilesReference") or raw.get("profiles"))
    return frozenset(
        ProfileUse(values.full_path(item), cast(Context, values.text(item.get("context")) or "all")) for item in items
    )


def _write_profiles(virtual: VirtualServer, _: Change) -> Body:
    return {"profiles": [{"name": use.name, "context": use.context} for use in sorted(virtual.profiles)]}


def _write_protocol(virtual: VirtualServer, change: Change) -> Body:
    # The protocol's profile has to change in the same request.
    return {"ipProtocol": virtual.protocol, **_write_profiles(virtual, change)}


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


VIRTUAL = Codec(
    kind=VirtualServer.KIND,
    type=VirtualServer,
    fields=(
        METADATA,
        Field("destination_address", ("destination",), lambda r, s: _destination(r, s)[0], _write_destination),
        Field("port", ("destination",), lambda r, s: _destination(r, s)[1], _write_destination),
        Field("protocol", ("ipProtocol",), lambda r, _: values.text(r.get("ipProtocol")) or "any", _write_protocol),
        Field("profiles", ("profilesReference",), _read_profiles, _write_profiles),
        Field("pool", ("pool",), lambda r, _: values.text(r.get("pool")), _write_pool),
        Field("snat", ("sourceAddressTranslation",), _read_snat, _write_snat),
        Field("persistence", ("persist",), _read_persistence, _write_persistence),
    ),
    inner_keys=("name", "partition", "subPath", "fullPath", "context", "generation"),
)
