"""The settings and the date as translators and composers read them, and the marks that follow from the former."""

from __future__ import annotations

from datetime import date
from sys import intern

from turnbuckle.engine.protocol import Look
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Ref
from turnbuckle.model.settings import SETTINGS, TODAY, Settings, Today


def settings(look: Look) -> Settings:
    """The settings in force.

    Raises:
        LookupError: nobody put them into the store, which is a bug of the caller.
    """
    found = look.get(SETTINGS)
    if found is None:
        raise LookupError("the settings are not in the store")
    spec = found.spec
    if not isinstance(spec, Settings):
        raise LookupError("the settings are of another type")
    return spec


def today(look: Look) -> date | None:
    """The date; None where nobody has told it, as in a look at manifests that have no present."""
    found = look.get(TODAY)
    return found.spec.day if found is not None and isinstance(found.spec, Today) else None


def mark_for(look: Look, owner: Ref) -> Mark:
    """The ownership mark of an object that `owner`, the oldest of its owners, asks for."""
    known = settings(look)
    return Mark(known.controller_id, known.cluster_id, intern(str(owner)))
