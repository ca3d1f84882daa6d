"""What a partition of a BIG-IP may be called, and the sentence that says so."""

from __future__ import annotations

import re

ALLOWED = "Use up to 64 letters, digits, dots, hyphens and underscores, for example k8s."

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def is_name(text: str) -> bool:
    """Whether a partition can be called that."""
    return _NAME.fullmatch(text) is not None
