"""The shapes that properties have: what a request may hold for each, and how the device stores it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from bigipsim.objects.model import ABSENT, JSON, Field, Ref, Shape, Site
from bigipsim.rest import errors

NOTHING: tuple[JSON, ...] = (None, "", "none", [])
"""What unsets a property in a request."""

MAX_TEXT = 65535


def text(name: str, value: JSON, site: Site) -> JSON:
    """Free text; "" and "none" unset it."""
    if value in NOTHING:
        return ABSENT
    return any_text(name, value, site)


def any_text(name: str, value: JSON, site: Site) -> JSON:
    """Text that is kept whatever it says; numbers become text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise errors.invalid_value(name, value)
    written = str(value)
    if len(written) > MAX_TEXT:
        message = "01020057:3: The string with more than 65535 characters cannot be stored in a message."
        raise errors.refusal(400, message, errors.DATABASE)
    return written


def secret(name: str, value: JSON, site: Site) -> JSON:
    """A password: the object holds its sealed form, which says nothing and changes nothing when it is sent back."""
    written = text(name, value, site)
    return site.tree.files.seal(written) if isinstance(written, str) else written


def opaque(name: str, value: JSON, site: Site) -> JSON:
    """Anything; kept as it is, and unset by nothing."""
    return ABSENT if value in NOTHING else value


def integer(low: int = 0, high: int = 2**32 - 1) -> Shape:
    """A whole number, also from digits in a text."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if isinstance(value, str) and value.lstrip("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise errors.invalid_value(name, value)
        return value

    return shape


def one_of(*words: str) -> Shape:
    """One word out of a few."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if not isinstance(value, str) or value not in words:
            raise errors.invalid_value(name, value)
        return value

    return shape


def number_or(*words: str) -> Shape:
    """A number as text, or one of a few words."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        written = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if written not in words and not written.isdecimal():
            raise errors.invalid_value(name, value)
        return written

    return shape


enabled = one_of("enabled", "disabled")
yes_no = one_of("yes", "no")
true_false = one_of("true", "false")


def flag(name: str, value: JSON, site: Site) -> JSON:
    """A presence flag: true shows it, false is its absence."""
    if value not in (True, False, "true", "false"):
        raise errors.invalid_value(name, value)
    return True if value in (True, "true") else ABSENT


def texts(name: str, value: JSON, site: Site) -> JSON:
    """A list of texts; one text stands for a list of one. An empty list unsets it."""
    if value in NOTHING:
        return ABSENT
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int) for one in listed):
        raise errors.invalid_value(name, value)
    return [str(one) for one in listed]


def objects(name: str, value: JSON, site: Site) -> JSON:
    """A list of JSON objects; an empty list unsets it."""
    if value in NOTHING:
        return ABSENT
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise errors.invalid_value(name, value)
    return value


def mapping(name: str, value: JSON, site: Site) -> JSON:
    """A JSON object."""
    if not isinstance(value, dict):
        raise errors.invalid_value(name, value)
    return value


def metadata(name: str, value: JSON, site: Site) -> JSON:
    """Name, value, and whether it is kept over a restart; sorted by name, as the device returns it."""
    entries: dict[str, JSON] = {}
    for entry in [] if value in NOTHING else value if isinstance(value, list) else [value]:
        if isinstance(entry, str):
            entry = {"name": entry}
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise errors.identifier_needed()
        strange = set(entry) - {"name", "value", "persist"}
        if strange:
            raise errors.unknown_property(min(strange))
        stored = {"name": entry["name"], "persist": str(entry.get("persist", "true")).lower()}
        if entry.get("value") not in (None, ""):
            stored["value"] = any_text("value", entry["value"], site)
        entries[stored["name"]] = stored
    return [entries[key] for key in sorted(entries)] or ABSENT


def points_at(family: str, word: str) -> Shape:
    """The full path of one object; "", "none" and null unset it."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        return ABSENT if value in NOTHING else site.resolve(family, word, value)

    return shape


def points_at_many(family: str, word: str) -> Shape:
    """The full paths of objects, in the order of the request, each once."""

    def shape(name: str, value: JSON, site: Site) -> JSON:
        if value in NOTHING:
            return ABSENT
        listed = value if isinstance(value, list) else [value]
        return list(dict.fromkeys(site.resolve(family, word, one) for one in listed))

    return shape


def pointer(name: str, family: str, word: str, default: JSON = ABSENT) -> Field:
    """A property that names one object."""
    return Field(name, points_at(family, word), default, refs=lambda value: path_refs(family, value), family=family)


def pointers(name: str, family: str, word: str) -> Field:
    """A property that lists objects."""
    return Field(name, points_at_many(family, word), refs=lambda value: path_refs(family, value), family=family)


def or_none(shape: Shape) -> Shape:
    """A property that says "none" where others leave the key out, as those of profiles do."""

    def shaped(name: str, value: JSON, site: Site) -> JSON:
        return "none" if value in NOTHING else shape(name, value, site)

    return shaped


def pointer_or_none(name: str, family: str, word: str) -> Field:
    """A property that names one object, or "none"."""
    shape = or_none(points_at(family, word))
    return Field(name, shape, refs=lambda value: path_refs(family, value), family=family)


def path_refs(family: str, value: JSON) -> Iterable[Ref]:
    """The references in a path or a list of paths; anything else, which a recording may hold, has none."""
    listed = value if isinstance(value, list) else [value]
    return [Ref(family, one) for one in listed if isinstance(one, str) and one.startswith("/")]


def network(name: str, value: JSON, site: Site) -> JSON:
    """A network in CIDR form, with a route domain before the slash where one was written."""
    if not isinstance(value, str):
        raise errors.invalid_value(name, value)
    base, slash, bits = value.partition("/")
    host, percent, domain = base.partition("%")
    try:
        parsed = ipaddress.ip_network(f"{host}/{bits}" if slash else host, strict=False)
    except ValueError:
        raise errors.invalid_address(value) from None
    return f"{parsed.network_address}{percent}{domain}/{parsed.prefixlen}"


DESCRIPTION = Field("description", text)
METADATA = Field("metadata", metadata)
APP_SERVICE = Field("appService", opaque, access="server")
