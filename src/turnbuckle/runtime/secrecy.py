"""What must not be told, whoever said it: known secrets, private keys, and what a login header holds.

Nothing of ours puts a secret into a text. But a device or a proxy may answer with what it was sent, and its own words
are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Secrets = Callable[[], tuple[str, ...]]
"""The secrets in force; asked each time, since they change."""

_STARS = "***"
_SHORTEST = 6
"""Shorter passwords are words of the log itself, `admin` for one; nothing tells a password in the first place."""

_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_HEADER = re.compile(r"\b(Basic|Bearer) [\w+/=.~-]{20,}")


def starred(text: str, secrets: Secrets = tuple) -> str:
    """A text without secrets."""
    for secret in secrets():
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _STARS)
    if "PRIVATE KEY" in text:
        text = _KEY.sub(_STARS, text)
    return _HEADER.sub(rf"\1 {_STARS}", text)
