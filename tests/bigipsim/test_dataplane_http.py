"""HTTP virtual servers: each request is balanced, cookies stick, and nobody there means a reset."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest
from simlab import Lab, http_backend, lab

ONE, TWO = ("198.51.100.1", 8080), ("198.51.100.2", 8080)


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made, http_backend("one", "127.1.0.1"), http_backend("two", "127.1.0.2"):
        yield made


async def test_a_request_reaches_a_member_and_its_answer_comes_back_as_it_was(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    async with device.answer("v", "/a%2Fb?x=1%20", headers={"Host": "shop.example.com", "X-Twice": "1"}) as answer:
        seen = await answer.json()
        assert answer.headers["X-Backend"] == "one"
        assert "Set-Cookie" not in answer.headers
    assert seen["path"] == "/a%2Fb?x=1%20"
    assert ["Host", "shop.example.com"] in seen["headers"]
    assert not [name for name, _ in seen["headers"] if name == "X-Forwarded-For"]


async def test_the_virtual_server_listens_where_it_was_told_to(device: Lab) -> None:
    await device.virtual("v", "203.0.113.7", 18080)
    assert device.where("v") == ("127.2.0.7", 18080)
    found = await device.listener("v")
    assert found["state"] == "listening"
    assert found["listening"][0]["transport"] == "tcp"


async def test_requests_alternate_between_members_even_on_one_connection(device: Lab) -> None:
    await device.pool("web", ONE, TWO)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    host, port = device.where("v")
    async with aiohttp.ClientSession() as session:
        found = []
        for _ in range(6):
            async with session.get(f"http://{host}:{port}/") as answer:
                found.append((await answer.json())["backend"])
    assert Counter(found) == {"one": 3, "two": 3}


async def test_bodies_of_any_length_pass_both_ways(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    seen = await device.get("v", method="POST", data=io.BytesIO(b"x" * 3_000_000))
    assert (seen["method"], seen["length"]) == ("POST", 3_000_000)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"y" * 1000

    seen = await device.get("v", method="PUT", data=chunks())
    assert (seen["method"], seen["length"]) == ("PUT", 10_000)


async def test_a_header_as_long_as_the_device_lets_through_reaches_the_member(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    async with device.answer("v", headers={"Cookie": "token=" + "y" * 20_000}) as answer:
        seen = await answer.json()
    assert ["Cookie", "token=" + "y" * 20_000] in seen["headers"]


async def test_the_answer_to_head_has_no_body(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    async with device.answer("v", method="HEAD") as answer:
        assert answer.status == 200
        assert await answer.read() == b""


async def test_the_clients_address_is_added_when_the_profile_says_so(device: Lab) -> None:
    profile = {"name": "xff", "partition": "k8s", "insertXforwardedFor": "enabled"}
    await device.call("POST", "ltm/profile/http", profile)
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web", profiles=["/Common/tcp", "/k8s/xff"])
    seen = await device.get("v", headers={"X-Forwarded-For": "192.0.2.1"})
    assert [value for name, value in seen["headers"] if name == "X-Forwarded-For"] == ["192.0.2.1", "127.0.0.1"]


async def test_a_changed_profile_takes_effect_at_once(device: Lab) -> None:
    await device.call("POST", "ltm/profile/http", {"name": "xff", "partition": "k8s"})
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web", profiles=["/Common/tcp", "/k8s/xff"])
    await device.call("PATCH", "ltm/profile/http/~k8s~xff", {"insertXforwardedFor": "enabled"})
    seen = await device.get("v")
    assert ["X-Forwarded-For", "127.0.0.1"] in seen["headers"]


async def test_a_cookie_is_inserted_and_brings_the_client_back(device: Lab) -> None:
    await device.pool("web", ONE, TWO)
    await device.virtual("v", "203.0.113.7", 18080, "web", persist=["/Common/cookie"])
    async with device.answer("v") as answer:
        first = (await answer.json())["backend"]
        cookie = answer.headers["Set-Cookie"]
    address = {"one": "198.51.100.1", "two": "198.51.100.2"}[first]
    number = int.from_bytes(bytes(int(part) for part in address.split(".")), "little")
    assert cookie.startswith(f"BIGipServer~k8s~web={number}.36895.0000; path=/")
    sent = {"Cookie": cookie.partition(";")[0]}
    for _ in range(4):
        async with device.answer("v", headers=sent) as answer:
            assert (await answer.json())["backend"] == first
            assert "Set-Cookie" not in answer.headers


async def test_a_disabled_member_serves_only_clients_with_its_cookie(device: Lab) -> None:
    await device.pool("web", ONE, TWO)
    await device.virtual("v", "203.0.113.7", 18080, "web", persist=["/Common/cookie"])
    async with device.answer("v") as answer:
        first, cookie = (await answer.json())["backend"], answer.headers["Set-Cookie"].partition(";")[0]
    address = {"one": "198.51.100.1", "two": "198.51.100.2"}[first]
    member = f"ltm/pool/~k8s~web/members/~k8s~{address}:8080"
    await device.call("PATCH", member, {"session": "user-disabled"})
    assert set(await device.backends("v", 4)) == {"one", "two"} - {first}
    assert (await device.get("v", headers={"Cookie": cookie}))["backend"] == first
    await device.call("PATCH", member, {"session": "user-disabled", "state": "user-down"})
    assert (await device.get("v", headers={"Cookie": cookie}))["backend"] != first


async def test_a_client_without_a_cookie_is_kept_by_its_address(device: Lab) -> None:
    await device.pool("web", ONE, TWO)
    await device.virtual("v", "203.0.113.7", 18080, "web", persist=["/Common/source_addr"])
    assert len(set(await device.backends("v", 5))) == 1


async def test_without_a_member_the_client_is_reset(device: Lab) -> None:
    await device.pool("web")
    await device.virtual("v", "203.0.113.7", 18080, "web")
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.get("v")


async def test_a_member_that_refuses_resets_the_client_unless_the_pool_reselects(device: Lab) -> None:
    await device.pool("web", ("198.51.100.9", 8080), TWO)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.backends("v", 2)
    await device.call("PATCH", "ltm/pool/~k8s~web", {"reselectTries": 1})
    assert await device.backends("v", 4) == ["two"] * 4


async def test_a_changed_pool_is_used_by_the_next_request_of_a_connection_that_stays(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    host, port = device.where("v")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        async with session.get(f"http://{host}:{port}/") as answer:
            assert (await answer.json())["backend"] == "one"
        members = [{"name": "198.51.100.2:8080", "partition": "k8s"}]
        await device.call("PATCH", "ltm/pool/~k8s~web", {"members": members})
        async with session.get(f"http://{host}:{port}/") as answer:
            assert (await answer.json())["backend"] == "two"
    assert device.box.runtime.counters("ltm/virtual", "/k8s/v").tot_conns == 1


async def test_websockets_pass(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web", persist=["/Common/cookie"])
    host, port = device.where("v")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{host}:{port}/ws") as socket:
        await socket.send_str("hello")
        assert (await socket.receive_str()) == "one: hello"
        await socket.send_str("x" * 200_000)
        assert (await socket.receive_str()) == "one: " + "x" * 200_000


async def test_figures_are_counted(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    await device.backends("v", 3)
    runtime = device.box.runtime
    virtual = runtime.counters("ltm/virtual", "/k8s/v")
    member = runtime.counters("ltm/pool/members", "/k8s/web /k8s/198.51.100.1:8080")
    assert (virtual.tot_conns, virtual.tot_requests) == (3, 3)
    assert (member.tot_conns, member.tot_requests, member.cur_conns) == (3, 3, 0)
    assert member.bits_out > 0 and virtual.bits_in > 0 and virtual.bits_out > 0


async def test_a_virtual_server_at_its_connection_limit_resets_new_clients(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web", connectionLimit=1)
    host, port = device.where("v")
    _, writer = await asyncio.open_connection(host, port)
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.backends("v", 2)
    writer.close()


async def test_no_request_fails_while_members_come_and_go(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    done = asyncio.Event()

    async def ask() -> int:
        asked = 0
        while not done.is_set():
            await device.get("v")
            asked += 1
        return asked

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(ask()) for _ in range(4)]
        for turn in range(10):
            member = {"name": f"198.51.100.{1 + turn % 2}:8080", "partition": "k8s"}
            await device.call("PATCH", "ltm/pool/~k8s~web", {"members": [member]})
            await asyncio.sleep(0.02)
        done.set()
    assert sum(client.result() for client in clients) > 0


async def test_a_member_that_was_deleted_and_comes_back_starts_with_new_figures(device: Lab) -> None:
    await device.pool("web", ONE)
    await device.virtual("v", "203.0.113.7", 18080, "web")
    await device.get("v")
    await device.call("DELETE", "ltm/pool/~k8s~web/members/~k8s~198.51.100.1:8080")
    await device.call("POST", "ltm/pool/~k8s~web/members", {"name": "198.51.100.1:8080", "partition": "k8s"})
    member = device.box.runtime.counters("ltm/pool/members", "/k8s/web /k8s/198.51.100.1:8080")
    assert member.tot_conns == 0
