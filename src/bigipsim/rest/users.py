"""Decides what /mgmt/tm/auth/user accepts and shows: local accounts as configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bigipsim.exchange import Refused, Request, Response
from bigipsim.rest import errors
from bigipsim.rest.accounts import ALL_PARTITIONS, ROLES, Account, Caller, hashed, to_wire
from bigipsim.rest.commands import body_of
from bigipsim.rest.listing import listing, self_link, single
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

_SHELLS: Final = ("none", "tmsh", "bash")
_IGNORED: Final = frozenset({"kind", "fullPath", "generation", "selfLink", "encryptedPassword", "partition"})
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]{0,31}")


def _wire(box: Box, account: Account) -> dict[str, Any]:
    body = to_wire(account)
    for entry in body["partitionAccess"]:
        entry["nameReference"] = {"link": self_link(box, f"auth/partition/{entry['name']}")}
    body["generation"] = account.generation
    body["selfLink"] = self_link(box, f"auth/user/{account.name}")
    return body


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return listing(box, request, "auth/user", [_wire(box, account) for account in box.auth.accounts.items()])


def _find(box: Box, name: str) -> Account:
    account = box.auth.accounts.get(name)
    if account is None:
        raise errors.not_found("user", name)
    return account


def _get(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return single(box, request, _wire(box, _find(box, match["name"])))


def _post(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    _check_rights(box, caller, request, name="")
    body = _body(request)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise errors.identifier_needed()
    if not _NAME.fullmatch(name):
        raise errors.invalid_value("name", name)
    if box.auth.accounts.get(name) is not None:
        raise errors.already_exists("user", name, "Common")
    blank = Account(name, {ALL_PARTITIONS: "no-access"}, generation=0)
    return _store(box, _changed(box, blank, body))


def _patch(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    account = _find(box, match["name"])
    body = _body(request)
    _check_rights(box, caller, request, account.name if set(body) <= {"password", "oldPassword"} else "")
    if not set(body) - _IGNORED - {"name"}:
        raise errors.nothing_to_modify()
    return _store(box, _changed(box, account, body))


def _put(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    account = _find(box, match["name"])
    _check_rights(box, caller, request, name="")
    blank = replace(account, description="", shell="")
    return _store(box, _changed(box, blank, _body(request)))


def _delete(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    account = _find(box, match["name"])
    _check_rights(box, caller, request, name="")
    if account.name == box.auth.accounts.administrator:
        raise errors.configuration(f"The primary administrator ({account.name}) cannot be deleted.")
    box.auth.accounts.remove(account.name)
    box.auth.forget_tokens(account.name)
    return Response(200)


def _store(box: Box, account: Account) -> Response:
    account = replace(account, generation=account.generation + 1)
    box.auth.accounts.put(account)
    return Response.json(200, _wire(box, account))


def _check_rights(box: Box, caller: Caller, request: Request, name: str) -> None:
    """Lets pass who may change users, and everybody who changes only the password of `name`, its own."""
    if caller.name != name and not caller.may_write("", "auth/user", request.method):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    if caller.role("") == "resource-admin":
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)


def _body(request: Request) -> dict[str, Any]:
    if "x-f5-rest-coordination-id" in request.headers:
        raise errors.not_implemented("users in transactions; send the request outside of one")
    return body_of(request)


def _changed(box: Box, account: Account, body: Mapping[str, Any]) -> Account:
    for key, value in body.items():
        if key in _IGNORED or key in ("name", "oldPassword"):
            continue
        if key in ("partitionAccess", "partition-access"):
            account = replace(account, roles=_roles(box, value))
        elif key not in ("password", "description", "shell"):
            raise errors.unknown_property(key)
        elif not isinstance(value, str) or (key == "shell" and value not in _SHELLS):
            raise errors.invalid_value(key, value)
        elif key == "password":
            account = replace(account, secret=hashed(value))
        elif key == "description":
            account = replace(account, description=value)
        else:
            account = replace(account, shell="" if value == "none" else value)
    return account


def _roles(box: Box, value: Any) -> dict[str, str]:
    """Roles by partition, from a list of {"name", "role"} or an object {partition: {"role"}}."""
    if isinstance(value, dict):
        value = [{"name": name, **entry} for name, entry in value.items() if isinstance(entry, dict)]
    if not isinstance(value, list) or not value:
        raise errors.identifier_needed()
    roles: dict[str, str] = {}
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise errors.identifier_needed()
        name, role = entry["name"], entry.get("role", "no-access")
        if role not in ROLES:
            raise errors.invalid_value("role", role)
        if name != ALL_PARTITIONS and box.tree.get("auth/partition", name) is None:
            raise errors.folder_not_found(f"/{name}")
        roles[name] = role
    if ALL_PARTITIONS in roles and len(roles) > 1:
        raise _all_and_more()
    return roles


def _all_and_more() -> Refused:
    return errors.configuration("A user with access to all-partitions cannot have a role in a single partition.")


_USERS: Final = r"tm/auth/user"
_USER: Final = rf"{_USERS}/(?P<name>[^/~]+)"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", _USERS, _list),
    Route("POST", _USERS, _post),
    Route("GET", _USER, _get),
    Route("PATCH", _USER, _patch),
    Route("PUT", _USER, _put),
    Route("DELETE", _USER, _delete),
)
