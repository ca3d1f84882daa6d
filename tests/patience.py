"""How long tests wait for what has to come true: longer than a slow machine needs, for speed is the bench's."""

from __future__ import annotations

PATIENCE_S = 90.0
