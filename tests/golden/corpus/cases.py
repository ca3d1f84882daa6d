"""The manifests that others wrote, what each is put beside, and what is made of them in words.

cases.yaml is the table: what a manifest needs beside it, and the requests that it promises. NAME.yaml says what is made
of it. The manifests themselves lie in $TURNBUCKLE_SHARED/corpus/cis; own.yaml has what is not among them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import LtmObject, Member, ProfileUse
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Action, Condition
from turnbuckle.model.state import Path as DevicePath
from turnbuckle.model.tls import CertificateFile
from unit.ingresses import Pair, pair, secret_manifest

HERE = Path(__file__).parent
SHARED = os.environ.get("TURNBUCKLE_SHARED", "")
CORPUS = Path(SHARED) / "corpus" / "cis"
FOLDERS = ("ingress", "customResource/serviceTypeLB", "appsExample")
KINDS = ("Ingress", "IngressClass", "Service", "Secret")
WITHOUT_CORPUS = "TURNBUCKLE_SHARED does not name the directory with the corpus"

PARTITIONS = ("k8s", "test")
POOLS = '{"test": "10.8.3.1", "prod": "10.8.3.10-10.8.3.12"}'
SETTINGS: Mapping[str, Any] = {
    "pool_member_type": "cluster",
    "default_ingress_ip": "203.0.113.80",
    "load_balancer_class": "f5",
}
"""With these all manifests are read. None of them names the addresses of an installation, and some need these."""

POD_PORT = 8080


@dataclass(frozen=True)
class Case:
    """One manifest.

    manifest: its path in the corpus, or empty for own.yaml. instead: texts in it that are exchanged. reads: who takes
    it; the API server refuses some (`refused`), and drops fields of others, which are newer than it. services: those
    that it names, each with the number and perhaps the name of a port, and whether its pods speak TLS. endpoints: names
    of ports by Service of its own. secrets: those that it names, with the hosts of the certificate. profiles: SSL
    profiles of the operator on the BIG-IP. beside: further manifests. requests: see cases.yaml. status: the addresses
    that are written into its status.
    """

    name: str
    manifest: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    reads: Literal["kubernetes", "files"] = "kubernetes"
    refused: str = ""
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    endpoints: Mapping[str, list[str]] = field(default_factory=dict)
    secrets: Mapping[str, list[str]] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)
    beside: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    status: tuple[str, ...] = ()

    @cached_property
    def manifests(self) -> list[dict[str, Any]]:
        """What the manifest holds; where it names no namespace, that is default, as with kubectl."""
        if self.manifest:
            text = (CORPUS / self.manifest).read_text(encoding="utf-8")
            for given, instead in self.instead.items():
                text = text.replace(given, instead)
            found = list(yaml.safe_load_all(text))
        else:
            found = [one for one in _documents("own.yaml") if one["metadata"]["name"] == self.name]
        return [_placed(one) for one in found if one is not None]

    @cached_property
    def classes(self) -> list[dict[str, Any]]:
        """The IngressClass, where it is not the manifest itself; it is the default one, since some name none."""
        annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
        ours = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "f5", "annotations": annotations},
            "spec": {"controller": "f5.com/cntr-ingress-svcs"},
        }
        return [] if any(one["kind"] == "IngressClass" for one in self.manifests) else [ours]

    @cached_property
    def needs(self) -> list[dict[str, Any]]:
        """What the manifest names and does not bring along."""
        made = list(self.beside)
        for number, (name, port) in enumerate(self.services.items(), 1):
            entry = {"port": port["port"], "targetPort": POD_PORT, **({"name": port["name"]} if "name" in port else {})}
            metadata = {"name": name, "namespace": "default"}
            made.append({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [entry]}})
            made.append(_endpoints(name, number, (port.get("name", ""),)))
        for number, (name, ports) in enumerate(self.endpoints.items(), 1 + len(self.services)):
            made.append(_endpoints(name, number, ports))
        made += [{"apiVersion": "v1", **secret_manifest(name, self.pair(name), "default")} for name in self.secrets]
        return made

    @cached_property
    def brings(self) -> set[str]:
        """The addresses of the endpoints that the manifest itself has."""
        return {address for address, _, _ in _places(self.manifests)}

    @cached_property
    def backends(self) -> dict[tuple[str, int], str]:
        """Which Service is behind each address and port of an endpoint."""
        return {(address, port): name for address, port, name in _places([*self.manifests, *self.needs])}

    def speaks_tls(self, service: str) -> bool:
        return bool(self.services.get(service, {}).get("tls"))

    def pair(self, secret: str) -> Pair:
        """The certificate in a Secret, and its key."""
        return pair(*self.secrets[secret])

    def shown_for(self, host: str) -> Pair:
        """The certificate that is for a host."""
        above = f"*.{host.partition('.')[2]}"
        return next(self.pair(name) for name, hosts in self.secrets.items() if host in hosts or above in hosts)


def cases() -> list[Case]:
    """The table."""
    table = yaml.safe_load((HERE / "cases.yaml").read_text(encoding="utf-8"))
    return [Case(name, **{**row, "status": tuple(row.get("status", ()))}) for name, row in table.items()]


def golden(case: Case) -> dict[str, Any]:
    """What is to be made of a manifest."""
    found: dict[str, Any] = yaml.safe_load((HERE / f"{case.name}.yaml").read_text(encoding="utf-8"))
    return found


def _documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((HERE / name).read_text(encoding="utf-8")))


def _placed(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest["kind"] == "IngressClass":
        return manifest
    return {**manifest, "metadata": {"namespace": "default", **manifest["metadata"]}}


def _endpoints(service: str, number: int, ports: Iterable[str]) -> dict[str, Any]:
    """One endpoint; its ports are all above 1023, so that nobody has to be root for a backend there."""
    named = [{"port": POD_PORT + n, **({"name": name} if name else {})} for n, name in enumerate(ports)]
    subset = {"addresses": [{"ip": f"198.51.100.{number}"}], "ports": named}
    metadata = {"name": service, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]}


def _places(manifests: Iterable[dict[str, Any]]) -> Iterator[tuple[str, int, str]]:
    """Address, port and Service of every endpoint."""
    for one in manifests:
        for subset in one.get("subsets", ()):
            for address, port in itertools.product(subset["addresses"], subset["ports"]):
                yield address["ip"], port["port"], one["metadata"]["name"]


# ---- in words


def words(objects: Mapping[DevicePath, LtmObject]) -> dict[str, Any]:
    """Objects by their path. What differs from run to run, as a certificate's digest does, is a word."""
    digests = [obj.digest for obj in objects.values() if isinstance(obj, CertificateFile)]
    return {
        _without(str(path), digests): _without(_words(objects[path], ("name",)), digests) for path in sorted(objects)
    }


def issues(found: Iterable[Issue]) -> list[dict[str, str]]:
    """Issues in the order of their objects."""
    return [
        {
            "code": one.code,
            "severity": str(one.severity),
            "object": str(one.about),
            "field": one.field,
            "text": one.text,
        }
        for one in sorted(found)
    ]


def _words(value: Any, hidden: Collection[str] = ()) -> Any:
    match value:
        case Mark():
            return value.owner
        case Member():
            return f"{value.name}{' (draining)' if value.draining else ''}"
        case ProfileUse():
            return f"{value.name} {value.context}"
        case Condition():
            index = f" {value.index}" if value.index else ""
            negated, case = "not " if value.negated else "", " (case-sensitive)" if value.case_sensitive else ""
            return f"{value.operand}{index} {negated}{value.match} {', '.join(value.values)}{case}"
        case Action():
            return " ".join(str(part) for part in (value.act, value.value, value.code) if part)
        case DevicePath():
            return str(value)
        case frozenset():
            return sorted(_words(part) for part in value)
        case tuple():
            return [_words(part) for part in value]
        case str() | bool() | int():
            return str(value) if isinstance(value, str) else value
    assert is_dataclass(value), value
    named = {
        "owner" if one.name == "mark" else one.name: _words(getattr(value, one.name))
        for one in fields(value)
        if one.repr and one.name not in hidden
    }
    return {name: part for name, part in named.items() if part not in ("", [])}


def _without(value: Any, digests: Iterable[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(part, digests) for name, part in value.items()}
    if isinstance(value, list):
        return [_without(part, digests) for part in value]
    if isinstance(value, str):
        for digest in digests:
            value = value.replace(digest, "<digest>").replace(digest[:8], "<digest>")
    return value
