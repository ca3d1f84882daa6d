"""What is hardly meant as it stands: names that Kubernetes does not take, odd labels, kinds that are nearly ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from turnbuckle.engine.protocol import Kind
from turnbuckle.kit.shape import as_json
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Ref

_CLOSE = 0.85
"""Closer than ServiceAccount is to Service or NodePool to Node, which are kinds of their own."""

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_NAMESPACE = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}")
_NAME_FORM = "small letters, digits, hyphens and dots, up to 253, with a letter or digit at both ends"
_NAMESPACE_FORM = "small letters, digits and hyphens, up to 63, with a letter or digit at both ends"


def api_version(kind: Kind) -> str:
    """apiVersion as an object of a kind has it."""
    resource = kind.resource
    return f"{resource.group}/{resource.version}" if resource.group else resource.version


def meant_kind(about: Ref, place: str, name: str, version: Any, kinds: Sequence[Kind]) -> Issue | None:
    """A warning for an object that is not read, when it seems that one of the kinds was meant."""
    if _of_others(version):
        return None
    dot = f"{place}." if place else ""
    by_name = {kind.name: kind for kind in kinds}
    if name in by_name:
        right = api_version(by_name[name])
        message = f"{'An' if name[0] in 'AEIOU' else 'A'} {name} of apiVersion {as_json(version)} is not read."
        return issues_of.other_kind(about, f"{dot}apiVersion", message, f"Write apiVersion: {right}.", as_json(version))
    folded = {known.casefold(): known for known in by_name}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=_CLOSE)
    if not close:
        return None
    message = f"kind {issues_of.quoted(name)} is not read."
    return issues_of.other_kind(about, f"{dot}kind", message, f'Did you mean "{folded[close[0]]}"?', name)


def _of_others(version: Any) -> bool:
    """Whether an apiVersion is of an extension, whose kinds may be called like those of Kubernetes."""
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    return "." in group and not group.endswith(".k8s.io")


def bad_names(ref: Ref) -> Iterator[Issue]:
    """What is wrong with an object's name and namespace."""
    if not _NAME.fullmatch(ref.name):
        yield issues_of.bad_name(ref, "metadata.name", ref.name, _NAME_FORM)
    if ref.namespace and not _NAMESPACE.fullmatch(ref.namespace):
        yield issues_of.bad_name(ref, "metadata.namespace", ref.namespace, _NAMESPACE_FORM)


def odd_texts(ref: Ref, metadata: Mapping[str, Any]) -> Iterator[Issue]:
    """Labels and annotations that are no text; null stands for an empty one."""
    for part in ("labels", "annotations"):
        value = metadata.get(part)
        if not isinstance(value, Mapping):
            if value is not None:
                yield issues_of.odd_text(ref, f"metadata.{part}", as_json(value))
            continue
        for key, one in value.items():
            if one is not None and not isinstance(one, str):
                yield issues_of.odd_text(ref, f"metadata.{part}[{key}]", as_json(one))
