"""Decides how releases of the device compare."""

from __future__ import annotations

import re
from typing import NamedTuple


class Release(NamedTuple):
    """The first two numbers of a release: 16.1.3 is Release(16, 1). Compares in order of age."""

    major: int
    minor: int

    @classmethod
    def parse(cls, version: str) -> Release:
        """Reads "16.1.3".

        Raises:
            ValueError: the text does not begin with two numbers.
        """
        match = re.match(r"(\d+)\.(\d+)", version)
        if match is None:
            raise ValueError(f'"{version}" is no release of TMOS; write one like "16.1.3"')
        return cls(int(match[1]), int(match[2]))
