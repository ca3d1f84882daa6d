"""Ingresses, Secrets and what they need, as a cluster has them; and what the engine makes of them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.snapshot import Snapshot
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject
from turnbuckle.model.ref import Event, Put, SourceObject, Synced
from turnbuckle.model.settings import SETTINGS, TODAY, Settings, Today

KINDS = {kind.name: kind for kind in registry.kinds()}
ADDRESS = "203.0.113.7"
OURS = "f5.com/cntr-ingress-svcs"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
F5 = "virtual-server.f5.com"


def backend(service: str = "web", port: int | str = 80) -> dict[str, Any]:
    return {"service": {"name": service, "port": {"name" if isinstance(port, str) else "number": port}}}


def path(text: str = "/", kind: str = "Prefix", service: str = "web", port: int | str = 80) -> dict[str, Any]:
    return {"path": text, "pathType": kind, "backend": backend(service, port)}


def rule(host: str = "www.example.com", *paths: dict[str, Any]) -> dict[str, Any]:
    return {"host": host, "http": {"paths": list(paths or (path(),))}}


def ingress(
    name: str = "a",
    namespace: str = "ns",
    *rules: dict[str, Any],
    annotations: dict[str, str] | None = None,
    created: str = "",
    ip: str = ADDRESS,
    **spec: Any,
) -> Event:
    """An Ingress of class f5; without rules its default backend is port 80 of Service web."""
    return decoded(ingress_manifest(name, namespace, *rules, annotations=annotations, created=created, ip=ip, **spec))


def decoded(manifest: dict[str, Any]) -> Event:
    return KINDS[manifest["kind"]].decode(manifest)


def ingress_manifest(
    name: str = "a",
    namespace: str = "ns",
    *rules: dict[str, Any],
    annotations: dict[str, str] | None = None,
    created: str = "",
    ip: str = ADDRESS,
    **spec: Any,
) -> dict[str, Any]:
    wanted: dict[str, Any] = {"rules": list(rules)} if rules else {"defaultBackend": backend()}
    if name not in ("by-annotation", "without-class"):
        wanted["ingressClassName"] = "f5"
    return {
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": created,
            "annotations": ({f"{F5}/ip": ip} if ip else {}) | (annotations or {}),
        },
        "spec": wanted | spec,
    }


def ingress_class(controller: str = OURS, default: bool = False, name: str = "f5") -> Event:
    return decoded(class_manifest(controller, default, name))


def class_manifest(controller: str = OURS, default: bool = False, name: str = "f5") -> dict[str, Any]:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    metadata = {"name": name, "annotations": annotations}
    return {"kind": "IngressClass", "metadata": metadata, "spec": {"controller": controller}}


def service(name: str = "web", namespace: str = "ns", port: int = 80) -> Event:
    ports = [{"name": "http", "port": port}]
    return KINDS["Service"].decode({"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": ports}})


def endpoints(name: str = "web", namespace: str = "ns") -> Event:
    labels = {"kubernetes.io/service-name": name}
    return KINDS["EndpointSlice"].decode(
        {
            "metadata": {"name": f"{name}-1", "namespace": namespace, "labels": labels},
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": ["198.51.100.1"]}],
        }
    )


@dataclass(frozen=True)
class Pair:
    certificate: bytes
    key: bytes


@lru_cache
def pair(*names: str, serial: int = 1, days: int = 36500) -> Pair:
    """A certificate for these names, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0] if names else "nobody")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(serial).not_valid_before(BEGIN).not_valid_after(BEGIN + timedelta(days=days))
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return Pair(certificate, _pem(key, serialization.NoEncryption()))


def encrypted(key: bytes) -> bytes:
    private = serialization.load_pem_private_key(key, None)
    return _pem(private, serialization.BestAvailableEncryption(b"secret"))


def _pem(key: Any, encryption: Any) -> bytes:
    encoding = serialization.Encoding.PEM
    pem: bytes = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, encryption)
    return pem


def secret(name: str, of: Pair, namespace: str = "ns", kind: str = "kubernetes.io/tls", **entries: bytes) -> Event:
    return decoded(secret_manifest(name, of, namespace, kind, **entries))


def secret_manifest(
    name: str, of: Pair, namespace: str = "ns", kind: str = "kubernetes.io/tls", **entries: bytes
) -> dict[str, Any]:
    data = {"tls.crt": of.certificate, "tls.key": of.key} | {k.replace("_", "."): v for k, v in entries.items()}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items() if value is not None}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": kind, "data": encoded}


class Cluster:
    """An engine with Service web, its endpoints and class f5, and the settings of a controller."""

    def __init__(self, *events: Event, today: date | None = None, **settings: Any) -> None:
        self.engine = Engine(registry.kinds(), registry.composers(), ["test"], registry.on_demand())
        known = Settings("c", "k", **{"partitions": ("k8s",), "pool_member_type": "cluster"} | settings)
        facts: list[Event] = [Put(SourceObject(SETTINGS, known))]
        if today is not None:
            facts.append(Put(SourceObject(TODAY, Today(today))))
        there = [ingress_class(), service(), endpoints()]
        self.now = self.engine.ingest([*facts, *there, *events, Synced("test")])

    def then(self, *events: Event) -> Snapshot:
        self.now = self.engine.ingest(events)
        return self.now

    @property
    def issues(self) -> list[Issue]:
        return list(self.now.all_issues())

    def made(self, kind: type[LtmObject]) -> list[Any]:
        return [self.now.desired[at] for at in sorted(self.now.desired) if isinstance(self.now.desired[at], kind)]

    def said(self) -> list[tuple[str, str, str]]:
        """Severity, code and field of each issue."""
        return [(str(issue.severity), issue.code, issue.field) for issue in self.issues]
