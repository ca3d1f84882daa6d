"""An application service, whose member table follows the pool that its template will make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kit import facts
from turnbuckle.model.claim import Claim, IAppKey, IAppSettings
from turnbuckle.model.ltm import IAppService, IAppTable, Member

_AS_MADE = frozenset({("strictUpdates", "enabled")})
"""Options that say what a service has anyway; they read back as not set, and would differ for ever."""


class IAppComposer:
    """The service with the members' rows filled in."""

    key = IAppKey
    when_owner_errs: Literal["follow", "hold"] = "hold"

    def compose(self, key: IAppKey, claims: Sequence[Claim], look: Look) -> Composition:
        """The application service of the oldest claim."""
        want: IAppSettings = claims[0].want
        found: frozenset[Member] = look.made(want.pool) or frozenset()
        endpoints = sorted((member.address, member.port) for member in found if not member.draining)
        rows = tuple(
            tuple(_cell(fill, address, port) for _, fill in want.member_columns) for address, port in endpoints
        )
        members = IAppTable(want.member_table, tuple(name for name, _ in want.member_columns), rows)
        tables = [IAppTable(name, columns, rows) for name, columns, rows in want.tables]
        service = IAppService(
            key.name,
            facts.mark_for(look, claims[0].owner),
            template=want.template,
            options=tuple(option for option in want.options if option not in _AS_MADE),
            variables=want.variables,
            tables=tuple(sorted([members, *tables])),
        )
        return Composition(objects=(service,))


COMPOSER = IAppComposer()


def _cell(fill: str, address: str, port: int) -> str:
    match fill:
        case "IPAddress":
            return address
        case "Port":
            return str(port)
        case constant:
            return constant.removeprefix("=")
