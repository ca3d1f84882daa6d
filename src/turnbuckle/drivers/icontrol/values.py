"""One form for each value: what the device may write in several ways is read into the way that the model has it.

Nothing here raises on odd input: objects of others may hold anything, and they must be readable too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from turnbuckle.model import mark as marks
from turnbuckle.model.ltm import EXISTING_MONITOR
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path

Wire = Mapping[str, Any]
"""An object as the device sends it: decoded JSON."""

SERVICE_PORTS = {
    "any": 0,
    "*": 0,
    "http": 80,
    "https": 443,
    "domain": 53,
    "ssh": 22,
    "ftp": 21,
    "smtp": 25,
    "ldap": 389,
}
"""Names that the device uses for ports when it was told to."""

_MIN_OF = re.compile(r"min\s+(\d+)\s+of\s+\{?([^}]*)\}?")
_SEALED_IN_TEXT = re.compile(rf"^(?P<text>.*?)\s*\[{marks.NAME} (?P<mark>[^\[\]]+)\]$", re.DOTALL)


def text(value: object) -> str:
    """A string; "none", absent and empty are one."""
    return "" if value is None or value == "none" else str(value)


def number(value: object, default: int = 0) -> int:
    """A whole number, which the device sends as such or as a string of digits."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    return default


def listed(value: object) -> list[Wire]:
    """The objects of a list in any of its forms: a plain list, or a reference with its items expanded."""
    # What JSON was decoded into is a dict, and to ask for any Mapping takes longer, for each of thousands.
    found = value.get("items") if isinstance(value, dict) else value
    if not isinstance(found, list):
        return []
    return [item if isinstance(item, dict) else {"name": str(item)} for item in found]


def full_path(item: Wire, partition: str = "") -> str:
    """The full path of an object or of one that is referred to by name and partition."""
    if isinstance(item.get("fullPath"), str) and str(item["fullPath"]).startswith("/"):
        return str(item["fullPath"])
    name = str(item.get("name", ""))
    if name.startswith("/"):
        return name
    parts = (str(item.get("partition") or partition or "Common"), item.get("subPath"), name)
    return "/" + "/".join(str(part) for part in parts if part)


def address(found: object, default_domain: int = 0) -> str:
    """An address in canonical text; %ID only when it is not the partition's default route domain."""
    host, _, domain = str(found or "").partition("%")
    if not domain and host.count(".") == 3 and host.replace(".", "").isdecimal():
        # IPv4 comes canonical from the device, and there are thousands of members to read.
        return host
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        pass
    return host if not domain or number(domain, -1) == default_domain else f"{host}%{domain}"


def split_port(found: str) -> tuple[str, int]:
    """Address and port of `10.0.0.1:80`, `2001:db8::1.80` or `name:http`; IPv6 has a dot before the port."""
    host, separator, port = found.rpartition("." if found.count(":") > 1 or found.startswith("any6.") else ":")
    if not separator:
        return found, 0
    return host, number(port, SERVICE_PORTS.get(port, 0))


def join_port(host: str, port: int) -> str:
    """The reverse of split_port."""
    return f"{host}{'.' if ':' in host else ':'}{port}"


def monitor_text(found: object) -> str:
    r"""A send or receive string; the device may put a backslash before a colon or a quotation mark."""
    return text(found).replace("\\:", ":").replace('\\"', '"')


def monitor_paths(expression: object, known: Mapping[str, Path]) -> tuple[Path, ...]:
    """The monitors of a pool, sorted, since the device answers them in an order of its own.

    known: full path -> Path. A monitor that is not known has the kind EXISTING_MONITOR.
    """
    whole = text(expression).strip()
    if whole in ("", "default"):
        return ()
    least = _MIN_OF.match(whole)
    names = least[2].split() if least else whole.split(" and ")
    paths = (known.get(name.strip()) or Path(EXISTING_MONITOR, name.strip()) for name in names if name.strip())
    return tuple(sorted(paths))


def monitors_needed(expression: object) -> int:
    """How many monitors of a pool have to be up; 0: all."""
    least = _MIN_OF.match(text(expression).strip())
    return int(least[1]) if least else 0


def monitor_expression(paths: Iterable[Path], needed: int = 0) -> str:
    """The expression for a pool's monitors, of which so many have to be up, 0 for all; "none" without any.

    The device shows it with braces, which some versions refuse to take. Source: BIG-IP, ID645289.
    """
    names = [path.name for path in paths]
    if needed:
        return f"min {needed} of {' '.join(names)}"
    return " and ".join(names) or "none"


def metadata_mark(raw: Wire) -> Mark | None:
    """The mark among an object's metadata."""
    for entry in listed(raw.get("metadata")):
        if entry.get("name") == marks.NAME:
            return marks.parse(str(entry.get("value", "")))
    return None


def with_metadata_mark(standing: object, mark: Mark) -> list[dict[str, Any]]:
    """The metadata list with our entry set; the entries of others stay as they are."""
    others = [dict(entry) for entry in listed(standing) if entry.get("name") != marks.NAME]
    return [*others, {"name": marks.NAME, "value": str(mark)}]


def description_mark(description: object) -> Mark | None:
    """The mark in a description."""
    return split_description(description)[1]


def split_description(description: object) -> tuple[str, Mark | None]:
    """What people wrote into a description, and the mark: all of it, or `[turnbuckle …]` at its end."""
    whole = text(description)
    alone = marks.parse(whole)
    if alone is not None:
        return "", alone
    both = _SEALED_IN_TEXT.match(whole)
    found = marks.parse(both["mark"]) if both else None
    return (both["text"], found) if both and found else (whole, None)


def with_description_mark(words: str, mark: Mark) -> str:
    """The description with our mark; what people wrote stays before it."""
    return f"{words} [{marks.NAME} {mark}]" if words else str(mark)
