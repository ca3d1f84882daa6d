"""Application services made from iApp templates. The device refuses them inside transactions."""

from __future__ import annotations

from typing import Any

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import DESCRIPTION, Body, Change, Codec, Field, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import IAppService, IAppTable

RERUN: Body = {"executeAction": "definition"}
"""Has the template's implementation run again; without it a change stays without effect."""

_DEFAULTS = {
    "trafficGroup": "/Common/traffic-group-1",
    "deviceGroup": "none",
    "strictUpdates": "enabled",
}
"""Settings of a service that a manifest may give, and what they are when it does not.

Source: BIG-IP 14.1, sys application service.
"""

_INHERITS = {"trafficGroup": "inheritedTrafficGroup", "deviceGroup": "inheritedDevicegroup"}
"""The keys that say whether a setting is the folder's."""


def _read_options(raw: Wire, _: Scene) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, str(raw[key])) for key in _DEFAULTS if _is_own(key, raw)))


def _is_own(key: str, raw: Wire) -> bool:
    """Whether a setting was given to the service, rather than inherited or left at its default."""
    if raw.get(key) is None:
        return False
    inherits = str(raw.get(_INHERITS.get(key, ""), ""))
    return inherits == "false" or (inherits != "true" and str(raw[key]) != _DEFAULTS[key])


def _write_options(service: IAppService, change: Change) -> Body:
    # The description bears the mark and is nobody's option.
    wanted: Body = {key: value for key, value in service.options if key != "description"}
    given = {_INHERITS[key]: "false" for key in wanted if key in _INHERITS}
    before = dict(change.before.options) if isinstance(change.before, IAppService) else {}
    dropped: Body = {}
    for key in before.keys() - wanted.keys():
        dropped |= {_INHERITS[key]: "true"} if key in _INHERITS else {key: _DEFAULTS[key]}
    return {**given, **dropped, **wanted}


def _read_variables(raw: Wire, _: Scene) -> tuple[tuple[str, str], ...]:
    found = values.listed(raw.get("variables"))
    return tuple(sorted((str(v.get("name", "")), str(v.get("value", ""))) for v in found))


def _write_variables(service: IAppService, _: Change) -> Body:
    return {"variables": [{"name": n, "encrypted": "no", "value": v} for n, v in sorted(service.variables)]}


def _read_table(raw: Wire) -> IAppTable:
    rows = tuple(tuple(str(cell) for cell in row.get("row") or ()) for row in values.listed(raw.get("rows")))
    return IAppTable(str(raw.get("name", "")), tuple(str(c) for c in raw.get("columnNames") or ()), rows)


def _write_tables(service: IAppService, _: Change) -> Body:
    tables: list[dict[str, Any]] = [
        {"name": t.name, "columnNames": list(t.columns), "rows": [{"row": list(row)} for row in t.rows]}
        for t in sorted(service.tables)
    ]
    return {"tables": tables}


IAPP = Codec(
    kind=IAppService.KIND,
    type=IAppService,
    fields=(
        DESCRIPTION,
        Field(
            "template",
            ("template",),
            lambda r, _: values.text(r.get("template")),
            lambda s, _: {"template": s.template},
        ),
        Field("options", (*_DEFAULTS, *_INHERITS.values()), _read_options, _write_options),
        Field("variables", ("variables",), _read_variables, _write_variables),
        Field(
            "tables",
            ("tables",),
            lambda r, _: tuple(sorted(_read_table(t) for t in values.listed(r.get("tables")))),
            _write_tables,
        ),
    ),
    makes_folder=True,
)
