"""Decides how units of a group reach each other: beats and configurations over the control interface, by HTTPS.

Certificates are not verified: each unit has made its own at its start.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import aiohttp
import msgspec

from bigipsim.group.control import LINK_DOWN
from bigipsim.group.group import Group, Peer, SyncRefused
from bigipsim.group.membership import NEVER, GroupMistake, Report, Shared

logger = logging.getLogger(__name__)

LONGEST_BEAT_S: Final = 1.0
"""A unit that takes longer to answer has missed the beat; one that is gone refuses the connection at once."""

LONGEST_SYNC_S: Final = 60.0


class Link:
    """Keeps one unit in touch with all its peers, from `start` to `stop`."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Speaks to the peers from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Falls silent, in the middle of a word if need be."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as crew:
            attended: dict[str, asyncio.Task[None]] = {}
            while True:
                for url in self._group.peers:
                    if url not in attended or attended[url].done():
                        attended[url] = crew.create_task(self._attend(session, url))
                self._group.decide()
                await self._synchronise(session)
                await asyncio.sleep(self._group.membership.beat_s)

    async def _attend(self, session: aiohttp.ClientSession, url: str) -> None:
        """Sends one beat after the other to a peer for as long as it is one."""
        while (peer := self._group.peers.get(url)) is not None:
            if peer.cut:
                self._group.miss(url)
            else:
                await self._beat(session, url)
            await asyncio.sleep(self._group.membership.beat_s)

    async def _beat(self, session: aiohttp.ClientSession, url: str) -> None:
        body = msgspec.json.encode(self._group.report())
        timeout = aiohttp.ClientTimeout(total=LONGEST_BEAT_S)
        try:
            async with session.post(f"{url}/_sim/beat", data=body, timeout=timeout) as answer:
                content = await answer.read()
                if answer.status == 200:
                    self._group.hear(msgspec.json.decode(content, type=Report), asked=url)
                else:
                    self._group.miss(url, "" if answer.status == LINK_DOWN else _words(content))
        except (aiohttp.ClientError, OSError):
            self._group.miss(url)
        except (GroupMistake, msgspec.MsgspecError) as error:
            self._group.miss(url, str(error))

    async def _synchronise(self, session: aiohttp.ClientSession) -> None:
        group = self._group
        ordered = group.next_order()
        failures: list[str] = []
        if ordered == "from-group":
            failures = [await self._pull(session)]
        for peer in group.receivers(ordered):
            failures.append(await self._push(session, peer))
        if ordered is not None or failures:
            group.synchronised("; ".join(filter(None, failures)))

    async def _push(self, session: aiohttp.ClientSession, peer: Peer) -> str:
        """Gives the configuration to a peer; answers what went wrong."""
        body = msgspec.json.encode(self._group.shared())
        timeout = aiohttp.ClientTimeout(total=LONGEST_SYNC_S)
        try:
            async with session.post(f"{peer.url}/_sim/config", data=body, timeout=timeout) as answer:
                content = await answer.read()
                if answer.status != 200:
                    return f"{peer.name}: {_words(content)}"
                self._group.hear(msgspec.json.decode(content, type=Report), asked=peer.url)
        except (aiohttp.ClientError, OSError, GroupMistake, msgspec.MsgspecError) as error:
            return f"{peer.name} did not take the configuration: {error or type(error).__name__}"
        return ""

    async def _pull(self, session: aiohttp.ClientSession) -> str:
        """Takes the configuration of the peer with the newest; answers what went wrong."""
        offers = [one for one in self._group.present() if one.commit is not None and one.commit != self._group.commit]
        if not offers:
            return ""
        source = max(offers, key=lambda one: one.commit or NEVER)
        timeout = aiohttp.ClientTimeout(total=LONGEST_SYNC_S)
        try:
            async with session.get(f"{source.url}/_sim/config", timeout=timeout) as answer:
                content = await answer.read()
                if answer.status != 200:
                    return f"{source.name}: {_words(content)}"
                self._group.adopt(msgspec.json.decode(content, type=Shared))
        except (aiohttp.ClientError, OSError, SyncRefused, msgspec.MsgspecError) as error:
            return f"{source.name} did not give its configuration: {error or type(error).__name__}"
        return ""


class _Sentence(msgspec.Struct, frozen=True):
    message: str = ""


def _words(content: bytes) -> str:
    """The sentence with which another unit refuses."""
    try:
        return msgspec.json.decode(content, type=_Sentence).message
    except msgspec.MsgspecError:
        return "it answers as no bigipsim does"
