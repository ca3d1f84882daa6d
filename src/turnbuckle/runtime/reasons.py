"""The reason of a Kubernetes Event: a word for people and for field selectors, one for each code of an Issue.

It is the name of the issue's constructor in model/issue.py (`out_of_range`: OutOfRange), looked up in the compiled
constructors, so that a new issue needs no second place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import FunctionType

from turnbuckle.model import issue as issues_of

MENDED = "Mended"

_CODE = re.compile(r"TB\d{4}")


def _reasons() -> Iterator[tuple[str, str]]:
    for name, constructor in vars(issues_of).items():
        if isinstance(constructor, FunctionType):
            for text in constructor.__code__.co_consts:
                if isinstance(text, str) and _CODE.fullmatch(text):
                    yield text, "".join(word.capitalize() for word in name.split("_"))


REASONS: Mapping[str, str] = dict(_reasons())
