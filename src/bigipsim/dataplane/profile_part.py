"""Decides what the http profile of a virtual server does to requests and answers, and which it does not let in.

It has a say twice: before all other parts, where it keeps requests out (`GatePart`), and after them (`ProfilePart`),
so that nobody sees the headers that it adds. Where the device's answer to a request that is kept out is not
documented, the connection is reset (assumed).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bigipsim.dataplane.http_profile import HttpProfile
from bigipsim.dataplane.policy_text import MARK, TextError, text_of
from bigipsim.dataplane.traffic import Connection, Event, Handler, Request, Reset, Response, Traffic, redirect

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GatePart:
    """Keeps requests out that break the limits of the profile."""

    profile: HttpProfile

    def handler(self, connection: Connection) -> Handler:
        """What hears the events of one connection."""
        return self._hear

    def _hear(self, event: Event, traffic: Traffic) -> None:
        request = traffic.request
        if event is Event.HTTP_REQUEST and request is not None and not self._admitted(request):
            traffic.verdict = Reset()

    def _admitted(self, request: Request) -> bool:
        profile = self.profile
        if profile.methods and request.method not in profile.methods:
            return False
        if 0 < profile.max_headers < len(request.headers):
            return False
        if not profile.max_head_bytes:
            return True
        octets = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
        return octets <= profile.max_head_bytes


@dataclass(frozen=True, slots=True)
class ProfilePart:
    """Adds to and takes away from requests and answers what the profile says, and sends clients to the fallback."""

    profile: HttpProfile

    def handler(self, connection: Connection) -> Handler:
        """What hears the events of one connection."""
        return self._hear

    def _hear(self, event: Event, traffic: Traffic) -> None:
        request, response = traffic.request, traffic.response
        if request is None:
            return
        if event is Event.HTTP_REQUEST_RELEASE:
            self._to_member(traffic, request)
        elif event is Event.LB_FAILED:
            self._fall_back(traffic)
        elif event is Event.HTTP_RESPONSE and response is not None:
            if any(first <= response.status <= last for first, last in self.profile.fallback_statuses):
                self._fall_back(traffic)
        elif event is Event.HTTP_RESPONSE_RELEASE and response is not None:
            self._to_client(traffic, request, response)

    def _to_member(self, traffic: Traffic, request: Request) -> None:
        profile, headers = self.profile, request.headers
        if profile.header_erase:
            headers.popall(profile.header_erase, None)
        name, value = profile.header_insert
        if name:
            try:
                headers.add(name, text_of(MARK + value).filled_in(traffic))
            except TextError as error:
                logger.warning("headerInsert of the http profile of %s: %s", traffic.virtual.path, error)
                traffic.verdict = Reset()
        if profile.forwarded_for:
            headers.add("X-Forwarded-For", traffic.connection.client.host)
        self._pass_by(profile.via[0], request)

    def _to_client(self, traffic: Traffic, request: Request, response: Response) -> None:
        self._pass_by(self.profile.via[1], response)
        # A header that forbids plain HTTP is sent where there is TLS only (RFC 6797, section 7.2).
        if self.profile.hsts and traffic.connection.tls is not None:
            response.headers["Strict-Transport-Security"] = self.profile.hsts
        location = response.headers.get("Location", "")
        if location.startswith("http://"):
            response.headers["Location"] = self._rewritten(traffic, request, location)

    def _pass_by(self, how: str, message: Request | Response) -> None:
        if how == "remove":
            message.headers.popall("Via", None)
        elif how == "append" and self.profile.via_host:
            message.headers.add("Via", f"{message.version} {self.profile.via_host}")

    def _rewritten(self, traffic: Traffic, request: Request, location: str) -> str:
        how = self.profile.redirect_rewrite
        secure = "https://" + location.removeprefix("http://")
        if how == "all":
            return secure
        target = f"http://{request.host}{request.uri}"
        if how == "matching" and location.rstrip("/") == target.rstrip("/"):
            return secure
        choice = traffic.selected
        if how == "nodes" and choice is not None:
            member, local = choice.member, traffic.connection.local
            for written in (f"http://{member.address}:{member.port}", f"http://{member.address}"):
                if location.removeprefix(written)[:1] in ("", "/") and location.startswith(written):
                    return f"https://{local.host}" + location.removeprefix(written)
        return location

    def _fall_back(self, traffic: Traffic) -> None:
        host = self.profile.fallback_host
        if host and (traffic.verdict is None or isinstance(traffic.verdict, Reset)):
            traffic.verdict = redirect(host if "://" in host else f"http://{host}")
