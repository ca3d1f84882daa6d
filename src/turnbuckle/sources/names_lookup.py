"""Names as this machine looks them up: by its hosts file, its servers and its search list, as pods do."""

from __future__ import annotations

import asyncio
import socket

from turnbuckle.sources.names import Found, NotFound

TTL_S = 30.0
"""The system does not say how long an answer holds."""


class SystemResolver:
    """Asks the system."""

    async def look_up(self, name: str) -> Found:
        """See Resolver.look_up."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NotFound(f"this machine cannot look it up ({error.strerror})") from error
        except UnicodeError as error:
            raise NotFound("one of its labels has more than 63 characters") from error
        # An address of a link has its interface behind a percent sign.
        return Found(tuple(str(place[0]).partition("%")[0] for *_, place in found), TTL_S)
