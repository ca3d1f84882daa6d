"""How pools of addresses are written: in JSON, by label, as F5's IPAM controller takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from turnbuckle.config.forms import Flaw, Form
from turnbuckle.sources import leases_infoblox, leases_pools


def ip_ranges() -> Form[str]:
    """Ranges of addresses by label."""
    return _pools(leases_pools.parse, leases_pools.EXAMPLE)


def infoblox_labels() -> Form[str]:
    """Networks of an Infoblox grid by label."""
    return _pools(leases_infoblox.parse, leases_infoblox.EXAMPLE)


def _pools(parse: Callable[[str], object], example: str) -> Form[str]:
    """A text of any length, as it is given, once it is seen that it describes pools."""

    def checked(texts: Sequence[str]) -> str | Flaw:
        try:
            parse(texts[-1])
        except leases_pools.BadPools as error:
            return Flaw(f"describes no pools of addresses: {error}.", f"Write for example {example}.")
        return texts[-1].strip()

    return Form("JSON", checked)
