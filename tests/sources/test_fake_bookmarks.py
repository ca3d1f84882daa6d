"""The API server in memory tells a quiet watch that it is alive, whatever else changes, as a real one does."""

from __future__ import annotations

import asyncio
import json

import aiohttp

from fakes.kubeapi import FakeKubeApi
from patience import PATIENCE_S


async def test_a_watch_gets_bookmarks_while_only_other_kinds_change() -> None:
    api = FakeKubeApi(bookmark_s=0.2)
    url = await api.start()
    watch = f"{url}/api/v1/services?watch=1&allowWatchBookmarks=true&resourceVersion=0"

    async def renew() -> None:
        for number in range(1000):
            api.put({"kind": "Node", "metadata": {"name": "n1"}, "data": number})
            await asyncio.sleep(0.05)

    renewing = asyncio.create_task(renew())
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S), session.get(watch) as reply:
            told = [json.loads(await reply.content.readline())["type"] for _ in range(3)]
    finally:
        renewing.cancel()
        await api.stop()
    assert told == ["BOOKMARK"] * 3
