"""Ingresses end to end: clients, through the simulated BIG-IP, to backends; and what travels for a change."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from scenarios.fleet import MAPPINGS, Fleet, free_port, url_of
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import (
    F5,
    backend,
    class_manifest,
    ingress_manifest,
    pair,
    path,
    rule,
    secret_manifest,
)

PORT = free_port()
HTTP, HTTPS = "/k8s/Shared/ingress_203_0_113_7_80", "/k8s/Shared/ingress_203_0_113_7_443"
NO_REDIRECT = {"ingress.kubernetes.io/ssl-redirect": "false", "ingress.kubernetes.io/allow-http": "true"}
WWW, RENEWED = pair("www.example.com"), pair("www.example.com", serial=2)


def ingress(name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return ingress_manifest(name, "default", *rules, created=f"2026-01-0{'abc'.index(name) + 1}T00:00:00Z", **more)


def slices(name: str, number: int) -> dict[str, Any]:
    """The endpoint with this number, for a Service."""
    one = endpoints(1, name, PORT)
    return {**one, "endpoints": [{"addresses": [f"198.51.100.{number}"]}]}


BASE = (class_manifest(), service(), slices("web", 1), service("shop"), slices("shop", 2))
A = ingress("a", rule("www.example.com", path(), path("/shop", service="shop")))
WITH_TLS = ingress("a", rule("www.example.com"), tls=[{"secretName": "www"}])


@contextlib.asynccontextmanager
async def published(*manifests: dict[str, Any], **options: Any) -> AsyncIterator[World]:
    """A world with two backends: 1 behind Service web, 2 behind Service shop."""
    async with Fleet(PORT) as fleet:
        await fleet.start(1, 2)
        async with world(*BASE, *manifests, dataplane=True, mappings=MAPPINGS, **options) as w:
            yield w


async def asked(w: World, host: str, at: str = "/", server: str = HTTP, **more: Any) -> tuple[int, str, str]:
    """Status, text and Location of an answer; 0 when the connection was reset."""
    url = (await url_of(w, server)).rstrip("/") + at
    if server == HTTPS:
        url, more = url.replace("http:", "https:", 1), {**more, "server_hostname": host}
    async with aiohttp.ClientSession() as session:
        try:
            headers = {"Host": host, "Connection": "close"}
            async with session.get(url, headers=headers, allow_redirects=False, **more) as reply:
                return reply.status, await reply.text(), reply.headers.get("Location", "")
        except aiohttp.ClientError:
            return 0, "", ""


async def test_hosts_and_paths_reach_their_services() -> None:
    async with published(A) as w:
        assert not w.issues()
        assert await asked(w, "www.example.com") == (200, "1", "")
        assert await asked(w, "www.example.com", "/shop/cart?x=1") == (200, "2", "")
        assert await asked(w, "www.example.com", "/shopping") == (200, "1", "")
        assert (await asked(w, "other.example.com"))[0] == 0


async def test_one_ingress_more_is_one_rule_more_and_goes_without_a_trace() -> None:
    async with published(A) as w:
        before = w.mark()
        w.cluster.tell(ingress("b", rule("b.example.com", path(service="shop"))))
        await w.until(lambda: len(rules_of(w)) == 3)
        assert await asked(w, "b.example.com") == (200, "2", "")
        written = [line for line in before() if "/ltm/" in line]
        assert not [line for line in written if "/ltm/virtual" in line]
        w.cluster.delete("Ingress", "b")
        await w.until(lambda: len(rules_of(w)) == 2)
        w.cluster.delete("Ingress", "a")
        await w.until(lambda: not w.virtuals() and not list(w.device.box.tree.items("ltm/policy")))
        assert not list(w.device.box.tree.items("ltm/pool"))


async def test_a_mistake_costs_no_request_of_anybody() -> None:
    async with published(A, ingress("b", rule("b.example.com"))) as w:
        w.cluster.tell(ingress("b", rule("b.example.com"), annotations={f"{F5}/health": "[{"}))
        await w.until(lambda: bool(w.issues("TB1001")))
        assert await asked(w, "b.example.com") == (200, "1", "")
        assert await asked(w, "www.example.com") == (200, "1", "")


async def test_https_is_served_by_the_secret_and_http_redirected() -> None:
    async with published(WITH_TLS) as w:
        assert w.virtuals() == {HTTP}
        w.cluster.tell(secret_manifest("www", WWW, "default"))
        await w.until(lambda: w.virtuals() == {HTTP, HTTPS})
        location = "https://www.example.com/a?b=c"
        assert await asked(w, "www.example.com", "/a?b=c") == (302, "", location)
        assert await asked(w, "www.example.com", "/", HTTPS, ssl=trusting(WWW.certificate)) == (200, "1", "")
        before, old = w.mark(), certificates(w)
        w.cluster.tell(secret_manifest("www", RENEWED, "default"))
        await w.until(served_by(w, RENEWED.certificate))
        assert len(old) == len(certificates(w)) == 1
        assert old != certificates(w)
        assert not [line for line in before() if line.startswith(("POST", "DELETE")) and "/ltm/virtual" in line]


async def test_after_a_restart_nothing_is_written() -> None:
    with_tls = ingress("c", rule("c.example.com"), tls=[{"secretName": "www"}])
    async with published(A, with_tls, ingress("b")) as w:
        w.cluster.tell(secret_manifest("www", WWW, "default"))
        await w.until(lambda: HTTPS in w.virtuals())
        await w.stop()
        writes = w.mark()
        w.start()
        await w.in_sync()
        assert writes() == []


async def test_after_a_restart_a_broken_ingress_keeps_what_it_has_and_its_neighbours_go_on() -> None:
    a = ingress("a", rule("www.example.com"), defaultBackend=backend("shop"))
    async with published(a, ingress("b", rule("b.example.com"))) as w:
        await w.stop()
        broken = {f"{F5}/health": "[{"}
        w.cluster.know(ingress("a", rule("www.example.com"), defaultBackend=backend("shop"), annotations=broken))
        w.start()
        await w.in_sync()
        w.cluster.tell(ingress("b", rule("b.example.com", path("/x"))))
        await w.until(lambda: any("_x_" in name for name in rules_of(w)))
        assert await asked(w, "www.example.com") == (200, "1", "")
        assert await asked(w, "anything.example.com") == (200, "2", "")
        assert await asked(w, "b.example.com", "/x") == (200, "1", "")
        assert [issue.code for issue in w.issues()] == ["TB1001"]


async def test_rewrites_and_networks_are_carried_out() -> None:
    annotations = {
        f"{F5}/rewrite-app-root": "www.example.com=/start",
        f"{F5}/whitelist-source-range": "192.0.2.0/24",
    }
    rewritten = ingress("a", rule("www.example.com"), annotations={f"{F5}/rewrite-app-root": "www.example.com=/start"})
    async with published(rewritten) as w:
        assert await asked(w, "www.example.com") == (302, "", "/start")
        assert await asked(w, "www.example.com", "/start") == (200, "1", "")
        w.cluster.tell(ingress("a", rule("www.example.com"), annotations=annotations))
        await w.until(lambda: len(rules_of(w)) == 4)
        assert (await asked(w, "www.example.com", "/start"))[0] == 0


def rules_of(w: World) -> list[str]:
    policy = w.device.box.tree.get("ltm/policy", "/k8s/Shared/Ingress_203_0_113_7_80")
    return [] if policy is None else list(policy.children.get("rules", {}))


def certificates(w: World) -> set[str]:
    return {one.full_path for one in w.device.box.tree.items("sys/file/ssl-cert") if "/k8s/" in one.full_path}


def trusting(certificate: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificate.decode())


def served_by(w: World, certificate: bytes) -> Callable[[], Any]:
    """Whether the listener shows just this certificate."""

    async def holds() -> bool:
        answer = await asked(w, "www.example.com", "/", HTTPS, ssl=trusting(certificate))
        return answer == (200, "1", "")

    return holds
