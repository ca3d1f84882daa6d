"""The control interface below /_sim/."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from simlab import Lab, lab, until


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab(dataplane=False) as made:
        yield made


async def control(device: Lab, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
    """A request without credentials."""
    connector = aiohttp.TCPConnector(ssl=False)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"{device.server.url}/_sim/{path}", json=body) as answer,
    ):
        assert answer.status == expect, await answer.text()
        return await answer.json()


async def test_the_index_lists_everything_and_wants_no_credentials(device: Lab) -> None:
    index = await control(device, "GET", "")
    assert index["bigipsim"]["version"] == "16.1.3"
    found = {(one["method"], one["path"]) for one in index["paths"]}
    assert {("POST", "/_sim/reset"), ("GET", "/_sim/events"), ("DELETE", "/_sim/faults")} <= found
    assert all(one["does"] for one in index["paths"])


async def test_what_is_not_there_is_said_to_be_not_there(device: Lab) -> None:
    answer = await control(device, "GET", "fault", expect=404)
    assert answer["message"] == "there is no GET /_sim/fault; GET /_sim/ lists what there is"


async def test_a_dump_can_be_loaded_after_a_reset(device: Lab) -> None:
    await device.pool("web", ("198.51.100.1", 8080))
    dump = await control(device, "GET", "dump")
    await control(device, "POST", "reset")
    await device.call("GET", "ltm/pool/~k8s~web", expect=404)
    await control(device, "POST", "load", dump)
    members = await device.call("GET", "ltm/pool/~k8s~web/members")
    assert [one["name"] for one in members["items"]] == ["198.51.100.1:8080"]
    assert await control(device, "GET", "dump") == dump


async def test_a_fault_is_listed_with_its_hits_until_it_is_deleted(device: Lab) -> None:
    added = await control(device, "POST", "faults", {"kind": "busy", "path": "/ltm/pool"})
    await device.call("GET", "ltm/pool", expect=503)
    await device.call("GET", "ltm/virtual")
    listed = await control(device, "GET", "faults")
    assert listed["faults"] == [{"number": added["number"], "hits": 1, "kind": "busy", "path": "/ltm/pool"}]
    assert "hang-after" in listed["kinds"]
    await control(device, "DELETE", f"faults/{added['number']}")
    await device.call("GET", "ltm/pool")
    await control(device, "DELETE", f"faults/{added['number']}", expect=404)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "bussy"}, 'there is no fault of kind "bussy"'),
        ({"kind": "busy", "time": 3}, "unknown field `time`"),
        ({"kind": "busy", "times": "three"}, "Expected `int | null`"),
        ({"latency": {"get": 1}}, "unknown field `get`"),
    ],
)
async def test_a_fault_that_is_wrong_is_refused_with_a_sentence(device: Lab, body: Any, words: str) -> None:
    answer = await control(device, "POST", "faults", body, expect=400)
    assert words in answer["message"]


async def test_the_latency_of_the_benchmarks_has_a_name(device: Lab) -> None:
    answer = await control(device, "POST", "faults", {"latency": "bench"})
    assert answer["latency"]["direct_write_s"] == 0.08
    await control(device, "DELETE", "faults")
    assert (await control(device, "GET", "faults"))["latency"]["direct_write_s"] == 0


async def test_lost_tokens_are_unknown_from_then_on(device: Lab) -> None:
    login = {"username": "admin", "password": "admin", "loginProviderName": "tmos"}
    url = device.server.url
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.post(f"{url}/mgmt/shared/authn/login", json=login) as answer:
            token = (await answer.json())["token"]["token"]
        header = {"X-F5-Auth-Token": token}
        async with session.get(f"{url}/mgmt/tm/ltm/pool", headers=header) as answer:
            assert answer.status == 200
        await control(device, "POST", "faults", {"kind": "tokens-lost"})
        async with session.get(f"{url}/mgmt/tm/ltm/pool", headers=header) as answer:
            assert answer.status == 401
            assert (await answer.json())["message"] == "X-F5-Auth-Token does not exist."


async def test_events_tell_of_changes_health_and_faults(device: Lab) -> None:
    heard: list[tuple[str, Any]] = []

    async def listen() -> None:
        connector = aiohttp.TCPConnector(ssl=False)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{device.server.url}/_sim/events") as answer,
        ):
            name = ""
            async for line in answer.content:
                text = line.decode().strip()
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    heard.append((name, json.loads(text.removeprefix("data: "))))
                elif text.startswith(":"):
                    heard.append(("open", None))

    task = asyncio.create_task(listen())
    await until(lambda: heard)
    await device.pool("web", ("198.51.100.1", 8080))
    await device.call("PATCH", "ltm/pool/~k8s~web", {"description": "new"})
    device.box.runtime.set_member_status("/k8s/web", "/k8s/198.51.100.1:8080", "down")
    await control(device, "POST", "faults", {"kind": "busy", "times": 1})
    await until(lambda: len(heard) >= 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    created = {(one["verb"], one["kind"], one["path"]) for one in heard[1][1]}
    assert heard[1][0] == "changes"
    assert {("CREATE", "ltm/pool", "/k8s/web"), ("CREATE", "ltm/node", "/k8s/198.51.100.1")} <= created
    assert heard[2] == (
        "changes",
        [{"verb": "UPDATE", "kind": "ltm/pool", "path": "/k8s/web", "fields": ["description"]}],
    )
    assert heard[3][0] == "member" and heard[3][1]["after"] == "down"
    assert heard[4] == ("fault", {"what": "armed", "number": 1, "kind": "busy", "request": ""})


async def test_a_refused_commit_leaves_everything_as_it_was(device: Lab) -> None:
    message = "01070734:3: Configuration error: out of luck"
    await control(
        device, "POST", "faults", {"kind": "commit-refused", "touches": "/k8s/web", "message": message, "times": 1}
    )
    number = (await device.call("POST", "transaction", {}))["transId"]
    header = {"X-F5-REST-Coordination-Id": str(number)}
    await device.call("POST", "ltm/pool", {"name": "web", "partition": "k8s"}, **header)
    refused = await device.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"}, expect=400)
    assert refused["message"] == f"transaction failed:{message}"
    assert refused["apiError"] == 2
    state = await device.call("GET", f"transaction/{number}")
    assert (state["state"], state["failureReason"]) == ("FAILED", message)
    await device.call("GET", "ltm/pool/~k8s~web", expect=404)


async def test_a_reset_closes_the_virtual_servers_and_a_load_opens_them() -> None:
    async with lab() as device:
        await device.pool("web", ("198.51.100.1", 8080))
        await device.virtual("v", "203.0.113.7", 18097, "web")
        dump = await control(device, "GET", "dump")
        await control(device, "POST", "reset")
        assert (await control(device, "GET", "listeners"))["listeners"] == []
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.2.0.7", 18097)
        await control(device, "POST", "load", dump)
        assert device.where("v") == ("127.2.0.7", 18097)


async def test_a_reset_forgets_faults_and_the_log(device: Lab) -> None:
    await control(device, "POST", "faults", {"kind": "busy"})
    await device.call("GET", "ltm/pool", expect=503)
    await control(device, "POST", "reset")
    assert (await control(device, "GET", "requests"))["requests"] == []
    await device.call("GET", "ltm/pool")
