"""What the tests of commands share: the program, manifests, and a simulated BIG-IP behind HTTPS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_samples import SERVICE, resource
from click.testing import CliRunner, Result

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.server import SimServer
from turnbuckle.cli.commands import commands as main


@pytest.fixture
def turnbuckle() -> Callable[..., Result]:
    """Runs a command line; keyword arguments are its environment, which has no other BIGIP_ variables."""

    def run(*words: str, **environ: str) -> Result:
        unset: dict[str, str | None] = dict.fromkeys(("BIGIP_URL", "BIGIP_USERNAME", "BIGIP_PASSWORD"))
        return CliRunner().invoke(main, list(words), env={**unset, **environ})

    return run


@pytest.fixture
def device() -> Iterator[SimServer]:
    """A device with partition k8s, user admin and password admin; in a thread, for the commands block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    box = Box(SystemClock())
    box.tree.create("auth/partition", {"name": "k8s"})
    server = SimServer(box, dataplane=False)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def login(device: SimServer) -> list[str]:
    """The flags that name the device."""
    return [f"--bigip-url={device.url}", "--bigip-username=admin", "--bigip-password=admin", "--insecure"]


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A folder without a mistake: a virtual server, its Service and a node."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "web.yaml").write_text(resource("web"))
    (folder / "service.yaml").write_text(SERVICE)
    return folder
