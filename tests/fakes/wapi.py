"""Infoblox' WAPI in memory: fixed addresses of some networks, refused in the grid's words where the grid refuses.

Sources: Infoblox WAPI Guide (errors are JSON with Error, code and text; a list of more than 1000 is refused without
paging; a fixed address needs an address and a MAC; extensible attributes have to be defined first).
"""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import Any

from aiohttp import web

MOST = 1000
_FUNCTION = re.compile(r"func:nextavailableip:([^,]+)(?:,(.+))?")


class FakeWapi:
    """networks: CIDR to the addresses in it that are nobody's to give. status: answered to everything while it is set.

    lost: how many of the next writes are done and never answered.
    """

    def __init__(self, *networks: str, user: str = "connector", password: str = "infoblox") -> None:
        self.networks = [ipaddress.ip_network(one) for one in networks]
        self.taken: set[str] = set()
        self.attributes: set[str] = set()
        self.records: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, str]] = []
        self.status, self.lost, self.page = 0, 0, MOST
        self._login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._number = 0
        self._pages: dict[str, list[dict[str, Any]]] = {}
        self.url = ""

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/wapi/v2.12/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/wapi/v2.12"
        return self.url

    async def stop(self) -> None:
        await self._runner.cleanup()

    def addresses(self) -> dict[str, str]:
        """Address by name."""
        return {record["name"]: record["ipv4addr"] for record in self.records.values()}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.seen.append((request.method, path))
        if self.status:
            return web.Response(status=self.status, text="<html>busy</html>")
        if request.headers.get("Authorization") != self._login:
            return web.Response(status=401, text="Authorization Required")
        body = await request.json() if request.can_read_body else {}
        answer = self._do(request.method, path, dict(request.query), body)
        if self.lost and request.method != "GET":
            self.lost -= 1
            assert request.transport is not None
            request.transport.close()
        return answer

    def _do(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> web.Response:
        match method, path:
            case "GET", "extensibleattributedef":
                known = [{"_ref": f"extensibleattributedef/{one}", "name": one} for one in sorted(self.attributes)]
                return web.json_response([one for one in known if one["name"] == query.get("name", one["name"])])
            case "POST", "extensibleattributedef":
                self.attributes.add(body["name"])
                return web.json_response(f"extensibleattributedef/{body['name']}", status=201)
            case "GET", "fixedaddress":
                return self._list(query)
            case "POST", "fixedaddress":
                return self._create(body)
            case "DELETE", handle:
                if self.records.pop(handle, None) is None:
                    return _refused(404, "Client.Ibap.Data.NotFound", f"Reference {handle} not found")
                return web.json_response(handle)
        return _refused(400, "Client.Ibap.Proto", f"Unknown object type ({path})")

    def _list(self, query: dict[str, str]) -> web.Response:
        if "_page_id" in query:
            return self._paged(self._pages.pop(query["_page_id"]))
        found = [record for record in self.records.values() if _matches(record, query)]
        shown = [{key: record[key] for key in ("_ref", "ipv4addr", "name")} for record in found]
        if query.get("_paging") == "1":
            if "_return_as_object" not in query or "_max_results" not in query:
                return _refused(400, "Client.Ibap.Proto", "_return_as_object and _max_results are needed for paging")
            return self._paged(shown)
        if len(shown) > MOST:
            return _refused(400, "Client.Ibap.Proto", "Result set too large")
        return web.json_response(shown)

    def _paged(self, items: list[dict[str, Any]]) -> web.Response:
        answer: dict[str, Any] = {"result": items[: self.page]}
        if len(items) > self.page:
            self._number += 1
            answer["next_page_id"] = f"page{self._number}"
            self._pages[answer["next_page_id"]] = items[self.page :]
        return web.json_response(answer)

    def _create(self, body: dict[str, Any]) -> web.Response:
        for needed in ("ipv4addr", "mac"):
            if needed not in body:
                return _refused(400, "Client.Ibap.Proto", f"field for create missing: {needed}")
        unknown = body.get("extattrs", {}).keys() - self.attributes
        if unknown:
            return _refused(400, "Client.Ibap.Proto", f"Unknown extensible attribute '{min(unknown)}'")
        address, view = body["ipv4addr"], body.get("network_view", "default")
        if function := _FUNCTION.fullmatch(address):
            network = next((one for one in self.networks if str(one) == function[1]), None)
            if network is None:
                return _refused(404, "Client.Ibap.Data.NotFound", f"Network {function[1]} not found")
            free = (str(one) for one in network.hosts() if str(one) not in self._used(view))
            address = next(free, "")
            if not address:
                text = "Cannot find 1 available IP address(es) in this network"
                return _refused(400, "Client.Ibap.Data.Conflict", text)
        elif address in self._used(view):
            text = f"The IP address {address} cannot be used for the fixed address, it is in use already"
            return _refused(400, "Client.Ibap.Data.Conflict", text)
        self._number += 1
        handle = f"fixedaddress/ZG5z{self._number}:{address}/{view}"
        record = {**body, "ipv4addr": address, "network_view": view, "_ref": handle}
        self.records[handle] = record
        return web.json_response({key: record[key] for key in ("_ref", "ipv4addr", "name")}, status=201)

    def _used(self, view: str) -> set[str]:
        return self.taken | {one["ipv4addr"] for one in self.records.values() if one["network_view"] == view}


def _matches(record: dict[str, Any], query: dict[str, str]) -> bool:
    for key, wanted in query.items():
        if key.startswith("_"):
            continue
        if key.startswith("*"):
            if record.get("extattrs", {}).get(key[1:], {}).get("value") != wanted:
                return False
        elif key.endswith("~"):
            if not re.search(wanted, record.get(key[:-1], "")):
                return False
        elif record.get(key) != wanted:
            return False
    return True


def _refused(status: int, code: str, text: str) -> web.Response:
    return web.json_response({"Error": f"AdmConDataError: None ({text})", "code": code, "text": text}, status=status)
