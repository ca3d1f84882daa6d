"""Who may listen on an address: a BIG-IP has each address in one partition, and the oldest claim says which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import AddressKey, Claim, ListenerKey, ListenerSettings


class AddressComposer:
    """Passes claims on to their destinations, but for those from other partitions than the address's."""

    key = AddressKey
    when_owner_errs: Literal["follow", "hold"] = "hold"

    def compose(self, key: AddressKey, claims: Sequence[Claim], look: Look) -> Composition:
        """Claims on ListenerKeys; `made` is the partition of the address and whose word that is.

        The virtual address itself is made by the device with the first virtual server on it.
        """
        first: ListenerSettings = claims[0].want
        passed, issues = [], []
        for claim in claims:
            want: ListenerSettings = claim.want
            if want.partition == first.partition:
                listener = ListenerKey(key.address, want.port, want.protocol)
                passed.append(Claim(claim.owner, claim.age, listener, want))
            else:
                holder, why = str(claims[0].owner), issues_of.why_first(claims[0].age, claim.age)
                issues.append(
                    issues_of.address_in_other_partition(
                        claim.owner, want.field, key.address, first.partition, holder, why
                    )
                )
        return Composition(claims=tuple(passed), issues=tuple(issues), made=(first.partition, claims[0].owner))


COMPOSER = AddressComposer()
