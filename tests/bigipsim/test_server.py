"""The server: TLS, order, the log of requests, and what goes wrong on the wire."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from simlab import Lab, lab, until

from bigipsim.box import Box
from bigipsim.clock import SystemClock
from bigipsim.server import PortTaken, SimServer


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab(dataplane=False) as made:
        yield made


async def test_the_certificate_is_self_signed_and_has_the_fingerprint_shown(device: Lab) -> None:
    server = device.server
    pem = await asyncio.to_thread(ssl.get_server_certificate, (server.host, server.port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    assert server.fingerprint.replace(":", "") == digest
    assert len(server.fingerprint) == 95


async def test_answers_carry_the_headers_of_the_device(device: Lab) -> None:
    async with device.session.get(f"{device.server.url}/mgmt/tm/ltm/pool") as answer:
        assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
        assert answer.headers["Server"].startswith("Jetty")
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


async def test_a_port_in_use_is_refused_with_a_sentence(device: Lab) -> None:
    second = SimServer(Box(SystemClock()), port=device.server.port, dataplane=False)
    with pytest.raises(PortTaken, match="is in use by another process"):
        await second.start()
    await second.stop()


async def test_a_path_reaches_the_device_as_it_was_sent(device: Lab) -> None:
    body = {"name": "10.0.0.1%2", "partition": "k8s", "address": "10.0.0.1"}
    await device.call("POST", "ltm/node", {**body, "name": "with space"})
    found = await device.call("GET", "ltm/node/~k8s~with%20space")
    assert found["fullPath"] == "/k8s/with space"


async def test_writes_are_carried_out_one_after_the_other_in_their_order(device: Lab) -> None:
    await device.call("POST", "/_sim/faults", {"latency": {"direct_write_s": 0.2}})
    tasks = []
    for number in range(4):
        tasks.append(asyncio.create_task(device.pool(f"p{number}")))
        await asyncio.sleep(0.04)
    await asyncio.gather(*tasks)
    made = [await device.call("GET", f"ltm/pool/~k8s~p{number}") for number in range(4)]
    generations = [one["generation"] for one in made]
    assert generations == sorted(generations)


async def test_the_log_tells_each_request_from_the_others(device: Lab) -> None:
    await device.call("DELETE", "/_sim/requests")
    await device.call("GET", "ltm/pool?expandSubcollections=true")
    await device.pool("web")
    number = (await device.call("POST", "transaction", {}))["transId"]
    header = {"X-F5-REST-Coordination-Id": str(number)}
    await device.call("DELETE", "ltm/pool/~k8s~web", **header)
    await device.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"})
    found = (await device.call("GET", "/_sim/requests"))["requests"]
    assert [one["sort"] for one in found] == ["read", "write", "open", "queued", "commit"]
    assert [one["write"] for one in found] == [False, True, False, True, True]
    assert [one["n"] for one in found] == [1, 2, 3, 4, 5]
    assert found[0]["query"] == "expandSubcollections=true"
    assert found[1]["body_bytes"] == len('{"name": "web", "partition": "k8s", "members": []}')
    assert found[1]["header_bytes"] > 100
    assert found[3]["transaction"] == str(number)
    assert [one["n"] for one in (await device.call("GET", "/_sim/requests?since=3"))["requests"]] == [4, 5]


async def test_a_reset_after_the_write_leaves_it_applied(device: Lab) -> None:
    await device.call("POST", "/_sim/faults", {"kind": "reset-after", "method": "POST", "times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.pool("web")
    assert (await device.call("GET", "ltm/pool/~k8s~web"))["name"] == "web"


async def test_a_reset_before_the_write_leaves_it_undone(device: Lab) -> None:
    await device.call("POST", "/_sim/faults", {"kind": "reset-before", "method": "POST", "times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await device.pool("web")
    await device.call("GET", "ltm/pool/~k8s~web", expect=404)
    assert (await device.call("GET", "/_sim/requests"))["requests"][-2]["status"] == 0


async def test_a_reply_is_cut_in_half(device: Lab) -> None:
    await device.pool("web")
    await device.call("POST", "/_sim/faults", {"kind": "cut", "times": 1})
    with pytest.raises(aiohttp.ClientPayloadError):
        await device.call("GET", "ltm/pool/~k8s~web")
    await device.call("GET", "ltm/pool/~k8s~web")


@pytest.mark.parametrize(("kind", "status"), [("hang-before", 404), ("hang-after", 200)])
async def test_a_request_that_hangs_is_given_up_by_the_client(device: Lab, kind: str, status: int) -> None:
    await device.call("POST", "/_sim/faults", {"kind": kind, "method": "POST", "times": 1})
    asking = asyncio.create_task(device.pool("web"))
    await until(lambda: not device.box.faults.armed())
    done, _ = await asyncio.wait([asking], timeout=0.3)
    assert not done
    asking.cancel()
    await device.call("GET", "ltm/pool/~k8s~web", expect=status)


async def test_a_device_that_refuses_connections_comes_back_on_its_port(device: Lab) -> None:
    await device.call("POST", "/_sim/faults", {"kind": "refuse-connections", "for_s": 3})
    with pytest.raises(aiohttp.ClientConnectionError):
        for _ in range(50):
            await device.call("GET", "ltm/pool")
    await answering(device)


async def test_a_reboot_forgets_what_was_not_saved(device: Lab) -> None:
    await device.pool("kept")
    await device.call("POST", "/_sim/save")
    await device.pool("lost")
    await device.call("POST", "/_sim/reboot", {"for_s": 0.2})
    await answering(device)
    await device.call("GET", "ltm/pool/~k8s~kept")
    await device.call("GET", "ltm/pool/~k8s~lost", expect=404)


async def answering(device: Lab) -> None:
    """Waits until the device is back after an outage."""
    await until(lambda: device.server.away is False)
    await device.call("GET", "ltm/pool")


async def test_virtual_servers_are_back_after_a_reboot() -> None:
    async with lab() as device:
        await device.virtual("v", "203.0.113.7", 18099)
        await device.call("POST", "/_sim/save")
        await device.call("POST", "/_sim/reboot", {"for_s": 0.1})
        await answering(device)
        assert device.where("v") == ("127.2.0.7", 18099)
