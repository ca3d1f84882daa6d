"""Ingress: hosts and paths on a virtual server that all Ingresses with the same address share.

The names on the BIG-IP are those of k8s-bigip-ctlr 2.x with AS3 (contract/names.yaml). What the original left out is as
Kubernetes says: path types, the default backend beside rules, and wildcards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from turnbuckle.engine.protocol import Look, Patch, Resource, Served, Translation
from turnbuckle.kinds import device_profile, host_address
from turnbuckle.kinds import ingress_options as names
from turnbuckle.kinds import ingress_rules as rules
from turnbuckle.kinds.device_profile import ProfileSort
from turnbuckle.kinds.host_address import HostAddressSpec
from turnbuckle.kinds.ingress_options import OPTIONS
from turnbuckle.kinds.ingress_pools import Pools
from turnbuckle.kinds.ingress_rules import Way
from turnbuckle.kinds.ingress_spec import IngressPath, IngressSpec, spec_of
from turnbuckle.kinds.ingressclass import IngressClassSpec
from turnbuckle.kinds.meta import ref_of, source_object
from turnbuckle.kit import facts, hosts, shared_names
from turnbuckle.kit.annotations import field_of, frozen, unknown, values
from turnbuckle.kit.hosts import Place
from turnbuckle.kit.partition import path_in
from turnbuckle.kit.shape import Reader
from turnbuckle.kit.wildcards import is_wildcard
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import AddressKey, CertificateKey, CertificateUse, Claim, Key, ListenerSettings
from turnbuckle.model.issue import INGRESS_CONTROLLER, Issue, Severity
from turnbuckle.model.ltm import Context, VirtualServer
from turnbuckle.model.ref import Event, Flawed, Put, Ref, SourceObject
from turnbuckle.model.settings import Settings

SHARE = "ingress"
"""The token by which Ingresses on one address and port share a virtual server."""

_PROFILES = frozenset({("/Common/http", "all"), ("/Common/tcp", "all")})
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(\*\.)?{_LABEL}(\.{_LABEL})*")
_ADDRESS_LIKE = re.compile(r"\d+(\.\d+){3}")
_CLASS_FIELD = "spec.ingressClassName"
_DEFAULT = "spec.defaultBackend"
_EVERYTHING = Place("", "Prefix", "")


class IngressKind:
    """Ingresses of networking.k8s.io/v1."""

    name = "Ingress"
    resource = Resource("networking.k8s.io", "v1", "ingresses")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The Ingress as it is written."""
        spec = spec_of(raw, ref_of(self.name, raw))
        return spec if isinstance(spec, Flawed) else Put(source_object(self.name, raw, spec, annotations=True))

    def translate(self, obj: SourceObject, look: Look) -> Translation:
        """Claims for its pools, certificates and part of the listeners; nothing if another controller serves it."""
        ours, issues = _is_ours(obj, look)
        return _Pass(obj, look).translation() if ours else Translation(issues=issues)

    def status(self, obj: SourceObject, served: Served) -> Patch | None:
        """The address in use, once the device has it; away again when it has not, unless an ERROR is in force."""
        spec: IngressSpec = obj.spec
        addresses = {o.destination_address.partition("%")[0] for o in served.objects if isinstance(o, VirtualServer)}
        if addresses:
            if spec.addresses == tuple(sorted(addresses)):
                return None
            return _status(obj.ref, [{"ip": address} for address in sorted(addresses)])
        if not spec.addresses or not spec.told or any(one.severity is Severity.ERROR for one in served.issues):
            return None
        return _status(obj.ref, None)


KIND = IngressKind()


def _status(ref: Ref, points: list[dict[str, str]] | None) -> Patch:
    return Patch(ref, "status", {"status": {"loadBalancer": {"ingress": points}}})


def _is_ours(obj: SourceObject, look: Look) -> tuple[bool, tuple[Issue, ...]]:
    """Whether we serve an Ingress, and what there is to say if it seems meant for us and is not.

    The annotation is older and goes first. A class is ours if it says so itself.
    """
    settings, spec = facts.settings(look), obj.spec
    ours = settings.ingress_class
    if not settings.ingresses:
        return False, ()
    annotated = obj.annotations.get(names.CLASS)
    if annotated is not None:
        return annotated == ours, ()
    if spec.class_name not in ("", ours) or (not spec.class_name and settings.ingress_class_only):
        return False, ()
    found = look.get(Ref("", "IngressClass", "", ours))
    known: IngressClassSpec | None = found.spec if found is not None else None
    if spec.class_name:
        if known is None:
            return False, (issues_of.class_missing(obj.ref, _CLASS_FIELD, ours),)
        if known.controller != INGRESS_CONTROLLER:
            return False, (issues_of.class_of_other(obj.ref, _CLASS_FIELD, ours, known.controller),)
        return True, ()
    if known is not None and known.is_default and known.controller == INGRESS_CONTROLLER:
        return True, ()
    meant = any(name.startswith("virtual-server.f5.com/") for name in obj.annotations)
    return False, (issues_of.no_class(obj.ref, ours),) if meant else ()


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None and _ADDRESS_LIKE.fullmatch(text) is None


class _Pass:
    """One translation of one Ingress."""

    def __init__(self, obj: SourceObject, look: Look) -> None:
        self.obj, self.ref, self.look = obj, obj.ref, look
        self.spec: IngressSpec = obj.spec
        self.settings: Settings = facts.settings(look)
        self.reader = Reader(obj.ref, 0)
        self.options = values(obj, OPTIONS, self.reader)
        self.waits = False

    def translation(self) -> Translation:
        self.reader.issues += unknown(self.obj, OPTIONS)
        claims: list[Claim] = []
        if self.settings.members_only:
            what, hint = "An Ingress under --members-only", "Start a controller without that flag for Ingresses."
            self.reader.issues.append(issues_of.not_supported(self.ref, "", what, hint))
        else:
            partition = self._partition()
            if partition:
                claims = self._claims(partition)
        return Translation(tuple(claims), self.reader.told(), frozen(self.obj), self.waits)

    # ---- what is wanted

    def _partition(self) -> str:
        """The partition to publish in; empty when there is none that could be used, which is told."""
        named, field, ours = self.options[names.PARTITION], field_of(names.PARTITION), self.settings.partitions
        if named == "Common":
            self.reader.flaw(issues_of.partition_common(self.ref, field))
        elif named and ours and named not in ours:
            self.reader.flaw(issues_of.partition_not_ours(self.ref, field, named, ours))
        elif named:
            return str(named)
        elif ours:
            return ours[0]
        else:
            meaning = "the controller has no --bigip-partition to publish in"
            self.reader.flaw(issues_of.missing_field(self.ref, field, meaning, f"{names.PARTITION}: k8s"))
        return ""

    def _address(self) -> str:
        given: str = self.options[names.ADDRESS]
        host = self.spec.rules[0].host if self.spec.rules else ""
        if not given and names.ADDRESS not in self.obj.annotations and self._is_name(host):
            return self._looked_up(host)
        address = self.settings.default_ingress_ip if given in ("", names.CONTROLLER_DEFAULT) else given
        if not address and not any(one.field == field_of(names.ADDRESS) for one in self.reader.issues):
            self.reader.issues.append(issues_of.no_ingress_address(self.ref, field_of(names.ADDRESS)))
        return address

    def _is_name(self, host: str) -> bool:
        """Whether a host's name is to give the address: one without wildcards, if names are looked up at all."""
        return self.settings.resolve_ingress_names and not is_wildcard(host) and _is_host(host)

    def _looked_up(self, host: str) -> str:
        found = self.look.get(host_address.asked(host))
        known: HostAddressSpec = found.spec if found is not None else HostAddressSpec()
        self.waits |= found is None
        field = "spec.rules[0].host"
        if known.trouble:
            self.reader.issues.append(issues_of.name_unknown(self.ref, field, host, known.trouble, known.address))
        elif not known.address:
            self.reader.issues.append(issues_of.name_asked_for(self.ref, field, host))
        return known.address

    def _claims(self, partition: str) -> list[Claim]:
        pools = Pools(self.reader, partition)
        default = pools.of(self.spec.default, _DEFAULT) if self.spec.default is not None else None
        ways = self._ways(pools, default)
        single = not self.spec.rules
        places = {_EVERYTHING: default} if single and default else {}
        places |= {way.place: way.actions[0].value for way in ways}
        pools.watch(self.options[names.HEALTH], places)
        ways = self._annotated(ways, single)
        certificates = self._certificates(partition)
        claims = [self._claim(key, want) for key, want in pools.settings(self.options[names.BALANCE])]
        claims += [self._claim(key, use) for key, use in certificates.items()]
        address = self._address()
        if address and pools.keys:
            listeners = _Listeners(self, partition, address, default or "", ways, tuple(certificates))
            claims += [self._claim(AddressKey(address), want) for want in listeners.wanted()]
        return claims

    def _claim(self, key: Key, want: Any) -> Claim:
        return Claim(self.ref, self.obj.age_key(), key, want)

    # ---- rules

    def _ways(self, pools: Pools, default: str | None) -> list[Way]:
        """Where requests go, by the rules as they stand."""
        found: dict[Place, Way] = {}
        for number, rule in enumerate(self.spec.rules):
            host_field = f"spec.rules[{number}].host"
            if rule.host and not _is_host(rule.host):
                self.reader.flaw(issues_of.bad_host(self.ref, host_field, rule.host))
                continue
            if not rule.paths and default and rule.host:
                everything = Place(rule.host, "Prefix", "")
                found.setdefault(everything, rules.forward(everything, default, host_field, host_field))
            for index, path in enumerate(rule.paths):
                at = f"spec.rules[{number}].http.paths[{index}]"
                pool = pools.of(path.backend, f"{at}.backend")
                place = self._place(rule.host, path, at)
                if pool is None or place is None:
                    continue
                if place in found:
                    told = issues_of.path_twice(self.ref, f"{at}.path", rule.host, place.text)
                    self.reader.issues.append(told)
                else:
                    found[place] = rules.forward(place, pool, host_field, f"{at}.path")
        return rules.with_names_of_their_own(found.values())

    def _place(self, host: str, path: IngressPath, at: str) -> Place | None:
        if not path.path.startswith("/") or "*" in path.path:
            self.reader.flaw(issues_of.bad_path(self.ref, f"{at}.path", path.path))
            return None
        if path.path_type not in hosts.PATH_TYPES:
            known = sorted(filter(None, hosts.PATH_TYPES))
            self.reader.flaw(issues_of.not_one_of(self.ref, f"{at}.pathType", path.path_type, known))
            return None
        return hosts.place(host, path.path_type, path.path)

    def _annotated(self, ways: list[Way], single: bool) -> list[Way]:
        """The ways with what the annotations for rewriting say."""
        rewrites = self.options[names.REWRITE]
        if single and rewrites:
            why, hint = "this Ingress has no rules", f"Write rules, or use {names.APP_ROOT}."
            self.reader.issues.append(issues_of.ignored_field(self.ref, field_of(names.REWRITE), why, hint))
            rewrites = ()
        ways = rules.rewritten(ways, rewrites, self.reader)
        return rules.app_rooted(ways, self.options[names.APP_ROOT], self.reader, single)

    # ---- TLS

    def _certificates(self, partition: str) -> dict[CertificateKey, CertificateUse]:
        """The Secrets that are shown, and for which hosts."""
        found: dict[CertificateKey, CertificateUse] = {}
        if self.options[names.CLIENT_SSL]:
            if self.spec.tls:
                why = f"the annotation {names.CLIENT_SSL} says which profiles count"
                told = issues_of.ignored_field(self.ref, "spec.tls", why, "Take one of the two out.")
                self.reader.issues.append(told)
            return found
        for number, one in enumerate(self.spec.tls):
            if one.secret:
                key = CertificateKey(partition, self.ref.namespace, one.secret)
                before = found.get(key, CertificateUse(f"spec.tls[{number}].secretName"))
                found[key] = CertificateUse(before.field, tuple(dict.fromkeys((*before.hosts, *one.hosts))))
        if self.spec.tls and not found:
            self.reader.flaw(issues_of.no_secret_named(self.ref, "spec.tls[0].secretName"))
        return found


class _Listeners:
    """What an Ingress wants of the listeners at its address."""

    def __init__(
        self,
        of: _Pass,
        partition: str,
        address: str,
        default: str,
        ways: list[Way],
        certificates: tuple[CertificateKey, ...],
    ) -> None:
        self.of, self.reader, self.options, self.settings = of, of.reader, of.options, of.settings
        self.partition, self.address, self.default, self.ways = partition, address, default, ways
        self.certificates = certificates
        self.tls = bool(of.spec.tls or self.options[names.CLIENT_SSL])
        self.networks = self._networks()

    def wanted(self) -> list[ListenerSettings]:
        """One for each listener. Source: the original's table of ssl-redirect and allow-http."""
        http, https = self.options[names.HTTP_PORT], self.options[names.HTTPS_PORT]
        redirect = self.options[names.SSL_REDIRECT]
        if self.options[names.WAF] is not None:
            self._no_effect(names.WAF, "the annotation is for Routes", "Take it out.")
        if not self.tls:
            if self.options[names.SERVER_SSL]:
                self._no_effect(names.SERVER_SSL, "there is no TLS in this Ingress", "Write spec.tls, or take it out.")
            return [self._listener(http, self.ways, self._rest())]
        if http == https and (redirect or self.options[names.ALLOW_HTTP]):
            self.reader.flaw(issues_of.equal_ports(self.reader.about, field_of(names.HTTPS_PORT), https))
            return []
        secure = self._secure(https)
        if redirect:
            ways = rules.redirected([*self.ways, *self._rest()], https)
            others = len(self.ways)
            return [self._listener(http, ways[:others], ways[others:]), secure]
        if self.options[names.ALLOW_HTTP]:
            return [self._listener(http, self.ways, self._rest()), secure]
        return [secure]

    def _rest(self) -> list[Way]:
        """The way of what no rule matches, if there is a default backend."""
        if not self.default:
            return []
        rest = rules.forward(_EVERYTHING, self.default, _DEFAULT, _DEFAULT)
        return rules.with_names_of_their_own([*self.ways, rest])[-1:]

    def _listener(self, port: int, ways: list[Way], rest: list[Way]) -> ListenerSettings:
        # The virtual server's own pool takes whatever no rule matches, from everybody; else it needs a rule.
        own_pool = bool(rest) and not self.networks and rest[0].actions[0].act == "forward"
        leaf = f"{shared_names.of_address(self.address)}_{port}"
        policy = shared_names.in_folder(self.partition, f"Ingress_{leaf}")
        return ListenerSettings(
            name=shared_names.in_folder(self.partition, f"ingress_{leaf}"),
            partition=self.partition,
            port=port,
            protocol="tcp",
            pool=self.default if own_pool else "",
            profiles=_PROFILES,
            snat=self.settings.snat_pool or "automap",
            field=field_of(names.ADDRESS),
            share=SHARE,
            policy=policy,
            hosts=rules.host_rules(ways, policy, self.networks),
            rest=rules.rest(rest[0], policy, self.networks) if rest and not own_pool else None,
            translate_address=self.options[names.TRANSLATE],
            pool_field=_DEFAULT,
            profile_field=field_of(names.SERVER_SSL),
            translate_field=field_of(names.TRANSLATE),
            port_field=field_of(names.HTTP_PORT),
        )

    def _secure(self, port: int) -> ListenerSettings:
        serverside = [name for name in (self.options[names.SERVER_SSL],) if name]
        uses = self._named("client-ssl", "clientside", names.CLIENT_SSL, self.options[names.CLIENT_SSL])
        uses |= self._named("server-ssl", "serverside", names.SERVER_SSL, serverside)
        plain = self._listener(port, self.ways, self._rest())
        return replace(
            plain,
            secure=True,
            certificates=self.certificates,
            profiles=plain.profiles | uses,
            port_field=field_of(names.HTTPS_PORT),
        )

    def _named(
        self, sort: ProfileSort, context: Context, option: str, given: Iterable[str]
    ) -> set[tuple[str, Context]]:
        """The profiles of the BIG-IP that an annotation names; lacking one, it would refuse what others share."""
        paths = [path_in(name, self.partition) for name in given]
        for path in paths:
            found = self.of.look.get(device_profile.asked(sort, path))
            if found is None:
                self.of.waits |= self.settings.profiles_asked_for
            elif not found.spec.there:
                self.reader.flaw(issues_of.profile_missing(self.reader.about, field_of(option), sort, path))
        return {(path, context) for path in paths}

    def _networks(self) -> tuple[str, ...]:
        first, second = self.options[names.WHITELIST], self.options[names.ALLOWED]
        if first and second and first != second:
            self._no_effect(names.ALLOWED, f"{names.WHITELIST} counts", "Take one of the two out.")
        found: tuple[str, ...] = first or second
        return found

    def _no_effect(self, name: str, why: str, hint: str) -> None:
        self.reader.issues.append(issues_of.ignored_field(self.reader.about, field_of(name), why, hint))
