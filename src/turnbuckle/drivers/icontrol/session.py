"""How one logs in, and what each way of being turned away means; generators without I/O.

A generator yields requests and is sent their replies; whoever runs it does the sending. A token is preferred; Basic
credentials stand in for it on devices that have no token login.
"""

from __future__ import annotations

import base64
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from operator import itemgetter

import msgspec

from turnbuckle.drivers.base import Credentials, DriverError, Unauthorized, Unreachable
from turnbuckle.drivers.icontrol import answers
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.transport import Reply, Request

LOGIN = "/mgmt/shared/authn/login"
TOKENS = "/mgmt/shared/authz/tokens"
EARLY_S = 60.0
DEFAULT_LIFETIME_S = 1200.0
BASIC_LIFETIME_S = 300.0
TOKENS_DROPPED = 10

_JSON = {"Content-Type": "application/json"}
_TOO_MANY = "maximum active login tokens"
_STALE = ("X-F5-Auth-Token", "no user authentication header")

Exchange = Generator[Request, Reply, None]


@dataclass(frozen=True, slots=True)
class Authority:
    """What a request bears to be let in. The secret is sealed: no text form of the object shows it.

    ends_at: on the clock that was handed in, already shortened so that nothing is sent with a token about to end.
    """

    headers: Mapping[str, str]
    token: str
    ends_at: float

    def __repr__(self) -> str:
        return f"Authority({'token' if self.token else 'basic'}, ends_at={self.ends_at})"

    def on(self, request: Request) -> Request:
        """The request, bearing the authority."""
        return Request(request.method, request.path, request.body, {**request.headers, **self.headers})


def basic(credentials: Credentials, now: float) -> Authority:
    """Basic credentials as an authority; it ends too, so that token login is tried again after an upgrade."""
    pair = f"{credentials.username}:{credentials.password}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return Authority(headers, "", now + BASIC_LIFETIME_S)


def login(credentials: Credentials, now: float) -> Generator[Request, Reply, Authority]:
    """Logs in; answers the authority for what follows. now: seconds on any clock that runs steadily.

    Raises:
        Unauthorized: user name or password are wrong.
        Unreachable: the device cannot say now.
    """
    request = Request("POST", LOGIN, msgspec.json.encode(_login_body(credentials)), _JSON)
    reply = yield request
    answer = answers.read(reply)
    if answer.status == 400 and _TOO_MANY in answer.words:
        yield from drop_old_tokens(credentials, now)
        answer = answers.read((yield request))
    if answer.status == 404:
        # Before 12.0 there is no token login. A device that restarts says 404 as well, and to what follows then 503.
        return basic(credentials, now)
    if wants_new_login(reply):
        raise turned_away(reply)
    if answer.status == 401:
        raise Unauthorized(f"The BIG-IP refuses user {credentials.username}: {answer.words.rstrip('.')}.")
    answer.required(f"let user {credentials.username} log in")
    return _authority(answer.value, now)


def _login_body(credentials: Credentials) -> dict[str, str]:
    return {
        "username": credentials.username,
        "password": credentials.password,
        "loginProviderName": "tmos",
    }


def _authority(value: object, now: float) -> Authority:
    token = value.get("token") if isinstance(value, dict) else None
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        raise Unreachable("The BIG-IP answers a login without a token.")
    name: str = token["token"]
    return Authority({"X-F5-Auth-Token": name}, name, now + usable_s(token))


def usable_s(token: Mapping[str, object]) -> float:
    """Seconds for which a new token is used: its lifetime but the last minute; half of a very short one.

    Lifetime is what the device says between its own two times, so its clock may be wrong.
    """
    ends, starts, timeout = (token.get(key) for key in ("expirationMicros", "lastUpdateMicros", "timeout"))
    if isinstance(ends, int) and isinstance(starts, int) and ends > starts:
        lifetime = (ends - starts) / 1e6
    else:
        lifetime = float(timeout) if isinstance(timeout, int) else DEFAULT_LIFETIME_S
    return lifetime - EARLY_S if lifetime > 2 * EARLY_S else lifetime / 2


def drop_old_tokens(credentials: Credentials, now: float) -> Exchange:
    """Deletes those tokens of this user that end soonest: the device keeps 100 for a user and no more."""
    authority = basic(credentials, now)
    answer = answers.read((yield authority.on(Request("GET", TOKENS))))
    own = [
        (item.get("expirationMicros") or 0, str(item["token"]))
        for item in answer.items
        if item.get("userName") == credentials.username and item.get("token")
    ]
    for _, token in sorted(own, key=itemgetter(0))[:TOKENS_DROPPED]:
        yield authority.on(Request("DELETE", f"{TOKENS}/{token}"))


def logout(authority: Authority) -> Exchange:
    """Gives a token back."""
    if authority.token:
        yield authority.on(Request("DELETE", f"{TOKENS}/{authority.token}"))


def wants_new_login(reply: Reply) -> bool:
    """Whether a reply says that the token is not accepted, rather than the user or the role.

    The device also says "no user authentication header" now and then under load, to requests that bear one.
    """
    return reply.status == 401 and any(words in answers.read(reply).words for words in _STALE)


def wrong_password(reply: Reply) -> bool:
    """Whether Basic credentials were turned away, rather than overlooked by a device that starts."""
    if reply.status != 401 or wants_new_login(reply):
        return False
    return answers.read(reply).sense is Sense.DENIED and not _about_role(reply)


def _about_role(reply: Reply) -> bool:
    return "Authorization failed: user=" in answers.read(reply).words


def turned_away(reply: Reply) -> DriverError:
    """What to raise when a fresh login is not accepted either."""
    return Unreachable(f"The BIG-IP does not accept its own new token: {answers.read(reply).words.rstrip('.')}.")
