"""IngressClass: whose a class is, and whether Ingresses without a class are of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.meta import metadata_of, ref_of, source_object, texts
from turnbuckle.kit.wire import Wire, read
from turnbuckle.model.ref import Event, Flawed, Put

DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class IngressClassSpec:
    """Whose the class is, and whether it is the default one. Parameters are not read."""

    controller: str
    is_default: bool


class _Spec(Wire):
    controller: str | None = None


class _IngressClass(Wire):
    spec: _Spec | None = None


class IngressClassKind:
    """Decodes an IngressClass; Ingresses read it."""

    name = "IngressClass"
    resource = Resource("networking.k8s.io", "v1", "ingressclasses", namespaced=False)

    def decode(self, raw: Mapping[str, Any]) -> Event:
        """The class as Ingresses read it."""
        wire = read(_IngressClass, raw, ref_of(self.name, raw))
        if isinstance(wire, Flawed):
            return wire
        marked = texts(metadata_of(raw).get("annotations")).get(DEFAULT_ANNOTATION, "")
        spec = wire.spec or _Spec()
        return Put(source_object(self.name, raw, IngressClassSpec(spec.controller or "", marked == "true")))


KIND = IngressClassKind()
