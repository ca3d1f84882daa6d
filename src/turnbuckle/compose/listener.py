"""One virtual server for each destination; of several who want it the oldest has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kit import facts
from turnbuckle.kit.addresses import destination
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import Claim, ListenerKey, ListenerSettings
from turnbuckle.model.ltm import ProfileUse, VirtualServer


class ListenerComposer:
    """The virtual server of the oldest claim."""

    key = ListenerKey
    when_owner_errs: Literal["follow", "hold"] = "hold"

    def compose(self, key: ListenerKey, claims: Sequence[Claim], look: Look) -> Composition:
        """The virtual server; whoever else wants the destination is told who has it. `made` is the winner."""
        first, *others = claims
        want: ListenerSettings = first.want
        server = VirtualServer(
            want.name,
            facts.mark_for(look, first.owner),
            destination_address=key.address,
            port=key.port,
            protocol="udp" if key.protocol == "udp" else "tcp",
            pool=want.pool,
            profiles=frozenset(
                ProfileUse(name, "clientside" if context == "clientside" else "all") for name, context in want.profiles
            ),
            snat=want.snat,
            persistence=want.persistence,
        )
        taken = destination(key.address, key.port)
        issues = tuple(
            issues_of.address_taken(
                claim.owner, claim.want.field, taken, str(first.owner), issues_of.why_first(first.age, claim.age)
            )
            for claim in others
        )
        return Composition(objects=(server,), issues=issues, made=first.owner)


COMPOSER = ListenerComposer()
