"""Profiles of ours on virtual servers of ours: each a resource of its own within the virtual server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import Codec, Field, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ltm import Context
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path
from turnbuckle.model.tls import ClientSsl, ProfileBinding, ServerSsl, default_profile

_KINDS = (ClientSsl.KIND, ServerSsl.KIND)


def context_of(item: Wire) -> Context:
    """The side of the connection that a profile is for."""
    return cast(Context, values.text(item.get("context")) or "all")


def bindings(items: Iterable[Wire], virtual: str, mark: Mark | None, scene: Scene) -> Iterable[ProfileBinding]:
    """Those of a virtual server's profiles that are parts with owners of their own. mark: the virtual server's."""
    for item in items:
        profile = values.full_path(item)
        found = next((path for path in (Path(kind, profile) for kind in _KINDS) if path in scene.marks), None)
        if found is None or mark is None or profile == default_profile(virtual):
            continue
        if scene.marks[found].controller_id == mark.controller_id:
            yield ProfileBinding(f"{virtual}:{profile}", scene.marks[found], context_of(item), found.kind)


BINDING = Codec(
    kind=ProfileBinding.KIND,
    type=ProfileBinding,
    fields=(
        # Its mark is the profile's, and so is its kind.
        Field("metadata", (), lambda *_: None, lambda *_: {}),
        Field("context", ("context",), lambda raw, _: context_of(raw), lambda b, _: {"context": b.context}),
        Field("kind", (), lambda *_: ClientSsl.KIND, lambda *_: {}),
    ),
    naming=lambda binding: {"name": binding.profile},
)
