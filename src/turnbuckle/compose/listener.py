"""One virtual server for each destination: whose it is, who shares it, and who says what holds for the whole of it.

Claims with the oldest claim's token share its virtual server, policy and certificates; whoever else wants the
destination is told who has it. Nobody who wants TLS shares one with those who do not: the oldest decides, but on port
80 and 443 so does the protocol that is usual there, since a slip in one port must not take it from everybody. What can
only be one for a virtual server is what the oldest claim says that says anything about it; how members are talked to
only those in the oldest claim's namespace may say, since it is for everybody's members. Rules go on to their hosts, so
that a change of one owner composes this listener, which is cheap, and its own hosts only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kit import facts, wildcards
from turnbuckle.kit.addresses import destination
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import (
    AddressKey,
    CertificateFiles,
    CertificateKey,
    Claim,
    HostKey,
    ListenerKey,
    ListenerSettings,
)
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import IRule, LtmObject, ProfileUse, Protocol, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Policy, irule_of
from turnbuckle.model.state import Path
from turnbuckle.model.tls import ClientSsl, ProfileBinding, default_profile


class ListenerComposer:
    """The virtual server of the oldest claim and of those that share it."""

    key = ListenerKey
    when_owner_errs: Literal["follow", "hold"] = "hold"

    def compose(self, key: ListenerKey, claims: Sequence[Claim], look: Look) -> Composition:
        """The virtual server with its policy and its profiles; claims on HostKeys for the rules.

        `made` says whose it is and whose default pool it has, so that who lost one is tried again.
        """
        # Read, so that who loses here is tried again as well when the whole address goes elsewhere.
        look.made(AddressKey(key.address))
        first, where = _first(claims), destination(key.address, key.port)
        sharing = [claim for claim in claims if claim is first or _share(first, claim)]
        issues = [_taken(where, first, claim) for claim in claims if claim is not first and not _share(first, claim)]
        shown, whole = _Shown.of(sharing, look), _Whole.of(sharing)
        issues += whole.issues(where, sharing)
        made = (first.owner, whole.default.owner if whole.default is not None else None)
        if shown.lacks_all:
            # Whoever lacks a certificate has been told by the certificate's own composer.
            return Composition(issues=tuple(issues), failed=True, made=made, stays=shown.stays(first.want))
        server = _server(key, first, whole, facts.mark_for(look, first.owner))
        objects, server = shown.profiles(server, look)
        if server.policies:
            objects += (Policy(first.want.policy, server.mark, requires=frozenset({first.want.needs})),)
        objects += tuple(IRule(rule, server.mark, wildcards.text(whole.fallback(sharing))) for rule in server.rules)
        hosts, stays = whole.hosts(key, sharing), shown.stays(first.want)
        return Composition((*objects, server), tuple(issues), hosts, made, stays=stays)


COMPOSER = ListenerComposer()

_NONE: frozenset[str] = frozenset()
_PROTOCOLS: Mapping[str, Protocol] = {"udp": "udp", "sctp": "sctp"}
_USUALLY_TLS: Mapping[int, bool] = {80: False, 443: True}
_NO_PATHS: frozenset[Path] = frozenset()


@lru_cache(256)
def _uses(wanted: frozenset[tuple[str, Any]]) -> frozenset[ProfileUse]:
    """The profiles of a virtual server; most have the very same few, which are kept once."""
    return frozenset(ProfileUse(name, context) for name, context in wanted)


def _first(claims: Sequence[Claim]) -> Claim:
    """Whose the virtual server is: the oldest claim's; where TLS meets plain HTTP, that of who wants the usual."""
    oldest = claims[0]
    could = [claim for claim in claims if _could_share(oldest, claim)]
    usual = (claim for claim in could if _USUALLY_TLS.get(claim.want.port) is claim.want.secure)
    return next(usual, oldest)


def _could_share(first: Claim, other: Claim) -> bool:
    return bool(first.want.share) and first.want.share == other.want.share


def _share(first: Claim, other: Claim) -> bool:
    return _could_share(first, other) and first.want.secure is other.want.secure


def _taken(where: str, first: Claim, other: Claim) -> Issue:
    why = issues_of.why_first(first.age, other.age)
    if _could_share(first, other):
        field, holder = other.want.port_field, str(first.owner)
        if first.want.port in _USUALLY_TLS:
            why = issues_of.USUAL
        return issues_of.port_speaks_otherwise(other.owner, field, where, holder, first.want.secure, why)
    return issues_of.address_taken(other.owner, other.want.field, where, str(first.owner), why)


def _server(key: ListenerKey, first: Claim, whole: _Whole, mark: Mark) -> VirtualServer:
    want: ListenerSettings = first.want
    return VirtualServer(
        want.name,
        mark,
        destination_address=key.address,
        port=key.port,
        protocol=_PROTOCOLS.get(key.protocol, "tcp"),
        pool=whole.default.want.pool if whole.default is not None else "",
        profiles=whole.profiles,
        snat=want.snat,
        persistence=want.persistence,
        policies=frozenset({want.policy}) if whole.has_rules else _NONE,
        rules=frozenset({irule_of(want.policy)}) if whole.has_wildcards else _NONE,
        translate_address=whole.translates,
        source=want.source,
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """What holds for the whole of a virtual server: the oldest claim that says each thing; None where nobody does."""

    default: Claim | None
    serverside: Claim | None
    translate: Claim | None
    profiles: frozenset[ProfileUse]
    has_rules: bool
    has_wildcards: bool

    @staticmethod
    def of(sharing: Sequence[Claim]) -> _Whole:
        at_home = [claim for claim in sharing if claim.owner.namespace == sharing[0].owner.namespace]
        default = next((claim for claim in sharing if claim.want.pool or claim.want.rest), None)
        serverside = next((claim for claim in at_home if _serverside(claim.want)), None)
        uses = {use for claim in sharing for use in claim.want.profiles if use[1] != "serverside"}
        uses |= _serverside(serverside.want) if serverside is not None else frozenset()
        return _Whole(
            default,
            serverside,
            next((claim for claim in at_home if claim.want.translate_address is not None), None),
            _uses(frozenset(uses)),
            any(claim.want.hosts for claim in sharing) or (default is not None and default.want.rest is not None),
            any(_has_wildcards(claim.want) for claim in sharing),
        )

    def fallback(self, sharing: Sequence[Claim]) -> str:
        """The pool for hosts that no rule is for, as far as it is one for every path; empty for none.

        Whose the rules for every host are is decided as for any host: see HostComposer.
        """
        hostless = [(claim.owner.namespace, rules) for claim in sharing for host, rules in claim.want.hosts if not host]
        rules = [rule for namespace, found in hostless if namespace == hostless[0][0] for rule in found.rules]
        for_all = [rule.actions[0] for rule in rules if not rule.conditions and len(rule.actions) == 1]
        pools = [action.value for action in for_all if action.act == "forward"]
        default: str = self.default.want.pool if self.default is not None else ""
        return pools[0] if pools else default

    def hosts(self, key: ListenerKey, sharing: Sequence[Claim]) -> tuple[Claim, ...]:
        """Each owner's rules as claims on their hosts."""
        found = [(claim, host, rules) for claim in sharing for host, rules in claim.want.hosts]
        if self.default is not None and self.default.want.rest is not None:
            found.append((self.default, HostKey.REST, self.default.want.rest))
        return tuple(
            Claim(claim.owner, claim.age, HostKey(key.address, key.port, key.protocol, host), rules)
            for claim, host, rules in found
        )

    def issues(self, where: str, sharing: Sequence[Claim]) -> Iterator[Issue]:
        """What those are told whose word does not count."""
        for claim in sharing:
            want: ListenerSettings = claim.want
            if self.default is not None and claim is not self.default and _wants_another_rest(want, self.default.want):
                holder, why = str(self.default.owner), issues_of.why_first(self.default.age, claim.age)
                alone = not want.hosts
                yield issues_of.default_taken(claim.owner, want.pool_field, where, holder, why, alone)
            if _serverside(want) and (
                self.serverside is None or _serverside(want) != _serverside(self.serverside.want)
            ):
                yield _differs(claim, want.profile_field, where, self.serverside or sharing[0])
            if want.translate_address not in (None, self.translates):
                yield _differs(claim, want.translate_field, where, self.translate or sharing[0])

    @property
    def translates(self) -> bool:
        """Whether members see their own address as the destination, as they do where nobody says anything."""
        return self.translate is None or bool(self.translate.want.translate_address)


def _wants_another_rest(want: ListenerSettings, other: ListenerSettings) -> bool:
    return want.rest is not None or want.pool not in ("", other.pool)


def _has_wildcards(want: ListenerSettings) -> bool:
    """Whether some rule for a wildcard needs the iRule that sees to it."""
    watched = (rule.actions for host, found in want.hosts if wildcards.is_wildcard(host) for rule in found.rules)
    return any(map(wildcards.are_watched, watched))


def _serverside(want: ListenerSettings) -> frozenset[tuple[str, Any]]:
    return frozenset(use for use in want.profiles if use[1] == "serverside")


def _differs(claim: Claim, field: str, where: str, holder: Claim) -> Issue:
    why = issues_of.why_first(holder.age, claim.age)
    return issues_of.listener_differs(claim.owner, field, where, str(holder.owner), why)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The certificates that a virtual server shows, oldest claim first, each with that claim; and those it cannot show.

    lacks_first: the one that is to answer by default is missing. lacks_all: it wants one and there is none yet, so that
    there must be no virtual server: it would talk in clear.
    """

    certificates: tuple[tuple[CertificateKey, CertificateFiles, Claim], ...]
    missing: tuple[CertificateKey, ...]
    lacks_first: bool
    lacks_all: bool

    @staticmethod
    def of(sharing: Sequence[Claim], look: Look) -> _Shown:
        wanted: dict[CertificateKey, Claim] = {}
        for claim in sharing:
            for key in claim.want.certificates:
                wanted.setdefault(key, claim)
        made = {key: look.made(key) for key in wanted}
        found = tuple((key, made[key], claim) for key, claim in wanted.items() if made[key] is not None)
        missing = tuple(key for key in wanted if made[key] is None)
        secure = any(claim.want.secure for claim in sharing)
        named = any(context == "clientside" for claim in sharing for _, context in claim.want.profiles)
        lacks_first = bool(missing) and missing[0] == next(iter(wanted))
        return _Shown(found, missing, lacks_first, secure and not found and not named)

    def profiles(self, server: VirtualServer, look: Look) -> tuple[tuple[LtmObject, ...], VirtualServer]:
        """The profile that answers by default, those for further Secrets and their bindings; the server with them."""
        if not self.certificates:
            return (), server
        (_, files, claim), *others = self.certificates
        if self.lacks_first:
            # Who stands in as the default is shown beside it, too: the device may have the missing one there still.
            others = list(self.certificates)
        mark = facts.mark_for(look, claim.owner)
        made: list[LtmObject] = [_client_ssl(default_profile(server.name), mark, files, default=True)]
        for key, files, claim in others:
            mark = facts.mark_for(look, claim.owner)
            profile = _client_ssl(_profile(server.name, key), mark, files, default=False)
            made += [profile, ProfileBinding(f"{server.name}:{profile.name}", mark)]
        return tuple(made), replace(server, default_ssl=default_profile(server.name))

    def stays(self, want: ListenerSettings) -> frozenset[Path]:
        """What the device may have of the certificates that are missing, and of a virtual server that has no other."""
        profiles = [_profile(want.name, key) for key in self.missing]
        found = {Path(ProfileBinding.KIND, f"{want.name}:{profile}") for profile in profiles}
        found |= {Path(ClientSsl.KIND, profile) for profile in profiles}
        if self.lacks_first:
            found.add(Path(ClientSsl.KIND, default_profile(want.name)))
        if self.lacks_all:
            found |= {Path(VirtualServer.KIND, want.name), Path(Policy.KIND, want.policy)}
        return frozenset(found) or _NO_PATHS


def _profile(virtual: str, key: CertificateKey) -> str:
    """The full path of the profile that shows a Secret's certificate beside the default one."""
    folder, _, name = virtual.rpartition("/")
    return f"{folder}/{key.namespace}_{key.secret}_{name}"


def _client_ssl(path: str, mark: Mark, files: CertificateFiles, *, default: bool) -> ClientSsl:
    chain = files.certificate if files.chained else ""
    return ClientSsl(path, mark, certificate=files.certificate, key=files.key, chain=chain, sni_default=default)
