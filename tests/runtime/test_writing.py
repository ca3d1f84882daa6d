"""Writing to an API server: one request an object, and which answer is which error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from fakes.kubeapi import FakeKubeApi
from runtime.cluster import config_map
from turnbuckle.engine.protocol import Resource
from turnbuckle.sources.kubernetes import Access, Busy, FixedLogin, Forbidden, NotFound, Unauthorized, Unreachable
from turnbuckle.sources.kubernetes.writing import Conflict, ObjectWriter

CONFIG_MAPS = Resource("", "v1", "configmaps")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
NODES = Resource("", "v1", "nodes", namespaced=False)
LEASE = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "one"}}


@contextlib.asynccontextmanager
async def server(**how) -> AsyncIterator[tuple[FakeKubeApi, ObjectWriter]]:
    api = FakeKubeApi(**how)
    access = Access(await api.start(), authorization="Bearer first" if how else "")
    try:
        async with ObjectWriter(FixedLogin(access)) as writer:
            yield api, writer
    finally:
        await api.stop()


async def test_an_object_is_created_read_changed_and_deleted():
    async with server() as (api, writer):
        await writer.create(LEASES, "default", LEASE)
        found = await writer.get(LEASES, "default", "leader")
        changed = {**found, "spec": {"holderIdentity": "other"}}
        assert (await writer.replace(LEASES, "default", "leader", changed))["spec"] == {"holderIdentity": "other"}
        patched = await writer.patch(LEASES, "default", "leader", {"spec": {"leaseDurationSeconds": 15}})
        assert patched["spec"] == {"holderIdentity": "other", "leaseDurationSeconds": 15}
        await writer.delete(LEASES, "default", "leader")
        with pytest.raises(NotFound):
            await writer.get(LEASES, "default", "leader")
        path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        assert [one.path for one in api.requests("create") + api.requests("patch")] == [path, f"{path}/leader"]


async def test_what_exists_already_or_has_changed_since_is_a_conflict():
    async with server() as (_, writer):
        first = await writer.create(LEASES, "default", LEASE)
        with pytest.raises(Conflict):
            await writer.create(LEASES, "default", LEASE)
        await writer.patch(LEASES, "default", "leader", {"spec": {"holderIdentity": "other"}})
        with pytest.raises(Conflict):
            await writer.replace(LEASES, "default", "leader", first)


async def test_null_takes_a_field_away_and_the_rest_stays():
    async with server() as (api, writer):
        api.put(config_map(annotations={"a": "1", "b": "2"}))
        patch = {"metadata": {"annotations": {"a": None}}}
        found = await writer.patch(CONFIG_MAPS, "default", "web", patch)
        assert found["metadata"]["annotations"] == {"b": "2"}


async def test_a_missing_right_names_the_verb_and_the_resource():
    async with server() as (api, writer):
        api.fail("patch", "leases", status=403)
        with pytest.raises(Forbidden) as raised:
            await writer.patch(LEASES, "default", "leader", {})
        assert str(raised.value).endswith('Grant the verb patch for leases of "coordination.k8s.io".')


async def test_a_login_that_is_not_accepted_is_renewed_once():
    class Renewing:
        asked = 0

        async def access(self) -> Access:
            return Access(url, "Bearer old")

        async def renew(self, stale: Access) -> Access:
            self.asked += 1
            return Access(url, "Bearer first" if stale.authorization == "Bearer old" else "Bearer worse")

    api = FakeKubeApi(tokens=("first",))
    url = await api.start()
    try:
        login = Renewing()
        async with ObjectWriter(login) as writer:
            await writer.create(LEASES, "default", LEASE)
            assert login.asked == 1
            api.tokens = {"another"}
            with pytest.raises(Unauthorized) as raised:
                await writer.get(LEASES, "default", "leader")
        assert "first" not in str(raised.value)
    finally:
        await api.stop()


async def test_a_busy_server_says_when_to_come_back():
    async with server() as (api, writer):
        api.fail("get", "nodes", status=429, headers={"Retry-After": "7"})
        with pytest.raises(Busy) as raised:
            await writer.get(NODES, "", "n1")
        assert raised.value.retry_after_s == 7


async def test_no_server_is_unreachable():
    async with server() as (api, writer):
        await api.stop()
        with pytest.raises(Unreachable, match="cannot be reached"):
            await writer.create(LEASES, "default", LEASE)


async def test_an_answer_that_is_no_object_is_unreachable_and_not_repeated():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n<html>password</html>\n")
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with ObjectWriter(FixedLogin(Access(url))) as writer:
            with pytest.raises(Unreachable) as raised:
                await writer.get(LEASES, "default", "leader")
    assert "password" not in str(raised.value)
