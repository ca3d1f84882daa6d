"""Where an Ingress that is right is served otherwise than k8s-bigip-ctlr 2.x did, for whoever comes from there."""

from __future__ import annotations

from collections.abc import Iterator

from turnbuckle.kinds.ingress_spec import IngressSpec
from turnbuckle.model.ref import SourceObject


def differences(obj: SourceObject) -> Iterator[tuple[str, str]]:
    """Field and sentence of each difference. Source: the original takes every path as a prefix of elements."""
    spec: IngressSpec = obj.spec
    for number, rule in enumerate(spec.rules):
        for index, path in enumerate(rule.paths):
            field = f"spec.rules[{number}].http.paths[{index}].pathType"
            if path.path_type == "Exact" and path.path == "/":
                yield field, "Only / itself is served, as Exact says; the original served every path."
            elif path.path_type == "Exact":
                only = f"Only {path.path} itself is served, as Exact says"
                yield field, f"{only}; the original served {path.path.rstrip('/')}/ and all below it as well."


DIFFERENCES = ("Ingress", differences)
