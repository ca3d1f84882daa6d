"""Infoblox' WAPI, as far as addresses are reserved and given back with it: fixed addresses that bear our name.

Each is marked by the extensible attribute F5IPAM, as F5's IPAM controller does. Sources: Infoblox WAPI Guide,
"fixedaddress", "extensibleattributedef", "Paging"; its functions are texts that begin with "func:".

WapiError
├── Unreachable      no answer, or none that can be understood; what became of a write is open
├── Denied           the user or the password is wrong, or the user may not do that
├── Exhausted        the network has no free address
└── Refused          anything else that the grid does not do; its own words are in the text
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

ATTRIBUTE = "F5IPAM"
PAGE = 1000
"""So many results are answered at most without paging, and so many on a page."""

_NO_MAC = "00:00:00:00:00:00"
_EXHAUSTED = "Cannot find 1 available IP address"
_LIMITS = aiohttp.ClientTimeout(total=20, sock_connect=5)
_LONGEST_QUOTE = 256


class WapiError(Exception):
    """Something went wrong between Infoblox and us; the text is a sentence."""


class Unreachable(WapiError):
    """No answer, or none that can be understood."""


class Denied(WapiError):
    """401 or 403."""


class Exhausted(WapiError):
    """The network has no free address."""


class Refused(WapiError):
    """The grid does not do it."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where addresses are taken from: a network of the grid, in one of its views."""

    cidr: str
    view: str = "default"


@dataclass(frozen=True, slots=True)
class Record:
    """A reserved address. handle: the grid's reference to it, which changes when it is edited."""

    name: str
    address: str
    handle: str


class Wapi:
    """Asks one grid; an `async with` block holds the connections.

    url: as `https://grid/wapi/v2.12`. login: answers user and password.
    """

    def __init__(self, url: str, login: Callable[[], tuple[str, str]], tls: ssl.SSLContext | bool = True) -> None:
        self._url, self._login, self._tls = url, login, tls

    async def __aenter__(self) -> Wapi:
        self._session = aiohttp.ClientSession(headers={"User-Agent": "turnbuckle", "Accept": "application/json"})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def prepare(self) -> None:
        """Makes the attribute known to the grid, where it is not."""
        if not await self._ask("GET", "extensibleattributedef", {"name": ATTRIBUTE}):
            await self._ask("POST", "extensibleattributedef", body={"name": ATTRIBUTE, "type": "STRING"})

    async def records(self, prefix: str, view: str) -> tuple[Record, ...]:
        """All marked addresses of a view whose name begins so."""
        wanted = {
            "name~": f"^{prefix}",
            "network_view": view,
            f"*{ATTRIBUTE}": "managed",
            "_return_fields": "ipv4addr,name",
            "_paging": "1",
            "_max_results": str(PAGE),
            "_return_as_object": "1",
        }
        page = await self._ask("GET", "fixedaddress", wanted)
        found = [*_records(page.get("result"))]
        while following := page.get("next_page_id"):
            page = await self._ask("GET", "fixedaddress", {"_page_id": following})
            found += _records(page.get("result"))
        return tuple(record for record in found if record.name.startswith(prefix))

    async def reserve(self, name: str, network: Network, address: str = "") -> Record:
        """Reserves an address under a name: this very one, or the next that is free.

        Raises:
            Exhausted: there is none.
            Refused: somebody has it already.
        """
        body = {
            "network_view": network.view,
            "ipv4addr": address or f"func:nextavailableip:{network.cidr},{network.view}",
            "mac": _NO_MAC,
            "name": name,
            "extattrs": {ATTRIBUTE: {"value": "managed"}},
        }
        made = await self._ask("POST", "fixedaddress", {"_return_fields": "ipv4addr,name"}, body)
        return next(_records([made]))

    async def release(self, name: str, network: Network, address: str) -> None:
        """Gives an address back, if it still is reserved under that name."""
        wanted = {"name": name, "network_view": network.view, "ipv4addr": address, "_return_fields": "ipv4addr,name"}
        for record in _records(await self._ask("GET", "fixedaddress", wanted)):
            await self._ask("DELETE", record.handle)

    async def _ask(
        self, method: str, path: str, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        content = None if body is None else msgspec.json.encode(body)
        login = base64.b64encode(":".join(self._login()).encode()).decode()
        headers = {"Authorization": f"Basic {login}"} | (
            {} if content is None else {"Content-Type": "application/json"}
        )
        try:
            async with self._session.request(
                method,
                f"{self._url}/{path}",
                params=params,
                data=content,
                headers=headers,
                ssl=self._tls,
                timeout=_LIMITS,
                allow_redirects=False,
            ) as reply:
                status, answer = reply.status, await reply.read()
        except TimeoutError as error:
            raise Unreachable("Infoblox does not answer: time is up.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(
                f"Infoblox cannot be reached: {str(error).rstrip('.') or type(error).__name__}."
            ) from error
        if status not in (200, 201):
            raise _refusal(method, path, status, answer)
        try:
            return msgspec.json.decode(answer)
        except msgspec.DecodeError as error:
            raise Unreachable(f"Infoblox' answer to {method} {path} cannot be read: {error}.") from error


def _records(found: Any) -> Iterator[Record]:
    for one in found if isinstance(found, list) else ():
        if not isinstance(one, Mapping) or not all(isinstance(one.get(k), str) for k in ("_ref", "ipv4addr", "name")):
            raise Unreachable("Infoblox answers a fixed address without its name, its address or its reference.")
        yield Record(one["name"], one["ipv4addr"], one["_ref"])


def _refusal(method: str, path: str, status: int, answer: bytes) -> WapiError:
    try:
        said = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        said = None
    words = str(said.get("text") or said.get("Error") or "") if isinstance(said, Mapping) else ""
    words = words[:_LONGEST_QUOTE].rstrip(".")
    if status in (401, 403):
        return Denied(f"Infoblox answers {status} to {method}: the login is wrong, or its user may not do that.")
    if _EXHAUSTED in words:
        return Exhausted(f"Infoblox has no free address: {words}.")
    kind = Unreachable if status >= 500 else Refused
    return kind(f"Infoblox answers {status} to {method} {path.partition('/')[0]}{f': {words}' if words else ''}.")
