"""How tables of properties are written here: `name value` pairs, separated by commas.

A bare number is a number on the wire, a quoted one a text, a bare word a text:
`abc enabled, initCwnd 10, delay "0"`.
"""

from __future__ import annotations

from typing import Any


def properties(text: str) -> dict[str, Any]:
    """The properties of a table."""
    found: dict[str, Any] = {}
    for pair in text.split(","):
        name, _, value = " ".join(pair.split()).partition(" ")
        if name:
            found[name] = int(value) if value.isdecimal() else value.strip('"')
    return found
