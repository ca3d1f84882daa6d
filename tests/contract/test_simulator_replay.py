"""Each exchange of contract/, sent to the simulator: it answers what is written."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl

import exchanges as contract
import msgspec
import pytest

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.exchange import Request, Response
from bigipsim.faults import Fault

NAMES = [one.name for one in contract.scenarios()]


class Client:
    """Sends to a box without sockets; the box's clock stands still."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.box = Box(self.clock)
        body = {"username": "admin", "password": "admin", "loginProviderName": "tmos"}
        reply = self.send("POST", "/mgmt/shared/authn/login", body, {})
        self.token: str = msgspec.json.decode(reply.body)["token"]["token"]

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Response:
        bare, _, query = path.partition("?")
        return self.box.handle(
            Request(
                method,
                bare,
                dict(parse_qsl(query)),
                {"content-type": "application/json", **{k.lower(): v for k, v in headers.items()}},
                b"" if body is None else msgspec.json.encode(body),
                "192.0.2.10",
            )
        )

    def credentials(self, sender: str) -> dict[str, str]:
        if sender == "token":
            return {"X-F5-Auth-Token": self.token}
        if sender == "nobody":
            return {}
        pair = b"admin:wrong" if sender == "wrong-basic" else b"admin:admin"
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


@pytest.mark.parametrize("name", NAMES)
def test_the_simulator_answers_what_is_written(name: str) -> None:
    scenario = contract.scenario(name)
    client = Client()
    for request in scenario.given:
        reply = client.send(request["method"], request["path"], request.get("body"), client.credentials("token"))
        assert reply.status == 200, reply.body
    prepare(client, scenario.device)
    known: dict[str, Any] = {"token": client.token} if scenario.name != "login" else {}
    for exchange in scenario.exchanges:
        path = contract.filled(exchange.path, known)
        headers = client.credentials(exchange.sender) | {
            key: str(contract.filled(value, known)) for key, value in exchange.headers.items()
        }
        reply = client.send(exchange.method, path, contract.filled(exchange.body, known), headers)
        contract.compare_answer(exchange.answer, reply.status, reply.body, known)


def prepare(client: Client, device: dict[str, Any]) -> None:
    if device.get("tokens-lost"):
        client.box.auth.forget_tokens()
    if "fault" in device:
        client.box.faults.add(msgspec.convert(device["fault"], Fault))
    if "seconds" in device:
        client.clock.advance(device["seconds"])
