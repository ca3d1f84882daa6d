"""What the demo publishes: sample backends that answer their name, and the manifests that name them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from aiohttp import web

CONFIGMAP_FILE = "virtual-server.yaml"
SERVICE_FILE = "service.yaml"
ENDPOINTS_FILE = "endpoints.yaml"
PARTITION = "k8s"
VIRTUAL_SERVER = "/k8s/default_hello"
POOL = "/k8s/cfgmap_default_hello_hello"
POD_NETWORK = "198.51.100.0/24"
POD_NETWORK_HERE = "127.1.0.0/24"
ADDRESS = "203.0.113.1"
ADDRESS_NETWORK = "203.0.113.0/24"
ADDRESS_NETWORK_HERE = "127.0.0.0/24"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="font: 1.2rem system-ui; margin: 15vh auto; max-width: 34rem; padding: 0 1rem">
<h1 style="border-left: .6rem solid {colour}; padding-left: .8rem">Hello from {name}</h1>
<p>Its endpoint is {address}; you came by a virtual server of a simulated BIG-IP. Load the page again, and the next
backend answers.</p></body></html>
"""
_COLOURS = ("#c22b2b", "#1f6fb2", "#2c8a4b", "#b07408", "#7a3fa0")


class BackendsNotStarted(Exception):
    """The sample backends could not listen; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One sample web server.

    endpoint: the address in the manifests. here: the loopback address where it really listens.
    """

    number: int

    @property
    def name(self) -> str:
        """What it answers."""
        return f"backend-{self.number}"

    @property
    def endpoint(self) -> str:
        """The address that the manifests give it."""
        return f"198.51.100.{self.number}"

    @property
    def here(self) -> str:
        """The address of this machine that the simulator sends its traffic to."""
        return f"127.1.0.{self.number}"

    async def answer(self, request: web.Request) -> web.Response:
        """Its name: as a page for a browser, as a line for everything else."""
        headers = {"X-Backend": self.name, "Cache-Control": "no-store"}
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(text=f"Hello from {self.name} ({self.endpoint})\n", headers=headers)
        colour = _COLOURS[(self.number - 1) % len(_COLOURS)]
        page = _PAGE.format(name=escape(self.name), address=self.endpoint, colour=colour)
        return web.Response(text=page, content_type="text/html", headers=headers)


class Backends:
    """Sample web servers that all listen on one port, each on an address of its own."""

    def __init__(self, count: int) -> None:
        self.all = tuple(Backend(number) for number in range(1, count + 1))
        self.port = 0
        self._runners: dict[Backend, web.AppRunner] = {}

    async def start(self) -> None:
        """Listens; the port is one that is free.

        Raises:
            BackendsNotStarted: this machine lacks the loopback addresses, or they are in use.
        """
        for backend in self.all:
            app = web.Application()
            app.router.add_get("/{path:.*}", backend.answer)
            runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.0)
            await runner.setup()
            self._runners[backend] = runner
            try:
                await web.TCPSite(runner, backend.here, self.port).start()
            except OSError as error:
                where = f"{backend.here}:{self.port}" if self.port else backend.here
                raise BackendsNotStarted(
                    f"{backend.name} cannot listen on {where}: {error.strerror or error}. The demo needs the addresses "
                    f"{self.all[0].here} to {self.all[-1].here}, which every Linux machine has."
                ) from error
            self.port = self.port or int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Closes them all."""
        for runner in self._runners.values():
            await runner.cleanup()
        self._runners.clear()


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder with the manifests of the demo.

    backend_port: where the backends listen. port: the virtual server's.
    """

    folder: Path
    backend_port: int
    port: int

    def publish(self, backends: Sequence[Backend]) -> None:
        """Everything that it takes: the Service, its endpoints, and the virtual server."""
        self._write(SERVICE_FILE, _SERVICE.format(port=self.backend_port))
        self.scale(backends)
        self.mend()

    def scale(self, backends: Sequence[Backend]) -> None:
        """The endpoints of the Service are these backends, as after a change of replicas."""
        rows = "".join(f"  - addresses: [{backend.endpoint}]   # {backend.name}\n" for backend in backends)
        self._write(ENDPOINTS_FILE, _ENDPOINTS.format(port=self.backend_port, rows=rows))

    def mend(self) -> None:
        """The virtual server as it should be."""
        self._write(CONFIGMAP_FILE, _CONFIGMAP.format(port=self.port))

    def break_port(self, port: int) -> None:
        """The virtual server with another port: a mistake when it is above 65535."""
        self._write(CONFIGMAP_FILE, _CONFIGMAP.format(port=port))

    def delete(self) -> None:
        """The virtual server is not wanted any more; the Service stays."""
        (self.folder / CONFIGMAP_FILE).unlink()

    def _write(self, name: str, text: str) -> None:
        # In one step: whoever watches the folder must never see half a file.
        draft = self.folder / f".{name}.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.folder / name)


def why_not(host: str, port: int) -> str:
    """Why a port cannot be listened on, as a sentence; empty when it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except PermissionError:
            return f"--port {port} may not be opened by this user; choose one from 1024 on."
        except OSError:
            return f"--port {port} is in use by another process; choose another one, or leave --port out."
    return ""


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: hello
  namespace: default
spec:
  type: ClusterIP
  ports:
  - name: http
    port: 80
    targetPort: {port}
"""
_ENDPOINTS = """\
# What Kubernetes writes for the ready pods of the Service "hello".
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: hello-1
  namespace: default
  labels:
    kubernetes.io/service-name: hello
addressType: IPv4
ports:
  - name: http
    port: {port}
    protocol: TCP
endpoints:
{rows}"""
_CONFIGMAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: hello
  namespace: default
  labels:
    f5type: virtual-server
data:
  schema: f5schemadb://bigip-virtual-server_v0.1.7.json
  data: |
    {{
      "virtualServer": {{
        "frontend": {{
          "partition": "k8s",
          "mode": "http",
          "balance": "round-robin",
          "virtualAddress": {{"bindAddr": "203.0.113.1", "port": {port}}}
        }},
        "backend": {{"serviceName": "hello", "servicePort": 80}}
      }}
    }}
"""
