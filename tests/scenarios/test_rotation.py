"""A certificate is renewed while clients open TLS connections and use those that they have: none of them notices."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from scenarios.fleet import MAPPINGS, Fleet, free_port, url_of
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import F5, class_manifest, ingress_manifest, pair, rule, secret_manifest

PORT = free_port()
HTTPS = "/k8s/Shared/ingress_203_0_113_7_443"
HOST, OTHER = "www.example.com", "shop.example.com"
SERIALS = range(1, 5)
CLIENTS = 12
TIMEOUT_S = 20

Manifest = dict[str, Any]


def ingress(name: str, host: str, day: int, annotations: dict[str, str] | None = None) -> Manifest:
    tls = [{"hosts": [host], "secretName": name}]
    created = f"2026-01-0{day}T00:00:00Z"
    return ingress_manifest(name, "default", rule(host), created=created, tls=tls, annotations=annotations)


def secret(name: str, host: str, serial: int) -> Manifest:
    return secret_manifest(name, pair(host, serial=serial), "default")


BASE = (
    class_manifest(),
    service(),
    endpoints(1, port=PORT),
    ingress("www", HOST, 1),
    ingress("shop", OTHER, 2),
    secret("www", HOST, 1),
    secret("shop", OTHER, 1),
)


def known(host: str) -> dict[bytes, int]:
    """The certificates that a host ever has here, as they travel, with their serial numbers."""
    certificates = {serial: pair(host, serial=serial).certificate.decode() for serial in SERIALS}
    return {ssl.PEM_cert_to_DER_cert(text): serial for serial, text in certificates.items()}


def looking_only() -> ssl.SSLContext:
    """A client that takes whatever certificate it is shown; whose it is we look up ourselves."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Load:
    """What clients saw: handshakes by the serial number of the host's certificate (0: another one), answers and their
    number on connections that are kept, and failures. over: they are to end."""

    serials: Counter[int] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    over: bool = False


async def _handshakes(where: tuple[str, int], host: str, load: Load) -> None:
    """Opens one connection after another and asks once on each."""
    context, serials = looking_only(), known(host)
    while not load.over:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection(*where, ssl=context, server_hostname=host)
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            load.failures[f"{host}: {type(error).__name__} {error}"] += 1
        else:
            load.serials[serials.get(shown, 0)] += 1
            if not answer.startswith(b"HTTP/1.1 200"):
                load.failures[f"{host}: {answer[:40]!r}"] += 1
        await asyncio.sleep(0.005)


async def _requests(where: tuple[str, int], host: str, load: Load) -> None:
    """Asks without end on one connection; notes each further one that it has to open."""
    trace = aiohttp.TraceConfig()

    async def opened(*_: object) -> None:
        load.connections += 1

    trace.on_connection_create_end.append(opened)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(trace_configs=[trace], timeout=timeout) as session:
        url, more = f"https://{where[0]}:{where[1]}/", {"ssl": looking_only(), "server_hostname": host}
        while not load.over:
            try:
                async with session.get(url, headers={"Host": host}, **more) as reply:
                    load.answers[f"{reply.status} {await reply.text()}"] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                load.failures[f"{host}: {type(error).__name__} {error}"] += 1
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def loads(w: World, *hosts: str) -> AsyncIterator[dict[str, Load]]:
    """Clients of each host: of so many, two keep their connection."""
    url = (await url_of(w, HTTPS)).removeprefix("http://").rstrip("/")
    where = (url.rpartition(":")[0], int(url.rpartition(":")[2]))
    found = {host: Load() for host in hosts}
    tasks = []
    for host, load in found.items():
        tasks += [asyncio.create_task(_requests(where, host, load)) for _ in range(2)]
        tasks += [asyncio.create_task(_handshakes(where, host, load)) for _ in range(CLIENTS // len(hosts) - 2)]
    try:
        yield found
    finally:
        for load in found.values():
            load.over = True
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def published(*manifests: Manifest) -> AsyncIterator[World]:
    async with Fleet(PORT) as fleet:
        await fleet.start(1)
        async with world(*manifests, dataplane=True, mappings=MAPPINGS, second_look_s=0.2) as w:
            yield w


def certificates(w: World) -> list[str]:
    """The certificates of ours on the device."""
    return [one.full_path for one in w.device.box.tree.items("sys/file/ssl-cert") if one.full_path.startswith("/k8s/")]


def well(load: Load) -> None:
    """No client had anything to complain of, and each of the two has the connection that it began with."""
    assert not load.failures
    assert set(load.answers) == {"200 1"}
    assert load.connections == 2
    assert 0 not in load.serials


@pytest.mark.parametrize("name", ["www", "shop"], ids=["the default one", "one that is found by its name"])
async def test_renewals_cost_no_handshake_and_no_connection(name: str) -> None:
    host, other = (HOST, OTHER) if name == "www" else (OTHER, HOST)
    async with published(*BASE) as w, loads(w, host, other) as found:
        written = w.mark()
        for serial in SERIALS[1:]:
            w.cluster.tell(secret(name, host, serial))
            await w.until(lambda serial=serial: found[host].serials[serial] >= 5)
            before = found[host].serials.total() - found[host].serials[serial]
            await w.until(lambda serial=serial: found[host].serials[serial] >= 15)
            assert found[host].serials.total() - found[host].serials[serial] - before < CLIENTS, "the old one is shown"
        await w.in_sync()
    for load in found.values():
        well(load)
    assert set(found[host].serials) == set(SERIALS)
    assert set(found[other].serials) == {1}
    assert not [line for line in written() if "/ltm/virtual" in line or "/ltm/policy" in line]


async def test_a_secret_that_goes_and_comes_back_renewed_costs_nothing_either() -> None:
    async with published(*BASE) as w, loads(w, HOST) as found:
        w.cluster.delete("Secret", "www")
        await w.until(lambda: [issue.code for issue in w.issues()] == ["TB2048"])
        shown = found[HOST].serials[1]
        await w.until(lambda: found[HOST].serials[1] >= shown + 10)
        w.cluster.tell(secret("www", HOST, 2))
        await w.until(lambda: found[HOST].serials[2] >= 10)
        assert not w.issues()
    well(found[HOST])


async def test_the_certificate_of_a_broken_ingress_is_renewed_before_and_after_a_start() -> None:
    async with published(*BASE) as w, loads(w, HOST, OTHER) as found:
        w.cluster.tell(ingress("www", HOST, 1, {f"{F5}/health": "[{"}), secret("www", HOST, 2))
        await w.until(lambda: found[HOST].serials[2] >= 10)
        await w.stop()
        w.cluster.know(secret("www", HOST, 3))
        w.start()
        await w.until(lambda: found[HOST].serials[3] >= 10)
        w.cluster.tell(secret("www", HOST, 4))
        await w.until(lambda: found[HOST].serials[4] >= 10)
        await w.until(lambda: len(certificates(w)) == 2)
        assert [issue.code for issue in w.issues()] == ["TB1001"]
    for load in found.values():
        well(load)


async def test_a_restart_while_the_secret_is_missing_leaves_https_as_it_is() -> None:
    async with published(*BASE) as w, loads(w, HOST, OTHER) as found:
        await w.stop()
        written = w.mark()
        w.cluster.delete("Secret", "www", told=False)
        w.start()
        await w.in_sync()
        assert written() == []
        assert [issue.code for issue in w.issues()] == ["TB2048"]
        shown = found[HOST].serials[1]
        await w.until(lambda: found[HOST].serials[1] >= shown + 10)
        w.cluster.tell(secret("shop", OTHER, 2))
        await w.until(lambda: found[OTHER].serials[2] >= 10)
        w.cluster.tell(secret("www", HOST, 3))
        await w.until(lambda: found[HOST].serials[3] >= 10)
        assert not w.issues()
    for load in found.values():
        well(load)
    assert set(found[HOST].serials) == {1, 3}


async def test_a_restart_while_every_secret_is_missing_leaves_https_as_it_is_and_never_in_clear() -> None:
    async with published(*BASE) as w, loads(w, HOST, OTHER) as found:
        await w.stop()
        written = w.mark()
        w.cluster.delete("Secret", "www", "shop", told=False)
        w.start()
        await w.in_sync()
        assert written() == []
        for host in (HOST, OTHER):
            shown = found[host].serials[1]
            await w.until(lambda host=host, shown=shown: found[host].serials[1] >= shown + 10)
    for load in found.values():
        well(load)


async def test_where_it_is_not_on_the_device_any_more_a_missing_secret_makes_no_virtual_server() -> None:
    async with published(*BASE) as w:
        await w.stop()
        w.device.box.tree.delete("ltm/virtual", HTTPS)
        w.cluster.delete("Secret", "www", "shop", told=False)
        w.start()
        await w.in_sync()
        assert HTTPS not in w.virtuals()
        w.cluster.tell(secret("shop", OTHER, 2))
        await w.until(lambda: HTTPS in w.virtuals())
        async with loads(w, OTHER) as found:
            await w.until(lambda: found[OTHER].serials[2] >= 5)
        well(found[OTHER])
