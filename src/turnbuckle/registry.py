"""What there is: kinds and composers, found by listing their folders. The only dynamic import."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Any

from turnbuckle.engine.protocol import Composer, Kind
from turnbuckle.model.ref import SourceObject

Differences = Callable[[SourceObject], Iterable[tuple[str, str]]]
"""Field and sentence of each difference."""


def load(package: str, constant: str) -> tuple[Any, ...]:
    """The values of a constant in the modules of a package, in the order of the modules' names."""
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules(importlib.import_module(package).__path__)):
        value = getattr(importlib.import_module(f"{package}.{module}"), constant, None)
        if value is not None:
            found.append(value)
    return tuple(found)


def kinds() -> tuple[Kind, ...]:
    """Every kind of object that can be read."""
    return load("turnbuckle.kinds", "KIND")


def on_demand() -> tuple[str, ...]:
    """The kinds of objects that are made when somebody reads them."""
    return load("turnbuckle.kinds", "ON_DEMAND")


def differences() -> dict[str, Differences]:
    """By kind, what tells where an object is served otherwise than the original did."""
    return dict(load("turnbuckle.kinds", "DIFFERENCES"))


def composers() -> tuple[Composer, ...]:
    """Every composer."""
    return load("turnbuckle.compose", "COMPOSER")
