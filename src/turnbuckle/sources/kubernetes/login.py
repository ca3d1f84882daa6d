"""How we get to an API server: address, trust and credentials, from a pod's files or from a kubeconfig."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from turnbuckle.sources.kubernetes.errors import LoginFailed

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and how to speak to it.

    url: without a slash at its end. authorization: value of the header; empty for none.
    tls: None for the system's trust. server_name: name to expect in the certificate instead of the URL's.
    """

    url: str
    authorization: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    server_name: str = ""
    proxy: str = ""


class Login(Protocol):
    """A way to get Access."""

    async def access(self) -> Access:
        """The access to use now; files that changed since are read again.

        Raises:
            LoginFailed: it cannot be had.
        """
        ...

    async def renew(self, stale: Access) -> Access:
        """Another access, after the server no longer accepts `stale`; the same one when there is no other.

        Raises:
            LoginFailed: it cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedLogin:
    """An access that never changes, for a server that asks for nothing (a local proxy)."""

    fixed: Access

    async def access(self) -> Access:
        """The access."""
        return self.fixed

    async def renew(self, stale: Access) -> Access:
        """The same again."""
        return self.fixed


class InClusterLogin:
    """The service account of the pod that we run in. Kubernetes replaces its token about every hour."""

    def __init__(self, directory: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> None:
        """Raises LoginFailed when this is no pod.

        directory: where the files `token` and `ca.crt` are.
        """
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise LoginFailed(
                "This does not run inside a Kubernetes cluster: KUBERNETES_SERVICE_HOST is not set. "
                "Name a kubeconfig with --kubeconfig."
            )
        self._url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._token_file, self._ca_file = directory / "token", directory / "ca.crt"
        self._current: Access | None = None
        self._stamp: _Stamp = ()

    async def access(self) -> Access:
        """The access; the token is read again when its file changed."""
        stamp = _stamp_of(self._token_file, self._ca_file)
        if self._current is None or stamp != self._stamp:
            self._current, self._stamp = self._read(), stamp
        return self._current

    async def renew(self, stale: Access) -> Access:
        """The access with the token as it is on the disk now."""
        if self._current is None or self._current is stale:
            self._current = self._read()
        return self._current

    def _read(self) -> Access:
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise LoginFailed(f"The service account's token cannot be read: {error}.") from error
        try:
            tls = ssl.create_default_context(cafile=str(self._ca_file))
        except OSError as error:
            raise LoginFailed(
                f"The cluster's certificate authority cannot be read from {self._ca_file}: {error}."
            ) from error
        return Access(self._url, f"Bearer {token}", tls)


class KubeconfigLogin:
    """What a kubeconfig says, logins by a plugin (exec) and OIDC included."""

    def __init__(self, path: str | None = None, context: str | None = None) -> None:
        """path: one file, or several with colons between them; None: $KUBECONFIG, else ~/.kube/config."""
        self._path = path or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        self._context = context
        self._current: Access | None = None
        self._stamp: _Stamp = ()
        self._one_at_a_time = asyncio.Lock()

    async def access(self) -> Access:
        """The access; a kubeconfig that changed is loaded again."""
        async with self._one_at_a_time:
            stamp = self._files_stamp()
            if self._current is None or stamp != self._stamp:
                self._current, self._stamp = await self._load(), stamp
            return self._current

    async def renew(self, stale: Access) -> Access:
        """Loads the kubeconfig again, which runs a login plugin again; once however many ask."""
        async with self._one_at_a_time:
            if self._current is None or self._current is stale:
                self._current, self._stamp = await self._load(), self._files_stamp()
            return self._current

    def _files_stamp(self) -> _Stamp:
        return _stamp_of(*(Path(part).expanduser() for part in self._path.split(os.pathsep) if part))

    async def _load(self) -> Access:
        if not self._files_stamp():
            raise LoginFailed(f"There is no kubeconfig {self._path}. Name another one with --kubeconfig.")
        from turnbuckle.sources.kubernetes.kubeconfig import load

        return await load(self._path, self._context)


def _stamp_of(*files: Path) -> _Stamp:
    """What changes when a file of these does; a file that is not there is left out."""
    stamps = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamps)
