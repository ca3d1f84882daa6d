"""How a server for names is written: as with the original, the flag alone means this machine's own way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from turnbuckle.config import forms
from turnbuckle.config.forms import Flaw, Form, port_flaw
from turnbuckle.model.issue import quoted

LOOKUP = "LOOKUP"
"""What stands for the look-up of the machine, or of the pod."""

PORT = 53

_PARTS = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,9}))?")


def name_server() -> Form[str]:
    """LOOKUP, or a DNS server by its name or address, perhaps with a port."""

    def parse(texts: Sequence[str]) -> str | Flaw:
        given = texts[-1].strip()
        if given.upper() == LOOKUP:
            return LOOKUP
        host, port = split_name_server(given)
        if not host or isinstance(forms.host().parse([host]), Flaw):
            hint = "Write LOOKUP, or a name or address, perhaps with :PORT; [ADDRESS]:PORT for IPv6."
            return Flaw(f"is {quoted(given)}, which is no DNS server.", hint)
        return port_flaw(port) or given

    return replace(forms.text("SERVER"), parse=parse, bare=LOOKUP)


def split_name_server(text: str) -> tuple[str, int]:
    """Host and port; the host is empty where the text names none."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, PORT
    found = _PARTS.fullmatch(text)
    if found is None:
        return "", PORT
    return found["ipv6"] or found["name"], int(found["port"] or PORT)
