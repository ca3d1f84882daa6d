"""Names as k8s-bigip-ctlr 2.x forms them from what users write, for Services and custom resources."""

from __future__ import annotations

_OTHERWISE = {ord(c): "_" for c in ".:/-=+"} | {ord("%"): ".", ord("["): "", ord("]"): ""}


def formatted(text: str) -> str:
    """A name with underscores in the place of what a BIG-IP's names cannot have; a route domain stays, after a dot."""
    return text.translate(_OTHERWISE).replace("*_", "")
