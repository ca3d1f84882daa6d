"""How we get to an API server: address, trust and credentials, from a pod's files or from a kubeconfig."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from turnbuckle.sources.kubernetes.errors import LoginFailed

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_READ_AGAIN_S = 60.0
_BEFORE_EXPIRY_S = 30.0

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
    """The service account of the pod that we run in. Kubernetes replaces its token about every hour, its CA seldom."""

    def __init__(
        self,
        directory: Path = SERVICE_ACCOUNT,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises LoginFailed when this is no pod.

        directory: where the files `token` and `ca.crt` are. clock: seconds, by which the files are read again.
        """
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise LoginFailed(
                "This does not run inside a Kubernetes cluster: KUBERNETES_SERVICE_HOST is not set. "
                "Name a kubeconfig with --kubeconfig."
            )
        self._url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._token_file, self._ca_file = directory / "token", directory / "ca.crt"
        self._clock = clock
        self._current: Access | None = None
        self._texts: tuple[str, str] = ("", "")
        self._stamp: _Stamp = ()
        self._read_at = 0.0

    async def access(self) -> Access:
        """The access; token and CA are read again when their files changed, and once a minute in any case."""
        # A file system that is mounted over a network may show an old time of change.
        stale = self._clock() - self._read_at >= _READ_AGAIN_S
        if self._current is None or stale or _stamp_of(self._token_file, self._ca_file) != self._stamp:
            return self._read()
        return self._current

    async def renew(self, stale: Access) -> Access:
        """The access with the token as it is on the disk now."""
        return self._read() if self._current is None or self._current is stale else self._current

    def _read(self) -> Access:
        """The access by what the files hold; the same one as before if they hold the same."""
        stamp, now = _stamp_of(self._token_file, self._ca_file), self._clock()
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise LoginFailed(f"The service account's token cannot be read: {error}.") from error
        try:
            authority = self._ca_file.read_text(encoding="ascii")
            if self._current is None or self._texts != (token, authority):
                tls = ssl.create_default_context(cadata=authority)
                self._current, self._texts = Access(self._url, f"Bearer {token}", tls), (token, authority)
        except (OSError, ValueError) as error:
            raise LoginFailed(
                f"The cluster's certificate authority cannot be read from {self._ca_file}: {error}."
            ) from error
        self._stamp, self._read_at = stamp, now
        return self._current


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a kubeconfig gave. files: those that it names. expires_at: seconds since 1970; None if it is not known."""

    access: Access
    files: tuple[Path, ...] = ()
    expires_at: float | None = None


class KubeconfigLogin:
    """What a kubeconfig says, logins by a plugin (exec) and OIDC included."""

    def __init__(
        self, path: str | None = None, context: str | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """path: one file, or several with colons between them; None: $KUBECONFIG, else ~/.kube/config.

        clock: seconds since 1970, by which credentials expire.
        """
        self._path = path or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        self._context = context
        self._clock = clock
        self._current: _Loaded | None = None
        self._stamp: _Stamp = ()
        self._one_at_a_time = asyncio.Lock()

    async def access(self) -> Access:
        """The access; loaded again when it is about to expire, or a kubeconfig or a file that it names changed."""
        async with self._one_at_a_time:
            current = self._current
            if current is None or self._expires(current) or self._stamp_with(current.files) != self._stamp:
                current = await self._load()
            return current.access

    async def renew(self, stale: Access) -> Access:
        """Loads the kubeconfig again, which runs a login plugin again; once however many ask."""
        async with self._one_at_a_time:
            current = self._current
            if current is None or current.access is stale:
                current = await self._load()
            return current.access

    def _expires(self, loaded: _Loaded) -> bool:
        return loaded.expires_at is not None and self._clock() >= loaded.expires_at - _BEFORE_EXPIRY_S

    def _paths(self) -> tuple[Path, ...]:
        return tuple(Path(part).expanduser() for part in self._path.split(os.pathsep) if part)

    def _stamp_with(self, files: tuple[Path, ...]) -> _Stamp:
        return _stamp_of(*self._paths(), *files)

    async def _load(self) -> _Loaded:
        if not self._stamp_with(()):
            raise LoginFailed(f"There is no kubeconfig {self._path}. Name another one with --kubeconfig.")
        from turnbuckle.sources.kubernetes.kubeconfig import load, named_files

        files = named_files(self._paths())
        stamp = self._stamp_with(files)
        access, expires_at = await load(self._path, self._context)
        # Taken before the files were read: what changed meanwhile is noticed the next time.
        self._stamp = stamp
        self._current = _Loaded(access, files, expires_at)
        return self._current


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
