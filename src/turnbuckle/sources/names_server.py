"""Names as a certain DNS server knows them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from dns.asyncresolver import Resolver as Client
from dns.exception import DNSException, Timeout
from dns.resolver import NXDOMAIN, NoNameservers

from turnbuckle.sources.names import Found, NotFound


class ServerResolver:
    """Asks a DNS server, for IPv4 addresses first.

    host: its name or address. wait_s: how long it may take, further tries included.
    """

    def __init__(self, host: str, port: int = 53, wait_s: float = 3.0) -> None:
        self._host, self._port, self._wait_s = host, port, wait_s

    async def look_up(self, name: str) -> Found:
        """See Resolver.look_up."""
        client = Client(configure=False)
        client.nameservers, client.port, client.lifetime = [await self._address()], self._port, self._wait_s
        # What a server says of its own failure has times in it, and would be told anew each time.
        try:
            return await self._ask(client, f"{name}.")
        except NXDOMAIN as error:
            raise NotFound(f"{self._host} does not know it") from error
        except Timeout as error:
            raise NotFound(f"{self._host} does not answer") from error
        except NoNameservers as error:
            raise NotFound(f"{self._host} answers with a failure") from error
        except DNSException as error:
            raise NotFound(f"{self._host} cannot be asked for it ({type(error).__doc__ or 'no reason'})") from error
        except OSError as error:
            raise NotFound(f"{self._host} cannot be reached ({error.strerror})") from error

    async def _ask(self, client: Client, name: str) -> Found:
        for kind in ("A", "AAAA"):
            found = (await client.resolve(name, kind, raise_on_no_answer=False, search=False)).rrset
            if found is not None:
                return Found(tuple(str(record) for record in found), found.ttl)
        raise NotFound(f"{self._host} has no address for it")

    async def _address(self) -> str:
        """The server's own address."""
        try:
            return str(ipaddress.ip_address(self._host))
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise NotFound(f"the DNS server {self._host} cannot be looked up itself") from error
        return str(found[0][4][0])
