"""iApp services, kept with their variables and tables; nothing runs their templates, so they own no objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bigipsim.objects import shapes
from bigipsim.objects.model import ABSENT, JSON, Field, Identity, Item, ObjectType, Site, fields
from bigipsim.objects.writing import Children, identity
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

TEMPLATE = ObjectType(
    collection="sys/application/template",
    word="application template",
    fields=fields(
        Field("actions", shapes.opaque),
        shapes.DESCRIPTION,
        Field("ignoreVerification", shapes.true_false, "false"),
        Field("prerequisiteErrors", shapes.opaque),
        Field("requiresBigipVersionMax", shapes.any_text, "none"),
        Field("requiresBigipVersionMin", shapes.any_text, "none"),
        Field("requiresModules", shapes.texts),
        Field("templateChecksum", shapes.opaque),
        Field("totalSigningStatus", shapes.any_text, "not-all-signed"),
        Field("tmplSignature", shapes.opaque),
        Field("tmplChecksum", shapes.opaque),
    ),
)


def _variables(name: str, value: JSON, site: Site) -> JSON:
    entries = shapes.objects(name, value, site)
    if entries is ABSENT:
        return ABSENT
    if not all(isinstance(entry.get("name"), str) for entry in entries):
        raise errors.identifier_needed()
    return [{"encrypted": "no", **entry} for entry in sorted(entries, key=lambda entry: str(entry["name"]))]


def _tables(name: str, value: JSON, site: Site) -> JSON:
    entries = shapes.objects(name, value, site)
    if entries is ABSENT:
        return ABSENT
    return [_table(entry) for entry in sorted(entries, key=lambda entry: str(entry.get("name")))]


def _table(entry: Mapping[str, JSON]) -> JSON:
    if not isinstance(entry.get("name"), str):
        raise errors.identifier_needed()
    columns = entry.get("columnNames") or []
    for row in entry.get("rows") or []:
        if columns and len(row.get("row", ())) != len(columns):
            message = (
                "Invalid table, the number of row elements does not match the number of column headers in table "
                f"{entry['name']}"
            )
            raise errors.refusal(400, message, errors.GRAMMAR)
    return {key: value for key, value in entry.items() if value != []}


def _service_identity(tree: Tree, body: Mapping[str, JSON], parent: Item | None = None) -> Identity:
    """A service lives in a folder of its own, "name.app", which comes and goes with it."""
    called = identity(tree, body, parent)
    if called.subpath:
        return called
    folder = f"{called.name}.app"
    path = f"/{called.partition}/{folder}"
    if tree.get("sys/folder", path) is None and tree.get("sys/folder", f"/{called.partition}") is not None:
        tree.make("sys/folder", {"name": path})
    return Identity(called.partition, folder, called.name, f"{path}/{called.name}")


def _settle(site: Site, values: dict[str, JSON], children: Children, given: frozenset[str]) -> None:
    values.pop("executeAction", None)
    if "template" not in values:
        raise errors.identifier_needed()
    if "trafficGroup" in given and "inheritedTrafficGroup" not in given:
        values["inheritedTrafficGroup"] = "false"


def _effects(tree: Tree, before: Item | None, after: Item | None) -> None:
    if before is None or after is not None:
        return
    folder = tree.get("sys/folder", before.folder)
    if folder is not None and not tree.residents(before.folder):
        tree.put("sys/folder", folder.full_path, folder, None)


SERVICE = ObjectType(
    collection="sys/application/service",
    word="application service",
    identify=_service_identity,
    fields=fields(
        shapes.DESCRIPTION,
        Field("deviceGroup", shapes.any_text, "none"),
        Field("executeAction", shapes.any_text),
        Field("inheritedDevicegroup", shapes.true_false, "true"),
        Field("inheritedTrafficGroup", shapes.true_false, "true"),
        Field("lists", shapes.objects),
        shapes.METADATA,
        Field("strictUpdates", shapes.enabled, "enabled"),
        Field("tables", _tables),
        shapes.pointer("template", "sys/application/template", "application template"),
        Field("templateModified", shapes.yes_no, "no"),
        Field("templatePrerequisiteErrors", shapes.any_text, access="server"),
        shapes.pointer("trafficGroup", "cm/traffic-group", "traffic group", "/Common/traffic-group-1"),
        Field("variables", _variables),
    ),
    settle=_settle,
    effects=_effects,
)

TYPES = (TEMPLATE, SERVICE)
