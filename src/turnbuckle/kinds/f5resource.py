"""ConfigMap with an F5 resource: a virtual server, a pool alone, an iApp, or members for a pool that exists.

The names on the BIG-IP are a frozen contract; contract/names.yaml has them as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnbuckle.engine.protocol import Look, Patch, Resource, Served, Translation
from turnbuckle.kinds import f5resource_schema as schema
from turnbuckle.kinds.meta import labels_of, ref_of, source_object
from turnbuckle.kit import facts, json_text, monitors
from turnbuckle.kit.addresses import bigip_address
from turnbuckle.kit.annotations import FREEZE, Option, field_of, frozen, options, unknown
from turnbuckle.kit.partition import path_in
from turnbuckle.kit.shape import FLAW, Reader, as_json
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import (
    AddressKey,
    Claim,
    IAppKey,
    IAppSettings,
    Key,
    ListenerSettings,
    MonitorSettings,
    PoolFields,
    PoolKey,
    PoolSettings,
)
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.ref import Event, Flawed, Gone, Put, Ref, SourceObject
from turnbuckle.model.settings import Settings

LABEL = ("f5type", "virtual-server")
SCHEMA_SCHEME = "f5schemadb://"
LARGEST_DATA = 256 * 1024
LONGEST_PATH = 255

ADDRESS_ANNOTATION = "virtual-server.f5.com/ip"
STATUS_ANNOTATION = "status.virtual-server.f5.com/ip"
POOL_ANNOTATION = "turnbuckle/pool"

OPTIONS = options(
    Option(ADDRESS_ANNOTATION, "The address to listen on, where the resource itself gives none."),
    Option(STATUS_ANNOTATION, "Written by the controller: the address in use."),
    Option(POOL_ANNOTATION, "Full path of a pool that exists; it gets our members and nothing else."),
    FREEZE,
)

_PROFILES = {
    "tcp": frozenset({("/Common/tcp", "all")}),
    "http": frozenset({("/Common/http", "all"), ("/Common/tcp", "all")}),
    "udp": frozenset({("/Common/udp", "all")}),
}
_OLD_TABLE_COLUMNS = (("addr", "IPAddress"), ("port", "Port"), ("connection_limit", "=0"))
_ROOT = "data.data"
_FRONTEND = f"{_ROOT}.virtualServer.frontend"
_BACKEND = f"{_ROOT}.virtualServer.backend"
_POOL_FIELDS = PoolFields(f"{_BACKEND}.serviceName", f"{_BACKEND}.servicePort", f"{_ROOT}.virtualServer")


@dataclass(frozen=True, slots=True)
class F5ResourceSpec:
    """The texts of the ConfigMap; None where a key is missing. binary: the key that holds bytes instead of text."""

    schema: str | None
    data: str | None
    binary: str
    is_as3: bool


class F5ResourceKind:
    """ConfigMaps labelled f5type: virtual-server."""

    name = "ConfigMap"
    resource = Resource("", "v1", "configmaps", selector="f5type in (virtual-server)")

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The resource's texts; a ConfigMap without the label is not for us, and told if it was meant to be."""
        labels, texts, binary = labels_of(raw), raw.get("data"), raw.get("binaryData")
        texts = texts if isinstance(texts, Mapping) else {}
        if labels.get(LABEL[0]) != LABEL[1]:
            ref = ref_of(self.name, raw)
            meant = str(texts.get("schema")).strip().strip('"').startswith(SCHEMA_SCHEME)
            return Flawed(ref, (_not_labelled(ref, labels),)) if meant else Gone(ref)
        bytes_at = [key for key in ("data", "schema") if isinstance(binary, Mapping) and key in binary]
        spec = F5ResourceSpec(
            schema=_text(texts.get("schema")),
            data=_text(texts.get("data")),
            binary=bytes_at[0] if bytes_at else "",
            is_as3=str(labels.get("as3", "")).lower() == "true",
        )
        return Put(source_object(self.name, raw, spec, annotations=True))

    def translate(self, obj: SourceObject, look: Look) -> Translation:
        """Claims for the pool and what stands before it."""
        return _Pass(obj, look).translation()

    def status(self, obj: SourceObject, served: Served) -> Patch | None:
        """The annotation with the address in use; away again when no virtual server is there.

        With an ERROR in force an annotation stays: a resource of another controller's partition is one to us.
        """
        addresses = sorted(one.destination_address for one in served.objects if isinstance(one, VirtualServer))
        address = addresses[0] if addresses else None
        if obj.annotations.get(STATUS_ANNOTATION) == address:
            return None
        if address is None and any(issue.severity is Severity.ERROR for issue in served.issues):
            return None
        return Patch(obj.ref, "", {"metadata": {"annotations": {STATUS_ANNOTATION: address}}})


KIND = F5ResourceKind()


def _not_labelled(ref: Ref, labels: Mapping[str, Any]) -> Issue:
    """What stands where the label should stand: another value, or a label with nearly its name."""
    if LABEL[0] in labels:
        instead = f"the label f5type is {issues_of.shortened(as_json(labels[LABEL[0]]))}"
        return issues_of.not_labelled(ref, f"metadata.labels[{LABEL[0]}]", instead)
    known = {str(name).casefold(): str(name) for name in labels if str(name).casefold().startswith("f5")}
    meant = issues_of.nearest(LABEL[0], known)
    if meant:
        instead = f"the label f5type is written {known[meant]}"
        return issues_of.not_labelled(ref, f"metadata.labels[{known[meant]}]", instead)
    return issues_of.not_labelled(ref, "metadata.labels", "the label f5type is missing")


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else as_json(value)


def virtual_server_name(namespace: str, name: str) -> str:
    """The virtual server's name; a namespace that begins with a digit gets a prefix."""
    return f"{'cfgmap_' if namespace[:1].isdigit() else ''}{namespace}_{name}"


def pool_name(namespace: str, name: str, service: str) -> str:
    """The pool's name."""
    return f"cfgmap_{namespace}_{name}_{service}"


class _Pass:
    """One translation of one ConfigMap."""

    def __init__(self, obj: SourceObject, look: Look) -> None:
        self.obj, self.ref, self.look = obj, obj.ref, look
        self.age = obj.age_key()
        self.spec: F5ResourceSpec = obj.spec
        self.settings: Settings = facts.settings(look)
        self.reader = Reader(obj.ref, schema.VERSIONS[-1])

    def translation(self) -> Translation:
        if self.spec.is_as3:
            what, hint = "An AS3 declaration in a ConfigMap", "Use an F5 resource or wait for a later version."
            return Translation(issues=(issues_of.not_supported(self.ref, "metadata.labels", what, hint),))
        if self.settings.members_only and POOL_ANNOTATION not in self.obj.annotations:
            return Translation(issues=(issues_of.members_only(self.ref),))
        self.reader.issues += unknown(self.obj, OPTIONS)
        claims: list[Claim] = []
        parts = self._parts()
        if parts is not None:
            claims = self._claims(*parts)
        return Translation(tuple(claims), self.reader.told(), frozen(self.obj))

    # ---- from text to checked values

    def _parts(self) -> tuple[dict[str, Any], dict[str, Any], bool] | None:
        """Backend, frontend and whether it is an iApp; None when there is nothing to go on."""
        version, body = self._version(), self._json()
        if version is None or body is None:
            return None
        self.reader.version = version
        outer = self._object(body, _ROOT, {"virtualServer"})
        if outer is None or "virtualServer" not in outer:
            return None
        inner = self._object(outer["virtualServer"], f"{_ROOT}.virtualServer", {"frontend", "backend"})
        if not inner:
            return None
        backend = schema.BACKEND(self.reader, _BACKEND, inner["backend"]) if "backend" in inner else {}
        raw_frontend = inner.get("frontend", {})
        words = set(raw_frontend) if isinstance(raw_frontend, dict) else set()
        is_iapp = bool(words & schema.IAPP_WORDS)
        if is_iapp and words & schema.VIRTUAL_SERVER_WORDS:
            self.reader.flaw(issues_of.both_forms(self.ref, _FRONTEND))
            return None
        check = schema.FRONTEND_IAPP if is_iapp else schema.FRONTEND_VIRTUAL_SERVER
        frontend = check(self.reader, _FRONTEND, raw_frontend) if "frontend" in inner else {}
        if backend is FLAW or frontend is FLAW:
            return None
        self._check_partition(frontend)
        return backend, frontend, is_iapp

    def _version(self) -> int | None:
        field = "data.schema"
        if self.spec.schema is None:
            meaning, example = "which schema the resource follows", "f5schemadb://bigip-virtual-server_v0.1.7.json"
            self.reader.flaw(issues_of.missing_field(self.ref, field, meaning, example))
            return None
        text = self.spec.schema.strip().strip('"').strip()
        version = schema.SCHEMA_NAMES.get(text.rsplit("/", 1)[-1])
        if version is None:
            known = [f"0.1.{n}" for n in schema.VERSIONS]
            self.reader.flaw(issues_of.unknown_schema(self.ref, field, text, known))
        return version

    def _json(self) -> Any:
        text = self.spec.data
        if text is None:
            if self.spec.binary:
                reason = "it was stored as bytes, under binaryData"
                self.reader.flaw(issues_of.not_utf8(self.ref, f"data.{self.spec.binary}", reason))
            else:
                meaning, example = "the F5 resource itself", '{"virtualServer": {…}}'
                self.reader.flaw(issues_of.missing_field(self.ref, _ROOT, meaning, example))
            return None
        size = len(text.encode(errors="surrogatepass"))
        if size > LARGEST_DATA:
            self.reader.flaw(issues_of.too_big(self.ref, _ROOT, size, LARGEST_DATA))
            return None
        try:
            found, twice = json_text.parse(text, _ROOT)
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start]).strip("'")
            self.reader.flaw(issues_of.not_utf8(self.ref, _ROOT, f"it holds {half}, one half of a character"))
        except json_text.NotJson as error:
            self.reader.flaw(issues_of.not_json(self.ref, _ROOT, error.reason, error.line, error.column))
        else:
            for field in twice:
                self.reader.flaw(issues_of.duplicate_key(self.ref, field))
            return found
        return None

    def _object(self, value: Any, path: str, wanted: set[str]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            self.reader.flaw(issues_of.not_an_object(self.ref, path, as_json(value)))
            return None
        for name in value.keys() - wanted:
            self.reader.flaw(issues_of.unknown_field(self.ref, f"{path}.{name}", name, wanted))
        for name in sorted(wanted - value.keys()):
            self.reader.flaw(
                issues_of.missing_field(self.ref, f"{path}.{name}", "a part of the resource", f'"{name}": {{…}}')
            )
        return value

    def _check_partition(self, frontend: dict[str, Any]) -> None:
        field, partition = f"{_FRONTEND}.partition", frontend.get("partition")
        if partition is None:
            return
        if partition == "Common":
            self.reader.flaw(issues_of.partition_common(self.ref, field))
        elif self.settings.partitions and partition not in self.settings.partitions:
            self.reader.flaw(issues_of.partition_not_ours(self.ref, field, partition, self.settings.partitions))

    # ---- from values to claims

    def _claims(self, backend: dict[str, Any], frontend: dict[str, Any], is_iapp: bool) -> list[Claim]:
        if not {"serviceName", "servicePort"} <= backend.keys() or "partition" not in frontend:
            return []
        if POOL_ANNOTATION in self.obj.annotations:
            return self._designated_claims(backend, frontend)
        partition, namespace, name = frontend["partition"], self.ref.namespace, self.ref.name
        service = backend["serviceName"]
        server = virtual_server_name(namespace, name)
        pool = server if is_iapp else pool_name(namespace, name, service)
        key = PoolKey(f"/{partition}/{pool}", namespace, service, backend["servicePort"])
        if len(key.name) > LONGEST_PATH:
            self.reader.flaw(issues_of.unpublishable_name(self.ref, key.name, LONGEST_PATH))
        settings = PoolSettings(
            form="members" if is_iapp else "pool",
            load_balancing=frontend.get("balance", "round-robin"),
            monitors=self._monitors(backend, key.name),
            fields=_POOL_FIELDS,
        )
        claims = [self._claim(key, settings)]
        if is_iapp:
            claims.append(self._iapp_claim(frontend, key, server))
        elif "virtualAddress" in frontend:
            claims += self._listener_claim(frontend, key, f"/{partition}/{server}")
        return claims

    def _claim(self, key: Key, want: Any) -> Claim:
        return Claim(self.ref, self.age, key, want)

    def _designated_pool(self) -> str | None:
        text = self.obj.annotations[POOL_ANNOTATION]
        path = text.strip()
        parts = path.split("/")
        if len(parts) < 3 or parts[0] or not all(parts[1:]) or any(c.isspace() for c in path):
            field = field_of(POOL_ANNOTATION)
            self.reader.flaw(issues_of.bad_pool_path(self.ref, field, text))
            return None
        return path

    def _designated_claims(self, backend: dict[str, Any], frontend: dict[str, Any]) -> list[Claim]:
        path = self._designated_pool()
        if path is None:
            return []
        hint = f"Take it out, or the annotation {POOL_ANNOTATION}."
        for name in sorted(frontend.keys() - {"partition"}):
            why = f"{path} belongs to somebody else and gets members only"
            self.reader.issues.append(issues_of.ignored_field(self.ref, f"{_FRONTEND}.{name}", why, hint))
        key = PoolKey(path, self.ref.namespace, backend["serviceName"], backend["servicePort"])
        return [self._claim(key, PoolSettings(form="designated", fields=_POOL_FIELDS))]

    def _monitors(self, backend: dict[str, Any], pool: str) -> tuple[MonitorSettings, ...]:
        wanted = []
        for index, one in enumerate(backend.get("healthMonitors", ())):
            if "protocol" not in one:
                continue
            interval_s = one.get("interval", monitors.DEFAULT_INTERVAL_S)
            timeout_s = one.get("timeout", monitors.timeout_s_for(interval_s))
            if timeout_s <= interval_s:
                field = f"{_BACKEND}.healthMonitors[{index}].timeout"
                self.reader.issues.append(issues_of.timeout_too_short(self.ref, field, timeout_s, interval_s))
            send = one.get("send", monitors.DEFAULT_SEND[one["protocol"]])
            wanted.append(
                MonitorSettings(
                    name=f"{pool}_{index}_{one['protocol']}",
                    type=one["protocol"],
                    interval_s=interval_s,
                    timeout_s=timeout_s,
                    send=monitors.device_text(send),
                    recv=monitors.device_text(one.get("recv", "")),
                )
            )
        return tuple(wanted)

    def _listener_claim(self, frontend: dict[str, Any], pool: PoolKey, path: str) -> list[Claim]:
        address, port = self._address(frontend["virtualAddress"]), frontend["virtualAddress"].get("port")
        if not address or port is None:
            return []
        mode = frontend.get("mode", "tcp")
        partition = frontend["partition"]
        own = {(path_in(name, partition), "clientside") for name in frontend.get("sslProfile", ())}
        want = ListenerSettings(
            name=path,
            partition=partition,
            port=port,
            protocol="udp" if mode == "udp" else "tcp",
            pool=pool.name,
            profiles=_PROFILES[mode] | own if own else _PROFILES[mode],
            snat=self.settings.snat_pool or "automap",
            field=f"{_FRONTEND}.virtualAddress",
        )
        return [self._claim(AddressKey(address), want)]

    def _address(self, virtual_address: dict[str, Any]) -> str | None:
        """The address of the resource, else of the annotation."""
        given: str = virtual_address.get("bindAddr", "")
        annotated = self.obj.annotations.get(ADDRESS_ANNOTATION, "").strip()
        if given:
            if annotated and bigip_address(annotated) != given:
                field = field_of(ADDRESS_ANNOTATION)
                self.reader.issues.append(issues_of.two_addresses(self.ref, field, given, annotated))
            return given
        if not annotated:
            field = f"{_FRONTEND}.virtualAddress.bindAddr"
            if not any(issue.field == field for issue in self.reader.issues):
                self.reader.issues.append(issues_of.no_address_yet(self.ref, field))
            return None
        address = bigip_address(annotated)
        if address is None:
            self.reader.flaw(issues_of.bad_address(self.ref, field_of(ADDRESS_ANNOTATION), annotated))
        elif "/" in annotated:
            field = field_of(ADDRESS_ANNOTATION)
            self.reader.issues.append(issues_of.prefix_ignored(self.ref, field, annotated, address))
        return address

    def _iapp_claim(self, frontend: dict[str, Any], pool: PoolKey, server: str) -> Claim:
        partition = frontend["partition"]
        service_options = dict(frontend.get("iappOptions", {}))
        if service_options.pop("description", None) is not None:
            field, hint = f"{_FRONTEND}.iappOptions.description", "Take it out."
            why = "the description of an iApp service holds the ownership mark"
            self.reader.issues.append(issues_of.ignored_field(self.ref, field, why, hint))
        table = frontend.get("iappPoolMemberTable", {})
        tables = frontend.get("iappTables", {})
        want = IAppSettings(
            template=frontend.get("iapp", ""),
            pool=pool,
            options=tuple(sorted(service_options.items())),
            variables=tuple(sorted(frontend.get("iappVariables", {}).items())),
            tables=tuple(
                (name, body.get("columns", ()), body.get("rows", ())) for name, body in sorted(tables.items())
            ),
            member_table=table.get("name", frontend.get("iappTableName", "")),
            member_columns=table.get("columns", _OLD_TABLE_COLUMNS),
        )
        return self._claim(IAppKey(f"/{partition}/{server}.app/{server}"), want)
