"""Which monitors watch a pool, a member or a node: "/P/a and /P/b" or "min 2 of { /P/a /P/b /P/c }"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bigipsim.objects.model import ABSENT, JSON, Ref, Site
from bigipsim.objects.shapes import NOTHING
from bigipsim.rest import errors

FAMILY = "ltm/monitor"
WORD = "monitor rule"

_MIN = re.compile(r"min\s+(\d+)\s+of\s+\{?([^{}]*)\}?")


def monitor_rule(name: str, value: JSON, site: Site) -> JSON:
    """The rule with absolute paths; "none", "" and, on a pool, "default" unset it. On nodes and members "default"
    stands for the monitor of the pool and "/Common/none" for no monitor at all."""
    if isinstance(value, list):
        value = " and ".join(map(str, value))
    if value in NOTHING:
        value = "/Common/none" if value == "none" and site.type.collection != "ltm/pool" else ""
    if not isinstance(value, str):
        raise errors.invalid_value(name, value)
    text = value.strip()
    if text in ("", "default"):
        return ABSENT
    if text == "/Common/none":
        return text
    minimum = _MIN.fullmatch(text)
    words = minimum[2].split() if minimum else re.split(r"\s+and\s+", text)
    paths = list(dict.fromkeys(site.resolve(FAMILY, WORD, word) for word in words))
    if not paths:
        raise errors.identifier_needed()
    if site.type.collection.startswith("ltm/pool"):
        for path in paths:
            if site.tree.kind_of(FAMILY, path) == "ltm/monitor/icmp":
                raise errors.configuration(f'The monitor "{path}" watches nodes and cannot be used with a pool.')
    return f"min {minimum[1]} of {{ {' '.join(paths)} }}" if minimum else " and ".join(paths)


def monitor_refs(rule: JSON) -> Iterable[Ref]:
    """The monitors that a rule names."""
    if not isinstance(rule, str):
        return []
    return [Ref(FAMILY, word) for word in rule.split() if word.startswith("/") and word != "/Common/none"]
