"""From the rules of an Ingress to those of a policy: forwarding, rewriting, redirecting, and who may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from turnbuckle.kinds.ingress_options import APP_ROOT, REWRITE, AppRoot, Rewrite
from turnbuckle.kit import hosts, shared_names, wildcards
from turnbuckle.kit.annotations import field_of
from turnbuckle.kit.hosts import Place
from turnbuckle.kit.shape import Reader
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import HostRule, HostRules
from turnbuckle.model.policy import Action

FOUND = 302


@dataclass(frozen=True, slots=True)
class Way:
    """What becomes of requests for a place. name: the rule's, unique in its Ingress. host_field, field: where it stands
    in the Ingress.
    """

    place: Place
    name: str
    actions: tuple[Action, ...]
    host_field: str
    field: str


def forward(place: Place, pool: str, host_field: str, field: str) -> Way:
    """The way to a pool, by its full path."""
    path = place.path.strip("/")
    parts = ("ingress", place.host, path, pool.rpartition("/")[2])
    name = shared_names.of_rule("_".join(part for part in parts if part))
    return Way(place, name, (Action("forward", pool),), host_field, field)


def with_names_of_their_own(ways: Iterable[Way]) -> list[Way]:
    """The ways; of several with one name, as an exact path and a prefix of one text have, the later get another."""
    taken: set[str] = set()
    found = []
    for way in ways:
        name = way.name
        if name in taken:
            name = f"{name[: shared_names.LONGEST_PATH - 9]}_{shared_names.digest(way.place.host + way.place.text)}"
        taken.add(name)
        found.append(replace(way, name=name))
    return found


def rewritten(ways: Sequence[Way], rewrites: Iterable[Rewrite], reader: Reader) -> list[Way]:
    """The ways with what the annotation adds to those that it names."""
    found = list(ways)
    for rewrite in rewrites:
        wanted = hosts.elements(rewrite.path)
        concerned = [
            n
            for n, way in enumerate(found)
            if way.place.host == rewrite.host and hosts.elements(way.place.path) == wanted
        ]
        for n in concerned:
            found[n] = replace(found[n], actions=found[n].actions + _rewriting(rewrite))
        if not concerned:
            source = rewrite.item.partition("=")[0]
            reader.issues.append(issues_of.no_such_rule(reader.about, field_of(REWRITE), source))
    return found


def _rewriting(rewrite: Rewrite) -> tuple[Action, ...]:
    host = (Action("replace-host", rewrite.new_host),) if rewrite.new_host else ()
    if not rewrite.new_path:
        return host
    # The rule matches the path whole or up to a slash, so as many characters of the URI are to be replaced.
    before = len("".join(f"/{element}" for element in hosts.elements(rewrite.path)))
    rest = f"[string range [HTTP::uri] {before} end]" if before else "[HTTP::uri]"
    path = rewrite.new_path.rstrip("/")
    if not path:
        # What is left may be empty or only a query, and has to begin with just one slash.
        rest = f"/[string trimleft {rest} /]"
    return (*host, Action("replace-uri", f"tcl:{path}{rest}"))


def app_rooted(ways: Sequence[Way], roots: Iterable[AppRoot], reader: Reader, single: bool) -> list[Way]:
    """The ways and the redirects from / that the annotation asks for, which go before an exact / of the rules."""
    found = list(ways)
    for root in roots:
        fields = {way.place.host: way.host_field for way in ways}
        if single == bool(root.host):
            why = "there are no rules with hosts" if single else "there is no host before an equals sign"
            example = "/app" if single else "www.example.com=/app"
            reader.flaw(issues_of.bad_rewrite(reader.about, field_of(APP_ROOT), root.item, why, example))
        elif not single and root.host not in fields:
            reader.issues.append(issues_of.no_such_rule(reader.about, field_of(APP_ROOT), root.host))
        else:
            place = Place(root.host, "Exact", "/")
            name = shared_names.of_rule(f"app-root-redirect-rule-{root.host or 'single-service'}")
            field = field_of(APP_ROOT)
            found = [way for way in found if way.place != place]
            found.append(
                Way(place, name, (Action("redirect", root.target, FOUND),), fields.get(root.host, field), field)
            )
    return found


def redirected(ways: Iterable[Way], https_port: int) -> list[Way]:
    """The ways of a listener for HTTP that sends everybody on to HTTPS."""
    port = "" if https_port == 443 else f":{https_port}"
    action = Action("redirect", f'tcl:https://[getfield [HTTP::host] ":" 1]{port}[HTTP::uri]', FOUND)
    return [replace(way, actions=(action,)) for way in ways]


def rest(way: Way, policy: str, networks: tuple[str, ...]) -> HostRules:
    """The way of what no rule matches, as rules behind all others. networks: see host_rules."""
    ((_, found),) = host_rules([way], policy, networks)
    behind = hosts.BEHIND_ALL - way.place.ordinal
    return replace(found, rules=tuple(replace(rule, ordinal=rule.ordinal + behind) for rule in found.rules))


def host_rules(ways: Iterable[Way], policy: str, networks: tuple[str, ...]) -> tuple[tuple[str, HostRules], ...]:
    """The ways as rules, by host. networks: who may ask; with any, others are refused by a rule right behind each."""
    rules: dict[str, list[HostRule]] = {}
    fields: dict[str, str] = {}
    for way in ways:
        fields.setdefault(way.place.host, way.host_field)
        of_host = rules.setdefault(way.place.host, [])
        conditions = way.place.conditions
        # Of two rules the one that asks more comes first; who is not in the networks must not get to another's rule.
        asked = (*conditions, *hosts.from_networks(networks))
        actions = wildcards.watched(way.place.host, way.actions)
        of_host.append(HostRule(way.name, way.place.text, way.place.ordinal, asked, actions, way.field))
        if networks:
            name, ordinal = f"{way.name[: shared_names.LONGEST_PATH - 6]}_reset", way.place.ordinal + 1
            of_host.append(HostRule(name, way.place.text, ordinal, conditions, (Action("reset"),), way.field))
    return _by_host(rules, fields, policy)


def _by_host(
    rules: Mapping[str, list[HostRule]], fields: Mapping[str, str], policy: str
) -> tuple[tuple[str, HostRules], ...]:
    return tuple((host, HostRules(policy, tuple(rules[host]), fields[host])) for host in sorted(rules))
