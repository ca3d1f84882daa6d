"""Writes to an API server: single objects, each in one request, under the login that reading uses.

Nothing is tried again here but a login that the server no longer accepts: whoever writes knows whether the write still
makes sense. To the tree in errors.py it adds

Refused
└── Conflict             409: the object exists already, or is another one than the writer knew
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import aiohttp
import msgspec

from turnbuckle.engine.protocol import Resource
from turnbuckle.sources.kubernetes.discovery import root_path
from turnbuckle.sources.kubernetes.errors import BY_STATUS, KubernetesError, Refused, Unreachable
from turnbuckle.sources.kubernetes.login import Access, Login

FIELD_MANAGER = "turnbuckle"
"""The name by which the server notes which fields are ours."""

Object = Mapping[str, Any]

_LIMITS = aiohttp.ClientTimeout(total=15, sock_connect=5)
_LARGEST_REFUSAL = 2**16
_LONGEST_QUOTE = 256
_JSON = "application/json"
_FORMS: Mapping[str, str] = {
    "merge": "application/merge-patch+json",
    # The server reads YAML there, of which JSON is a part.
    "apply": "application/apply-patch+yaml",
}
_RIGHTS: Mapping[str, str] = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Conflict(Refused):
    """409: the object exists already, or is another one than the writer knew."""


class ObjectWriter:
    """Reads and writes single objects; an `async with` block holds the connections.

    Every method answers the object as the server has it afterwards, and raises KubernetesError when that is not known:
    NotFound, Conflict and Forbidden among others. What came of a write after Unreachable is open.
    """

    def __init__(self, login: Login) -> None:
        self._login = login

    async def __aenter__(self) -> ObjectWriter:
        headers = {"Accept": _JSON, "User-Agent": "turnbuckle"}
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=4), headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """An object as it is now."""
        return await self._ask("GET", _path(resource, namespace, name), resource)

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """A new object; Conflict when there is one of that name."""
        path = _path(resource, namespace)
        return await self._ask("POST", path, resource, body, _JSON, {"fieldManager": FIELD_MANAGER})

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """The whole object anew; Conflict when its resource version is not that of `body` any more."""
        path = _path(resource, namespace, name)
        return await self._ask("PUT", path, resource, body, _JSON, {"fieldManager": FIELD_MANAGER})

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Object,
        *,
        form: Literal["merge", "apply"] = "merge",
        subresource: str = "",
    ) -> Object:
        """Some fields of an object. merge: null takes a field away; apply: what is not named any more goes.

        A metadata.uid in a merge is a condition: Conflict when the object is not that one.
        """
        path = _path(resource, namespace, name, subresource)
        return await self._ask("PATCH", path, resource, body, _FORMS[form], {"fieldManager": FIELD_MANAGER})

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Takes an object away."""
        await self._ask("DELETE", _path(resource, namespace, name), resource)

    async def _ask(
        self,
        method: str,
        path: str,
        resource: Resource,
        body: Object | None = None,
        form: str = _JSON,
        params: Mapping[str, str] | None = None,
    ) -> Object:
        content = None if body is None else msgspec.json.encode(body)
        access = await self._login.access()
        status, answer, wait = await self._send(access, method, path, content, form, params)
        if status == 401:
            # A 401 comes before anything was done, so that a write may be sent again.
            access = await self._login.renew(access)
            status, answer, wait = await self._send(access, method, path, content, form, params)
        if status not in (200, 201, 202):
            raise _refusal(method, path, resource, status, answer, wait)
        try:
            said: Object = msgspec.json.decode(answer, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Unreachable(f"The API server's answer to {method} {path} cannot be read: {error}.") from error
        return said

    async def _send(
        self,
        access: Access,
        method: str,
        path: str,
        content: bytes | None,
        form: str,
        params: Mapping[str, str] | None,
    ) -> tuple[int, bytes, str]:
        headers = {} if content is None else {"Content-Type": form}
        if access.authorization:
            headers["Authorization"] = access.authorization
        try:
            async with self._session.request(
                method,
                access.url + path,
                params=params,
                data=content,
                headers=headers,
                ssl=access.tls or True,
                server_hostname=access.server_name or None,
                proxy=access.proxy or None,
                timeout=_LIMITS,
                allow_redirects=False,
            ) as response:
                return response.status, await response.read(), response.headers.get("Retry-After", "")
        except TimeoutError as error:
            raise Unreachable(f"The API server does not answer {method} {path}: time is up.") from error
        except (aiohttp.ClientError, OSError) as error:
            words = str(error).rstrip(".") or type(error).__name__
            raise Unreachable(f"The API server cannot be reached: {words}.") from error


def _path(resource: Resource, namespace: str, name: str = "", subresource: str = "") -> str:
    inside = f"/namespaces/{namespace}" if resource.namespaced else ""
    parts = [f"{root_path(resource)}{inside}/{resource.plural}", name, subresource]
    return "/".join(part for part in parts if part)


def _refusal(
    method: str, path: str, resource: Resource, status: int, answer: bytes, retry_after: str
) -> KubernetesError:
    try:
        said = msgspec.json.decode(answer[:_LARGEST_REFUSAL])
    except msgspec.DecodeError:
        said = None
    # Anything but a Status may be a proxy's page, or hold what does not belong in a log.
    message = str(said.get("message", "")) if isinstance(said, dict) else ""
    words = f": {message[:_LONGEST_QUOTE].rstrip('.')}" if message else ""
    where = f'"{resource.group}"' if resource.group else 'the core group, ""'
    advice = f" Grant the verb {_RIGHTS[method]} for {resource.plural} of {where}." if status == 403 else ""
    kind = Conflict if status == 409 else BY_STATUS.get(status, Refused)
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return kind(f"The API server answers {status} to {method} {path}{words}.{advice}", seconds)
