"""Listeners follow the configuration: TCP, UDP, changes, swaps, and what is not served."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from simlab import Lab, http_backend, lab, tcp_backend, udp_backend, until

from patience import PATIENCE_S

ONE, TWO = ("198.51.100.1", 9000), ("198.51.100.2", 9000)
TCP: dict[str, Any] = {"profiles": ["/Common/tcp"]}
UDP: dict[str, Any] = {"profiles": ["/Common/udp"], "ipProtocol": "udp"}


@pytest.fixture
async def device() -> AsyncIterator[Lab]:
    async with lab() as made:
        yield made


@contextlib.asynccontextmanager
async def connected(device: Lab, name: str, **options: Any) -> AsyncIterator[tuple[Any, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*device.where(name), **options)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def greeting(device: Lab, name: str) -> str:
    async with connected(device, name) as (reader, _):
        return (await reader.readline()).decode().strip()


async def test_bytes_pass_both_ways_and_each_half_closes_for_itself(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"):
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v") as (reader, writer):
            assert await reader.readline() == b"one\n"
            writer.write(b"z" * 1_000_000)
            writer.write_eof()
            assert await reader.read() == b"z" * 1_000_000
    member = device.box.runtime.counters("ltm/pool/members", "/k8s/db /k8s/198.51.100.1:9000")
    await until(lambda: member.cur_conns == 0)
    assert member.bits_in == 8_000_000
    assert member.bits_out == 8_000_032


async def test_connections_alternate_between_members(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"), tcp_backend("two", "127.1.0.2"):
        await device.pool("db", ONE, TWO)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        assert [await greeting(device, "v") for _ in range(4)] == ["one", "two", "one", "two"]


async def test_least_connections_sees_what_is_open_now(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"), tcp_backend("two", "127.1.0.2"):
        await device.pool("db", ONE, TWO, loadBalancingMode="least-connections-member")
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v") as (reader, _):
            busy = (await reader.readline()).decode().strip()
            idle = ({"one", "two"} - {busy}).pop()
            member = device.box.runtime.counters(
                "ltm/pool/members", f"/k8s/db /k8s/198.51.100.{'12'[idle == 'two']}:9000"
            )
            for _ in range(3):
                assert await greeting(device, "v") == idle
                await until(lambda: member.cur_conns == 0)


async def test_without_a_member_the_client_is_reset(device: Lab) -> None:
    await device.virtual("v", "203.0.113.7", 18090, **TCP)
    with pytest.raises(ConnectionResetError):
        async with connected(device, "v") as (reader, _):
            await reader.read()


@pytest.mark.parametrize("profiles", [["/Common/tcp"], ["/Common/tcp", "/Common/http"]])
async def test_only_clients_of_its_source_are_served(device: Lab, profiles: list[str]) -> None:
    async with http_backend("one", "127.1.0.1"):
        await device.pool("web", ("198.51.100.1", 8080))
        await device.virtual("v", "203.0.113.7", 18080, "web", profiles=profiles, source="127.0.0.8/29")
        assert [await answered(device, "v", client) for client in ("127.0.0.1", "127.0.0.9")] == [False, True]


async def answered(device: Lab, name: str, client: str) -> bool:
    async with connected(device, name, local_addr=(client, 0)) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try:
            return bool(await reader.read())
        except ConnectionResetError:
            return False


async def test_a_changed_pool_leaves_open_connections_alone(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"), tcp_backend("two", "127.1.0.2"):
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v") as (reader, writer):
            assert await reader.readline() == b"one\n"
            members = [{"name": "198.51.100.2:9000", "partition": "k8s"}]
            await device.call("PATCH", "ltm/pool/~k8s~db", {"members": members})
            assert await greeting(device, "v") == "two"
            writer.write(b"still there\n")
            assert await reader.readline() == b"still there\n"


async def test_a_disabled_virtual_server_takes_nobody_new_and_keeps_who_is_there(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"):
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v") as (reader, writer):
            await reader.readline()
            await device.call("PATCH", "ltm/virtual/~k8s~v", {"disabled": True})
            assert (await device.listener("v"))["state"] == "not served: it is disabled"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.2.0.7", 18090)
            writer.write(b"still there\n")
            assert await reader.readline() == b"still there\n"
            await device.call("PATCH", "ltm/virtual/~k8s~v", {"enabled": True})
            assert await greeting(device, "v") == "one"


async def test_a_deleted_virtual_server_ends_its_connections(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"):
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v") as (reader, _):
            await reader.readline()
            await device.call("DELETE", "ltm/virtual/~k8s~v")
            with pytest.raises(ConnectionResetError):
                await reader.read()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.2.0.7", 18090)


async def test_two_virtual_servers_swap_their_destinations_in_a_transaction(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1"), tcp_backend("two", "127.1.0.2"):
        await device.pool("p1", ONE)
        await device.pool("p2", TWO)
        await device.virtual("v1", "203.0.113.7", 18090, "p1", **TCP)
        await device.virtual("v2", "203.0.113.8", 18090, "p2", **TCP)
        number = (await device.call("POST", "transaction", {}))["transId"]
        header = {"X-F5-REST-Coordination-Id": str(number)}
        for name, address in (("v1", "203.0.113.8"), ("v2", "203.0.113.7")):
            body = {"destination": f"/k8s/{address}:18090"}
            await device.call("PATCH", f"ltm/virtual/~k8s~{name}", body, **header)
        await device.call("PATCH", f"transaction/{number}", {"state": "VALIDATING"})
        assert (device.where("v1"), device.where("v2")) == (("127.2.0.8", 18090), ("127.2.0.7", 18090))
        assert (await greeting(device, "v1"), await greeting(device, "v2")) == ("one", "two")


async def test_a_refused_write_changes_no_listener(device: Lab) -> None:
    await device.virtual("v", "203.0.113.7", 18090, **TCP)
    await device.call("PATCH", "ltm/virtual/~k8s~v", {"pool": "/k8s/absent"}, expect=404)
    assert device.where("v") == ("127.2.0.7", 18090)


async def test_sctp_is_listed_and_not_opened(device: Lab) -> None:
    await device.virtual("v", "203.0.113.7", 18090, ipProtocol="sctp", profiles=["/Common/sctp"])
    assert (await device.listener("v"))["state"] == "not served: protocol sctp is not implemented"


async def test_what_a_rule_needs_and_does_not_get_is_listed(device: Lab) -> None:
    rule = {"name": "r", "partition": "k8s", "apiAnonymous": "when CLIENT_ACCEPTED { LB::down }"}
    await device.call("POST", "ltm/rule", rule)
    await device.virtual("v", "203.0.113.7", 18090, rules=["/k8s/r"], **TCP)
    assert (await device.listener("v"))["notes"] == [
        "iRule /k8s/r uses LB::down, which bigipsim does not implement: a connection that comes to it is reset"
    ]


async def test_the_list_says_where_members_really_are_and_whether_they_are_used(device: Lab) -> None:
    await device.pool("db", ONE, loadBalancingMode="fastest-node")
    await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
    pool = (await device.listener("v"))["pool"]
    assert pool["notes"] == ["response times are not measured: the fewest connections stand for the fastest"]
    assert pool["members"] == [
        {
            "member": "/k8s/198.51.100.1:9000",
            "status": "unchecked",
            "admission": "enabled",
            "address": "198.51.100.1:9000",
            "really": "127.1.0.1:9000",
            "connections": 0,
        }
    ]


async def test_without_translation_the_member_sees_the_client(device: Lab) -> None:
    async with tcp_backend("one", "127.1.0.1") as peers:
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", **TCP)
        async with connected(device, "v", local_addr=("127.0.0.77", 0)) as (reader, _):
            await reader.readline()
    assert peers == ["127.0.0.77"]


async def test_a_snat_pool_lends_the_member_its_addresses(device: Lab) -> None:
    await device.call("POST", "ltm/snatpool", {"name": "s", "partition": "k8s", "members": ["203.0.113.99"]})
    translation = {"type": "snat", "pool": "/k8s/s"}
    async with tcp_backend("one", "127.1.0.1") as peers:
        await device.pool("db", ONE)
        await device.virtual("v", "203.0.113.7", 18090, "db", sourceAddressTranslation=translation, **TCP)
        assert await greeting(device, "v") == "one"
    assert peers == ["127.2.0.99"]
    assert (await device.listener("v"))["snat"] == {"type": "snat", "addresses": {"203.0.113.99": "127.2.0.99"}}


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.put_nowait(data)


async def asked(device: Lab, name: str, *datagrams: bytes, **options: Any) -> list[bytes]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=device.where(name), **options)
    try:
        found = []
        for datagram in datagrams:
            transport.sendto(datagram)
            async with asyncio.timeout(PATIENCE_S):
                found.append(await client.answers.get())
        return found
    finally:
        transport.abort()


async def test_datagrams_of_one_client_stay_with_one_member(device: Lab) -> None:
    async with udp_backend("one", "127.1.0.1"), udp_backend("two", "127.1.0.2"):
        await device.pool("dns", ("198.51.100.1", 5300), ("198.51.100.2", 5300))
        await device.virtual("v", "203.0.113.7", 18053, "dns", **UDP)
        assert await asked(device, "v", b"a", b"b") == [b"one: a", b"one: b"]
        assert await asked(device, "v", b"a", b"b") == [b"two: a", b"two: b"]
    assert device.box.runtime.counters("ltm/virtual", "/k8s/v").tot_conns == 2


async def test_datagrams_from_others_than_its_source_are_not_taken(device: Lab) -> None:
    async with udp_backend("one", "127.1.0.1"):
        await device.pool("dns", ("198.51.100.1", 5300))
        await device.virtual("v", "203.0.113.7", 18053, "dns", source="127.0.0.8/29", **UDP)
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.sendto(b"a", device.where("v"))
            # The next datagram is taken after this one.
            assert await asked(device, "v", b"b", local_addr=("127.0.0.9", 0)) == [b"one: b"]
    assert device.box.runtime.counters("ltm/virtual", "/k8s/v").tot_conns == 1


async def test_a_udp_flow_ends_when_it_is_idle(device: Lab) -> None:
    await device.call("POST", "ltm/profile/udp", {"name": "short", "partition": "k8s", "idleTimeout": "1"})
    async with udp_backend("one", "127.1.0.1"):
        await device.pool("dns", ("198.51.100.1", 5300))
        await device.virtual("v", "203.0.113.7", 18053, "dns", ipProtocol="udp", profiles=["/k8s/short"])
        await asked(device, "v", b"a")
        virtual = device.box.runtime.counters("ltm/virtual", "/k8s/v")
        assert virtual.cur_conns == 1
        await until(lambda: virtual.cur_conns == 0)


async def test_without_a_data_plane_nothing_listens() -> None:
    async with lab(dataplane=False) as device:
        await device.virtual("v", "203.0.113.7", 18090, **TCP)
        assert await device.call("GET", "/_sim/listeners") == {"dataplane": False, "listeners": []}
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.2.0.7", 18090)
