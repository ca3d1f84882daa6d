"""Two replicas in processes of their own, one real API server, one device: who leads, and what a change costs."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import pytest

from patience import PATIENCE_S
from real.tutorial import ENDPOINTS, POD_PORT, Bench, backends, endpoints, example_vs, nginx
from turnbuckle.runtime.leader import lease_names

pytestmark = pytest.mark.real

CLUSTER = "--pool-member-type=cluster"


def lease_path(bench: Bench) -> str:
    (name,) = lease_names(("k8s",), bench.device.url)
    return f"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{name}"


def pools_written(bench: Bench) -> list[str]:
    """Writes to pools; the first one of each leader goes with its fence, in a transaction."""
    return [one for one in bench.writes() if "/ltm/pool" in one]


async def holder(admin: Any, bench: Bench) -> str:
    status, lease = await admin._send("GET", lease_path(bench))
    return str(lease["spec"].get("holderIdentity") or "") if status == 200 else ""


async def new_holder(admin: Any, bench: Bench, before: str) -> None:
    """Waits until somebody else holds the Lease."""
    ends = time.monotonic() + PATIENCE_S
    while (await holder(admin, bench)) in ("", before):
        assert time.monotonic() < ends, f"nobody took over from {before}"
        await asyncio.sleep(0.05)


async def looked_at(admin: Any, bench: Bench) -> None:
    """Waits until who holds the Lease has read what is written on it now."""
    seen, ends = set(), time.monotonic() + PATIENCE_S
    # It is read before each renewal, so that the second one from here on comes after a reading that began later.
    while len(seen) < 3:
        assert time.monotonic() < ends, "the Lease is not renewed"
        _, lease = await admin._send("GET", lease_path(bench))
        seen.add(lease["spec"]["renewTime"])
        await asyncio.sleep(0.1)


async def test_a_second_replica_takes_over_from_one_that_stops_and_from_one_that_dies(admin: Any, bench: Bench) -> None:
    other = Bench(bench.device, bench.kubeconfig, admin)
    try:
        async with backends(ENDPOINTS, POD_PORT, range(1, 5)):
            for manifest in (nginx(), endpoints(2), example_vs()):
                await admin.put(manifest)
            await bench.run(CLUSTER)
            await bench.until(lambda: len(bench.members()) == 2)
            first = await holder(admin, bench)
            await other.run(CLUSTER)
            logins = sum("/authn/login" in entry.path for entry in bench.device.journal.since(0))
            await other.until(
                lambda: sum("/authn/login" in e.path for e in bench.device.journal.since(0)) > logins,
                seconds=PATIENCE_S,
            )
            writes = len(pools_written(bench))
            await bench.stop()
            await new_holder(admin, bench, first)
            second = await holder(admin, bench)
            await bench.run(CLUSTER)
            await admin.put(endpoints(3))
            await other.until(lambda: len(other.members()) == 3)
            await other.kill()
            await new_holder(admin, bench, second)
            await admin.put(endpoints(4))
            await bench.until(lambda: len(bench.members()) == 4)
            assert await bench.answers(16) == {ENDPOINTS.format(n) for n in range(1, 5)}
            assert len(pools_written(bench)) == writes + 2
    finally:
        await other.stop()


async def test_a_controller_is_frozen_by_its_lease(admin: Any, bench: Bench) -> None:
    async with backends(ENDPOINTS, POD_PORT, range(1, 4)):
        for manifest in (nginx(), endpoints(2), example_vs()):
            await admin.put(manifest)
        await bench.run(CLUSTER)
        await bench.until(lambda: len(bench.members()) == 2)
        freeze = (f"--kubeconfig={bench.kubeconfig}", f"--bigip-url={bench.device.url}", "--bigip-partition=k8s")
        assert "frozen: device" in await turnbuckle("freeze", "device", *freeze)
        await looked_at(admin, bench)
        await admin.put(endpoints(3))
        while "waits: ltm pool" not in (shown := await turnbuckle("freeze", *freeze)):
            assert "frozen: device" in shown
        assert len(bench.members()) == 2
        assert "nothing is frozen" in await turnbuckle("freeze", "--lift", *freeze)
        await bench.until(lambda: len(bench.members()) == 3)


async def turnbuckle(*words: str) -> str:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "turnbuckle", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()
