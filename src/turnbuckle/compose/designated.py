"""Our members in a pool that somebody else made: those of all who name the pool, each marked with its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kit import facts
from turnbuckle.model.claim import Claim, DesignatedPoolKey
from turnbuckle.model.ltm import DesignatedPool, Member


class DesignatedPoolComposer:
    """The union of the members; where two want the same one, the older owns it."""

    key = DesignatedPoolKey
    when_owner_errs: Literal["follow", "hold"] = "follow"

    def compose(self, key: DesignatedPoolKey, claims: Sequence[Claim], look: Look) -> Composition:
        """One DesignatedPool, marked with the oldest owner; each member with its own.

        A claim that wants None is of somebody of whom it is not known what they want.
        """
        settings = facts.settings(look)
        partition = "Common" if settings.share_nodes else key.name.split("/")[1]
        members: dict[tuple[str, int], Member] = {}
        for claim in claims:
            mark = facts.mark_for(look, claim.owner)
            for address, port, draining in claim.want or ():
                members.setdefault((address, port), Member(address, port, partition, draining=draining, mark=mark))
        owners = frozenset(str(claim.owner) for claim in claims if claim.want is not None)
        mark = facts.mark_for(look, claims[0].owner)
        pool = DesignatedPool(key.name, mark, frozenset(members.values()), owners=owners)
        return Composition(objects=(pool,))


COMPOSER = DesignatedPoolComposer()
