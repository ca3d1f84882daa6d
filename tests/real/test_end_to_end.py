"""The main job against a real API server: its Secret, arguments and ConfigMap, real backends, and requests by HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from real.tutorial import ENDPOINTS, NODE_PORT, NODES, POD_PORT, Bench, backends, endpoints, example_vs, nginx, node

pytestmark = pytest.mark.real


async def test_nginx_is_published_with_its_endpoints_and_scales_from_two_to_five_in_one_request(
    admin: Any, bench: Bench
) -> None:
    async with backends(ENDPOINTS, POD_PORT, range(1, 6)):
        for manifest in (nginx(), endpoints(2), example_vs()):
            await admin.put(manifest)
        await bench.run("--pool-member-type=cluster")
        await bench.until(lambda: bench.members() == {f"198.51.100.1:{POD_PORT}", f"198.51.100.2:{POD_PORT}"})
        virtual = bench.device.box.tree.get("ltm/virtual", "/k8s/default_example-vs")
        assert virtual is not None
        assert virtual.values["destination"] == "/k8s/203.0.113.7:80"
        assert await bench.answers(8) == {"198.51.100.1", "198.51.100.2"}
        before = len(bench.writes())
        await admin.put(endpoints(5))
        await bench.until(lambda: len(bench.members()) == 5)
        assert len(bench.writes()) == before + 1
        assert await bench.answers(20) == {ENDPOINTS.format(n) for n in range(1, 6)}
        assert await bench.stop() == 0
        await bench.run("--pool-member-type=cluster")
        reads = len(bench.device.journal.since(0))
        await bench.until(lambda: len(bench.device.journal.since(0)) >= reads + 8)
        await asyncio.sleep(2)
        assert bench.writes()[before + 1 :] == []
        await admin.delete("ConfigMap", "example-vs")
        await bench.until(lambda: not bench.device.box.tree.items("ltm/virtual"))
        assert bench.members() == set()


async def test_with_node_ports_there_is_a_member_for_each_eligible_node(admin: Any, bench: Bench) -> None:
    def members(*numbers: int) -> set[str]:
        return {f"{NODES.format(n)}:{NODE_PORT}" for n in numbers}

    async with backends(NODES, NODE_PORT, range(1, 4)):
        for manifest in (nginx("NodePort"), example_vs(), node(1), node(2)):
            await admin.put(manifest)
        await bench.run()
        await bench.until(lambda: bench.members() == members(1, 2))
        assert await bench.answers(8) == {NODES.format(1), NODES.format(2)}
        await admin.put(node(3))
        await bench.until(lambda: bench.members() == members(1, 2, 3))
        await admin.put(node(1, cordoned=True))
        await admin.put(node(2, ready="False"))
        await bench.until(lambda: bench.members() == members(1, 3))
        await admin.put(node(2))
        await bench.until(lambda: bench.members() == members(1, 2, 3))
        await admin.delete("Node", "node3")
        await bench.until(lambda: bench.members() == members(1, 2))
        assert await bench.answers(8) == {NODES.format(1), NODES.format(2)}
