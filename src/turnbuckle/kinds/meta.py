"""The metadata of a Kubernetes object, decoded the same way for every kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

from turnbuckle.model import mark
from turnbuckle.model.ref import Facet, Origin, Ref, SourceObject

_NO_TEXTS: Mapping[str, str] = {}
_NO_FACETS: frozenset[Facet] = frozenset()

ORIGIN_KEY = "turnbuckle.origin"
"""Key under which a source may hand a decoder the Origin of a raw object."""


def ref_of(kind: str, raw: Mapping[str, Any]) -> Ref:
    """The name of a raw object."""
    metadata = metadata_of(raw)
    return Ref("", kind, intern(str(metadata.get("namespace") or "")), str(metadata.get("name") or ""))


def metadata_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata of a raw object; empty where it is no mapping."""
    metadata = raw.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def labels_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The labels of a raw object as they stand there; empty where they are no mapping."""
    labels = metadata_of(raw).get("labels")
    return labels if isinstance(labels, Mapping) else {}


def status_is_ours(raw: Mapping[str, Any]) -> bool:
    """Whether the server notes the addresses in a status as written by us. Source: Kubernetes reference, FieldsV1."""
    managers = metadata_of(raw).get("managedFields")
    return any(
        one.get("manager") == mark.NAME and _has(one.get("fieldsV1"), "f:status", "f:loadBalancer")
        for one in (managers if isinstance(managers, list) else ())
        if isinstance(one, Mapping)
    )


def _has(fields: Any, *names: str) -> bool:
    for name in names:
        if not isinstance(fields, Mapping) or name not in fields:
            return False
        fields = fields[name]
    return True


def source_object(
    kind: str,
    raw: Mapping[str, Any],
    spec: Any,
    *,
    facets: Iterable[Facet] = (),
    labels: bool = False,
    annotations: bool = False,
) -> SourceObject:
    """A decoded object; labels and annotations are kept only where the kind reads them, since they cost memory."""
    metadata = metadata_of(raw)
    generation = metadata.get("generation")
    origin = raw.get(ORIGIN_KEY)
    return SourceObject(
        ref=ref_of(kind, raw),
        spec=spec,
        uid=str(metadata.get("uid") or "") if annotations else "",
        generation=generation if isinstance(generation, int) else 0,
        created=str(metadata.get("creationTimestamp") or "") if annotations else "",
        labels=texts(metadata.get("labels")) if labels else _NO_TEXTS,
        annotations=texts(metadata.get("annotations")) if annotations else _NO_TEXTS,
        facets=frozenset(facets) or _NO_FACETS,
        origin=origin if isinstance(origin, Origin) else None,
    )


def texts(raw: Any) -> Mapping[str, str]:
    """A mapping of texts; what YAML read as a number or a boolean becomes text again."""
    if not isinstance(raw, Mapping):
        return {}
    return {str(key): value if isinstance(value, str) else _scalar(value) for key, value in raw.items()}


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
