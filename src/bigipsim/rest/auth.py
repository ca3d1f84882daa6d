"""Decides who sent a request: Basic credentials and tokens, their life and end, and how refusals look.

Handlers of accounts stand in `users`; who may do what stands in `accounts`.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bigipsim.clock import Clock
from bigipsim.exchange import Refused, RefusedWithPage, Request, Response
from bigipsim.objects.model import Change
from bigipsim.rest import errors, users
from bigipsim.rest.accounts import ANONYMOUS, Account, Accounts, Caller
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

__all__ = ["ROUTES", "Auth", "Caller", "Token"]

TOKEN_LENGTH: Final = 26
TOKEN_TIMEOUT_S: Final = 1200
TOKEN_TIMEOUT_MAX_S: Final = 36000
TOKENS_PER_USER: Final = 100
SWEPT_AFTER_S: Final = 60
"""How long an expired token is still known (and counted): the device sweeps now and then (assumed)."""

LOGIN_PATH: Final = "/mgmt/shared/authn/login"
PROVIDERS: Final = ("tmos", "local")
_ALPHABET: Final = string.ascii_uppercase + string.digits
_HOST: Final = "https://localhost"
_BASIC_PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>Authentication required!</title></head>\n"
    "<body><h1>Authentication required!</h1>\n<p>The server could not verify that you may open this URL: "
    "the user name or the password is wrong.</p>\n<h2>Error 401</h2></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a user; times are seconds since 1970, `timeout_s` counts from `started_s`."""

    text: str
    user: str
    provider: str
    peer: str
    started_s: float
    updated_s: float
    timeout_s: int = TOKEN_TIMEOUT_S
    generation: int = 1

    @property
    def ends_s(self) -> float:
        """When it expires."""
        return self.started_s + self.timeout_s

    def to_wire(self) -> dict[str, Any]:
        """The token as GET shows it."""
        return {
            "token": self.text,
            "name": self.text,
            "userName": self.user,
            "authProviderName": self.provider,
            "user": {"link": f"{_HOST}/mgmt/shared/authz/users/{self.user}"},
            "timeout": self.timeout_s,
            "startTime": _local_time(self.started_s),
            "address": self.peer,
            "partition": "[All]",
            "generation": self.generation,
            "lastUpdateMicros": round(self.updated_s * 1e6),
            "expirationMicros": round(self.ends_s * 1e6),
            "kind": "shared:authz:tokens:authtokenitemstate",
            "selfLink": f"{_HOST}/mgmt/shared/authz/tokens/{self.text}",
        }


def _local_time(epoch_s: float) -> str:
    when = datetime.fromtimestamp(epoch_s).astimezone()
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}{when:%z}"


class Auth:
    """The accounts of a device and the tokens given out; tokens live in memory only."""

    def __init__(self, clock: Clock, user: str, password: str) -> None:
        self.accounts = Accounts(user, password)
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._operations = itertools.count(1001)

    def authenticate(self, box: Box, request: Request) -> Caller:
        """Who sent `request`; a token counts before Basic credentials.

        Raises:
            Refused: with the 401 body that fits; a login request passes as nobody.
        """
        if request.method == "POST" and request.path.rstrip("/") == LOGIN_PATH:
            return ANONYMOUS
        text = request.headers.get("x-f5-auth-token")
        if text is not None:
            return self._by_token(text, request)
        header = request.headers.get("authorization", "")
        scheme, _, credentials = header.partition(" ")
        if scheme.lower() == "basic":
            return self._by_password(credentials)
        raise self._no_credentials(request)

    def _by_token(self, text: str, request: Request) -> Caller:
        self._sweep()
        token = self._tokens.get(text)
        if token is None:
            raise self.error(401, "X-F5-Auth-Token does not exist.", request, errorStack=[])
        if token.ends_s <= self._clock.now():
            raise self.error(401, "X-F5-Auth-Token has expired.", request, errorStack=[])
        account = self.accounts.get(token.user)
        return Caller(token.user, dict(account.roles) if account else {}, text)

    def _by_password(self, credentials: str) -> Caller:
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            name, password = "", ""
        account = self.accounts.get(name)
        if account is None or not account.accepts(password) or not _may_enter(account):
            raise RefusedWithPage(401, _BASIC_PAGE, {"WWW-Authenticate": 'Basic realm="Enterprise Manager"'})
        return Caller(name, dict(account.roles))

    def _no_credentials(self, request: Request) -> Refused:
        message = (
            "Authorization failed: no user authentication header or token detected. "
            f"Uri:http://localhost:8100{request.path} Referrer:{request.peer} Sender:{request.peer}"
        )
        refused = self.error(401, message, request)
        return Refused(refused.status, refused.body, {"WWW-Authenticate": "X-Auth-Token"})

    def error(self, status: int, message: str, request: Request, **more: Any) -> Refused:
        """A refusal of the REST framework: it names who asked and numbers the operation."""
        body = {"code": status, "message": message, "referer": request.peer}
        body |= {"restOperationId": next(self._operations), **more, "kind": ":resterrorresponse"}
        return Refused(status, body)

    def login(self, name: str, password: str, provider: str | None, request: Request) -> Token:
        """Gives out a token.

        Raises:
            Refused: 401 for wrong credentials, 400 when the user holds too many tokens.
        """
        echo = {"username": name, "loginProviderName": provider, "generation": 0, "lastUpdateMicros": 0}
        original = msgspec.json.encode({key: value for key, value in echo.items() if value is not None}).decode()
        account = self.accounts.get(name)
        known = provider is None or provider in PROVIDERS
        if account is None or not known or not account.accepts(password) or not _may_enter(account):
            text = "Authentication failed."
            raise self.error(401, text, request, originalRequestBody=original, errorStack=[])
        self._sweep()
        held = sum(token.user == name for token in self._tokens.values())
        if held >= TOKENS_PER_USER and name != self.accounts.administrator:
            text = f"user {name} has reached maximum active login tokens"
            raise self.error(400, text, request, originalRequestBody=original)
        now = self._clock.now()
        token = Token(_new_text(), name, provider or "local", request.peer, now, now)
        self._tokens[token.text] = token
        return token

    def token(self, text: str) -> Token | None:
        """A token that is not over, by its text."""
        token = self._tokens.get(text)
        return token if token is not None and token.ends_s > self._clock.now() else None

    def tokens(self, user: str | None = None) -> list[Token]:
        """The tokens that are not over, of one user or of all."""
        now = self._clock.now()
        return [token for token in self._tokens.values() if token.ends_s > now and user in (None, token.user)]

    def set_timeout(self, token: Token, timeout_s: int) -> Token:
        """Moves the end of a token to `timeout_s` after its start."""
        changed = replace(token, timeout_s=timeout_s, updated_s=self._clock.now(), generation=token.generation + 1)
        self._tokens[token.text] = changed
        return changed

    def revoke(self, token: Token) -> None:
        """Ends a token at once."""
        self._tokens.pop(token.text, None)

    def forget_tokens(self, user: str | None = None) -> None:
        """Ends all tokens, or those of one user."""
        for token in list(self._tokens.values()):
            if user in (None, token.user):
                self.revoke(token)

    def follow(self, changes: Sequence[Change]) -> None:
        """Hears what changed in the configuration: a deleted partition is no one's any more."""
        for change in changes:
            if change.kind == "auth/partition" and change.after is None:
                self.accounts.forget_partition(change.path)

    def _sweep(self) -> None:
        edge = self._clock.now() - SWEPT_AFTER_S
        for token in [token for token in self._tokens.values() if token.ends_s <= edge]:
            self.revoke(token)


def _may_enter(account: Account) -> bool:
    return any(role != "no-access" for role in account.roles.values())


def _new_text() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_LENGTH))


def _body(box: Box, request: Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(request.body or b"{}")
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise box.auth.error(400, "Found invalid JSON body in the request.", request)
    return body


def _login(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    body = _body(box, request)
    name, password, provider = body.get("username"), body.get("password"), body.get("loginProviderName")
    if not isinstance(name, str) or not isinstance(password, str):
        raise box.auth.error(400, "username and password must be given as strings.", request)
    token = box.auth.login(name, password, provider if isinstance(provider, str) else None, request)
    reply = {
        "username": name,
        "loginReference": {"link": f"{_HOST}/mgmt/shared/authn/providers/local/login"},
        "loginProviderName": token.provider,
        "token": token.to_wire(),
        "generation": 0,
        "lastUpdateMicros": 0,
    }
    return Response.json(200, reply)


def _visible(box: Box, caller: Caller) -> list[Token]:
    return box.auth.tokens(None if caller.is_administrator else caller.name)


def _list_tokens(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    tokens = _visible(box, caller)
    reply = {
        "items": [token.to_wire() for token in tokens],
        "generation": sum(token.generation for token in tokens),
        "kind": "shared:authz:tokens:authtokencollectionstate",
        "lastUpdateMicros": max((round(token.updated_s * 1e6) for token in tokens), default=0),
        "selfLink": f"{_HOST}/mgmt/shared/authz/tokens",
    }
    return Response.json(200, reply)


def _addressed(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Token:
    token = box.auth.token(match["token"])
    if token is None:
        text = f"The resource /mgmt/shared/authz/tokens/{match['token']} was not found."
        raise box.auth.error(404, text, request, errorStack=[])
    if token.user != caller.name and not caller.is_administrator:
        raise box.auth.error(400, f"user {caller.name} may only use tokens of its own.", request, errorStack=[])
    return token


def _get_token(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, _addressed(box, caller, request, match).to_wire())


def _patch_token(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    token = _addressed(box, caller, request, match)
    wanted = _timeout(box, request, _body(box, request))
    return Response.json(200, (token if wanted is None else box.auth.set_timeout(token, wanted)).to_wire())


def _timeout(box: Box, request: Request, body: Mapping[str, Any]) -> int | None:
    wanted = body.get("timeout")
    if wanted is None:
        return None
    if isinstance(wanted, str) and wanted.isdecimal():
        wanted = int(wanted)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise box.auth.error(400, "timeout must be a whole number of seconds above 0.", request)
    if wanted > TOKEN_TIMEOUT_MAX_S:
        text = f"Auth-token absolute timeout ({TOKEN_TIMEOUT_MAX_S} seconds) exceeded"
        raise box.auth.error(406, text, request, errorStack=[])
    return wanted


def _delete_token(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    box.auth.revoke(_addressed(box, caller, request, match))
    return Response(200)


def _delete_tokens(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    box.auth.forget_tokens(caller.name)
    return Response(200)


def _no_login_get(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    raise errors.framework(405, "Only POST is accepted here.", request.peer)


_TOKENS: Final = r"shared/authz/tokens"
_TOKEN: Final = rf"{_TOKENS}/(?P<token>[^/]+)"

ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", r"shared/authn/login", _login),
    Route("GET", r"shared/authn/login", _no_login_get),
    Route("GET", _TOKENS, _list_tokens),
    Route("DELETE", _TOKENS, _delete_tokens),
    Route("GET", _TOKEN, _get_token),
    Route("PATCH", _TOKEN, _patch_token),
    Route("DELETE", _TOKEN, _delete_token),
    *users.ROUTES,
)
