"""What a route is: a method, a pattern below /mgmt/ and who answers. It stands apart from the table of all routes
so that the modules which answer can name it without importing each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigipsim.exchange import Request, Response

if TYPE_CHECKING:
    from bigipsim.box import Box
    from bigipsim.rest.auth import Caller


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is a regular expression for the whole path after "/mgmt/", still percent-encoded, no trailing slash."""

    method: str
    pattern: str
    handler: Callable[[Box, Caller, Request, re.Match[str]], Response]
