"""A real Kubernetes API server (etcd and kube-apiserver on loopback) for tests.

It is started by the scripts `up DIR PORT` and `down DIR` in $TURNBUCKLE_SHARED/kube. Where one of them or etcd is
missing the tests are skipped with the reason; with TURNBUCKLE_REQUIRE_REAL=1 they fail instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import pytest

NAMESPACED = {"Service": "services", "Endpoints": "endpoints", "ConfigMap": "configmaps", "Pod": "pods"}
GLOBAL = {"Namespace": "namespaces", "Node": "nodes"}


class RealKubeApi:
    """A server that runs, with an administrator's kubeconfig."""

    def __init__(self, scripts: Path, directory: Path, port: int) -> None:
        self._scripts = scripts
        self._directory = directory
        self._port = port
        self.kubeconfig = ""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Starts it, with what it had when it was stopped."""
        command = [self._scripts / "up", self._directory, str(self._port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the API server does not start: {done.stderr.strip()}")
        self.kubeconfig = done.stdout.strip().splitlines()[-1]

    def down(self) -> None:
        """Stops it; its data stay."""
        command = [self._scripts / "down", self._directory]
        subprocess.run(command, capture_output=True, timeout=60, check=False)

    def kill(self) -> None:
        """Ends it as a machine does that loses power: nobody says goodbye."""
        for program in ("kube-apiserver", "etcd"):
            try:
                os.kill(int((self._directory / f"{program}.pid").read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                continue
        self.down()


class Admin:
    """Creates, replaces and deletes objects as an administrator."""

    def __init__(self, api: RealKubeApi, session: aiohttp.ClientSession) -> None:
        self._api = api
        self._session = session

    async def put(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Creates an object, or replaces it; its status as well, where the kind has one apart."""
        metadata = raw["metadata"]
        path = _path(raw["kind"], metadata.get("namespace", "default"))
        status, answer = await self._send("POST", path, raw)
        if status == 409:
            one = f"{path}/{metadata['name']}"
            _, old = await self._send("GET", one)
            version = old["metadata"]["resourceVersion"]
            fresh = {**old, **raw, "metadata": {**old["metadata"], **metadata, "resourceVersion": version}}
            status, answer = await self._send("PUT", one, fresh)
        assert status in (200, 201), answer
        if "status" in raw:
            patch = {"status": raw["status"]}
            status, answer = await self._send("PATCH", f"{path}/{metadata['name']}/status", patch)
            assert status == 200, answer
        return answer

    async def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        """Deletes an object."""
        status, answer = await self._send("DELETE", f"{_path(kind, namespace)}/{name}", {"gracePeriodSeconds": 0})
        assert status in (200, 202), answer

    async def _send(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        form = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": "Bearer admintoken", "Content-Type": form}
        async with self._session.request(method, self._api.url + path, json=body, headers=headers) as reply:
            return reply.status, await reply.json()


def _path(kind: str, namespace: str) -> str:
    return f"/api/v1/{GLOBAL[kind]}" if kind in GLOBAL else f"/api/v1/namespaces/{namespace}/{NAMESPACED[kind]}"


def missing(reason: str) -> NoReturn:
    """Skips a test for a component that is not there; where all have to be there, fails it."""
    if os.environ.get("TURNBUCKLE_REQUIRE_REAL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _free_port() -> int:
    """A port P with P+1000 and P+1001 free as well: etcd takes those."""
    for port in range(23443, 30443, 7):
        try:
            for taken in (port, port + 1000, port + 1001):
                with socket.socket() as plug:
                    plug.bind(("127.0.0.1", taken))
        except OSError:
            continue
        return port
    raise RuntimeError("no three free ports between 23443 and 31444")


@pytest.fixture(scope="session")
def kube_api() -> Iterator[RealKubeApi]:
    """The server, one for all tests; each test uses a namespace of its own."""
    scripts = Path(os.environ.get("TURNBUCKLE_SHARED", "/nowhere")) / "kube"
    if "TURNBUCKLE_SHARED" not in os.environ:
        missing("a real API server: TURNBUCKLE_SHARED does not name a directory with kube/up")
    if not (scripts / "up").exists():
        missing(f"a real API server: there is no {scripts / 'up'}")
    for program, package in (("etcd", "etcd-server"), ("openssl", "openssl"), ("curl", "curl"), ("xz", "xz-utils")):
        if not shutil.which(os.environ.get("ETCD", program) if program == "etcd" else program):
            missing(f"a real API server: {program} is not installed (Debian: {package})")
    directory = Path(tempfile.mkdtemp(prefix="kube-"))
    api = RealKubeApi(scripts, directory, _free_port())
    try:
        api.up()
        yield api
    finally:
        api.down()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
async def admin(kube_api: RealKubeApi) -> AsyncIterator[Admin]:
    """An administrator of the server."""
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        yield Admin(kube_api, session)


@pytest.fixture
async def namespace(admin: Admin, request: pytest.FixtureRequest) -> str:
    """A namespace of this test's own."""
    name = "t" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[-50:].strip("-")
    await admin.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name
