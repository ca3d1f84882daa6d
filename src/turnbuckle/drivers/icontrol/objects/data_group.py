"""Internal data groups: tables that are part of the configuration."""

from __future__ import annotations

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import DESCRIPTION, Body, Change, Codec, Field, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import DataGroup


def _read_records(raw: Wire, _: Scene) -> frozenset[tuple[str, str]]:
    return frozenset(
        (str(one.get("name", "")), str(one.get("data") or "")) for one in values.listed(raw.get("records"))
    )


def _write_records(group: DataGroup, _: Change) -> Body:
    return {"records": [{"name": name, "data": data} for name, data in sorted(group.records)]}


def _write_type(group: DataGroup, change: Change) -> Body:
    # It is given once; older versions refuse to hear it again.
    return {"type": group.type} if change.before is None else {}


DATA_GROUP = Codec(
    kind=DataGroup.KIND,
    type=DataGroup,
    fields=(
        DESCRIPTION,
        Field("type", ("type",), lambda raw, _: values.text(raw.get("type")), _write_type),
        Field("records", ("records",), _read_records, _write_records),
    ),
)
