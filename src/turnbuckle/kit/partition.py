"""What a partition of a BIG-IP may be called, the sentence that says so, and how users name what is in one."""

from __future__ import annotations

import re

ALLOWED = "Use up to 64 letters, digits, dots, hyphens and underscores, for example k8s."

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_OBJECT = re.compile(r"""[^\s"'\\\[\]{}$;,<>|]{1,255}""", re.ASCII)
"""Nothing that Tcl would read as something else."""


def is_name(text: str) -> bool:
    """Whether a partition can be called that."""
    return _NAME.fullmatch(text) is not None


def is_object(text: str) -> bool:
    """Whether an operator's object can be called that, as path_in takes it."""
    return _OBJECT.fullmatch(text) is not None and text.isascii() and all(text.strip("/").split("/"))


def path_in(name: str, partition: str) -> str:
    """An operator's object as users name it: /partition/name, partition/name, or a name in the partition given."""
    parts = name.strip("/").split("/")
    return f"/{'/'.join(parts)}" if len(parts) > 1 else f"/{partition}/{parts[0]}"
