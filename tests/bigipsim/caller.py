"""How the tests of the REST layer speak to a box: one method for each verb, without sockets."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

from bigipsim.box import Box
from bigipsim.exchange import Request, Response


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Client:
    """Sends requests to a box with the same headers each time."""

    def __init__(self, box: Box, headers: dict[str, str] | None = None) -> None:
        self.box = box
        self.headers = basic("admin", "admin") if headers is None else headers

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        where, _, query = path.partition("?")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(
            method, "/mgmt/" + where, dict(parse_qsl(query)), {**self.headers, **more}, content, "192.0.2.99"
        )
        return self.box.handle(request)

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The JSON of an answer, after a look at its status; None for an empty body."""
        answer = self.send(method, path, body, **headers)
        assert answer.status == status, (answer.status, answer.body)
        return json.loads(answer.body) if answer.body else None


def logged_in(box: Box, user: str, password: str) -> Client:
    reply = Client(box, {})("POST", "shared/authn/login", {"username": user, "password": password})
    return Client(box, {"x-f5-auth-token": reply["token"]["token"]})
