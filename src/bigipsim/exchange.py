"""What passes between a server and the device: requests, responses and refusals, free of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as the device sees it.

    `path` is raw (still percent-encoded) and has no query; `query` is decoded; header names are lower case.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; an empty body is sent with Content-Length 0."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
        """An answer whose body is `value` as JSON, with the content type of the device."""
        return cls(
            status, msgspec.json.encode(value), {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}
        )


class Refused(Exception):
    """The device says no: an HTTP status and the JSON body that explains it."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body.get("message", body)))
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer that carries this refusal."""
        return Response.json(self.status, self.body, self.headers)


class RefusedWithPage(Refused):
    """The web server in front of the device says no: an HTML page instead of JSON."""

    def __init__(self, status: int, page: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, {"code": status, "message": page}, headers)
        self.page = page

    def response(self) -> Response:
        """The page, as HTML."""
        content = {"Content-Type": "text/html; charset=iso-8859-1", **self.headers}
        return Response(self.status, self.page.encode(), content)
