"""Which Service answers which request: the rules of Kubernetes for Ingresses, by HTTP through the simulated BIG-IP.

One controller publishes all Ingresses of this table, once; each row is a request of its own connection. What Kubernetes
says is on its page "Ingress", under path types, multiple matches, hostname wildcards and the default backend.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from scenarios.fleet import MAPPINGS, NETWORK, free_port, url_of
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import backend, class_manifest, ingress_manifest, path, rule

pytestmark = pytest.mark.asyncio(loop_scope="module")

PORT = free_port()
STRICT, LENIENT = "203.0.113.7", "203.0.113.8"
"""The address whose Ingresses have no default backend, and the one whose oldest has one."""

NOBODY = "reset"
"""What becomes of a request that no rule is for, where there is no default backend: its connection is reset."""

SHOP, WILD, ROOT = "www.shop.test", "*.example.com", "root.test"
BACKENDS = ("foo-exact", "foo", "aaa", "bbb", "ccc", "slash", "end", "impl", "accent", "upper", "other", "wild",
            "longer", "api", "root", "all", "rest", "dots", "younger")  # fmt: skip


def ingress(name: str, *rules: dict[str, Any], day: int = 1, ip: str = STRICT, **spec: Any) -> dict[str, Any]:
    created = f"2026-01-{day:02}T00:00:00Z"
    return ingress_manifest(name, "default", *rules, created=created, ip=ip, **spec)


def exact(text: str, to: str) -> dict[str, Any]:
    return path(text, "Exact", to)


def prefix(text: str, to: str) -> dict[str, Any]:
    return path(text, "Prefix", to)


INGRESSES = (
    ingress(
        "paths",
        rule(
            SHOP,
            # In an order that none of the answers follows.
            prefix("/aaa", "aaa"),
            prefix("/foo", "foo"),
            exact("/foo", "foo-exact"),
            prefix("/aaa/bbb", "bbb"),
            exact("/aaa/bbb/ccc", "ccc"),
            prefix("/slash/", "slash"),
            exact("/end/", "end"),
            path("/impl", "ImplementationSpecific", "impl"),
            exact("/caf%C3%A9", "accent"),
            prefix("/Upper", "upper"),
            prefix("/v1.0/a-b_c~d", "dots"),
        ),
    ),
    ingress("same-host", rule(SHOP, prefix("/other", "other"), prefix("/aaa/zzz", "other")), day=2),
    ingress("wildcards", rule(WILD, prefix("/", "wild")), rule("*.b.example.com", prefix("/", "longer")), day=3),
    ingress("named", rule("api.example.com", prefix("/v1", "api")), day=4),
    ingress("root", rule(ROOT, exact("/", "root")), rule("all.test", prefix("/", "all")), day=5),
    ingress(
        "lenient",
        rule(SHOP, prefix("/foo", "foo")),
        {"host": "bare.test"},
        {"http": {"paths": [prefix("/every", "all")]}},
        ip=LENIENT,
        defaultBackend=backend("rest"),
    ),
    ingress("wild", rule("*.wild.test", prefix("/", "wild")), day=3, ip=LENIENT),
    ingress("younger", rule("y.test", exact("/", "younger")), day=2, ip=LENIENT, defaultBackend=backend("younger")),
)

PATHS = [
    # (what of the Ingress's paths is asked for, who answers)
    ("/foo", "foo-exact"),
    ("/foo/", "foo"),
    ("/foo/bar", "foo"),
    ("/foo/bar/", "foo"),
    ("/foobar", NOBODY),
    ("/foo.html", NOBODY),
    ("/fo", NOBODY),
    ("/FOO", NOBODY),
    ("/aaa", "aaa"),
    ("/aaa/", "aaa"),
    ("/aaa/bb", "aaa"),
    ("/aaa/bbb", "bbb"),
    ("/aaa/bbb/", "bbb"),
    ("/aaa/bbbxyz", "aaa"),
    ("/aaa/bbb/cc", "bbb"),
    ("/aaa/bbb/ccc", "ccc"),
    ("/aaa/bbb/ccc/", "bbb"),
    ("/aaa/bbb/ccc/ddd", "bbb"),
    ("/aaa/zzz/1", "other"),
    ("/bbb", NOBODY),
    ("/xaaa", NOBODY),
    ("/x/aaa", NOBODY),
    ("/slash", "slash"),
    ("/slash/", "slash"),
    ("/slash/x", "slash"),
    ("/slashx", NOBODY),
    ("/end/", "end"),
    ("/end", NOBODY),
    ("/end/x", NOBODY),
    ("/impl", "impl"),
    ("/impl/x", "impl"),
    ("/implx", NOBODY),
    ("/other/x", "other"),
    ("/Upper", "upper"),
    ("/upper", NOBODY),
    ("/v1.0/a-b_c~d/x", "dots"),
    ("/v1.0/a-b_c~d.e", NOBODY),
    ("/", NOBODY),
    # A query is no part of the path, whatever stands in it.
    ("/foo?x=1", "foo-exact"),
    ("/foo?/bar", "foo-exact"),
    ("/foo/?x", "foo"),
    ("/aaa?next=/aaa/bbb", "aaa"),
    ("/?/foo", NOBODY),
    ("/x?y=/foo", NOBODY),
    # A path is compared as it is written: a character and its code are two things, as are the two ways to write a code.
    ("/caf%C3%A9", "accent"),
    ("/caf%c3%a9", NOBODY),
    ("/%66oo", NOBODY),
    ("/foo%2Fbar", NOBODY),
    ("/aaa%2Fbbb", NOBODY),
    ("/aaa/%62bb", "aaa"),
    ("/foo;v=1", NOBODY),
    ("/foo/%20x", "foo"),
    ("/x/../foo", NOBODY),
]

HOSTS = [
    # (Host header, path, who answers)
    (SHOP, "/foo/x", "foo"),
    ("WWW.Shop.TEST", "/foo/x", "foo"),
    (f"{SHOP}:80", "/foo/x", "foo"),
    (f"{SHOP}:8443", "/foo/x", "foo"),
    ("WWW.SHOP.TEST:80", "/foo/x", "foo"),
    ("shop.test", "/foo", NOBODY),
    ("x.www.shop.test", "/foo", NOBODY),
    ("www.shop.test.evil.test", "/foo", NOBODY),
    ("xwww.shop.test", "/foo", NOBODY),
    ("203.0.113.7", "/foo", NOBODY),
    ("", "/foo", NOBODY),
    (ROOT, "/", "root"),
    (ROOT, "/?x=1", "root"),
    (ROOT, "/x", NOBODY),
    ("all.test", "/", "all"),
    ("all.test", "/any/path?at=all", "all"),
    # A wildcard is for one label, and what is more exact goes first.
    ("any.example.com", "/", "wild"),
    ("any.example.com:8080", "/x", "wild"),
    ("ANY.EXAMPLE.COM", "/x", "wild"),
    ("example.com", "/", NOBODY),
    ("anyexample.com", "/", NOBODY),
    ("any.example.com.evil.test", "/", NOBODY),
    ("a.b.example.com", "/", "longer"),
    ("b.example.com", "/", "wild"),
    ("api.example.com", "/v1/x", "api"),
    ("api.example.com", "/v2", "wild"),
    ("x.y.example.com", "/", NOBODY),
    ("x.a.b.example.com", "/", NOBODY),
    ("x.y.example.com:8080", "/", NOBODY),
]

WITH_A_DEFAULT = [
    (SHOP, "/foo/x", "foo"),
    (SHOP, "/foobar", "rest"),
    (SHOP, "/", "rest"),
    ("bare.test", "/", "rest"),
    ("bare.test", "/foo", "rest"),
    ("bare.test", "/every", "rest"),
    ("unknown.test", "/", "rest"),
    ("unknown.test", "/every", "all"),
    ("unknown.test", "/every/where", "all"),
    ("unknown.test", "/everywhere", "rest"),
    (SHOP, "/every", "all"),
    ("", "/", "rest"),
    ("", "/every", "all"),
    ("203.0.113.8", "/x", "rest"),
    ("y.test", "/", "younger"),
    ("y.test", "/x", "rest"),
    ("a.wild.test", "/x", "wild"),
    ("a.b.wild.test", "/x", "rest"),
    ("a.b.c.wild.test", "/", "rest"),
]


def slices(name: str, number: int) -> dict[str, Any]:
    """The endpoint of a Service: the backend with this number."""
    return {**endpoints(1, name, PORT), "endpoints": [{"addresses": [f"198.51.100.{number}"]}]}


@contextlib.asynccontextmanager
async def answering(name: str, host: str) -> AsyncIterator[None]:
    """A web server that answers who it is and what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"backend": name, "path": request.raw_path, "host": request.headers.get("Host")})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, host, PORT).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def published() -> AsyncIterator[World]:
    """A world with the Ingresses of the table, and a backend for each Service."""
    there = [manifest for n, name in enumerate(BACKENDS, 1) for manifest in (service(name), slices(name, n))]
    async with contextlib.AsyncExitStack() as running:
        for number, name in enumerate(BACKENDS, 1):
            await running.enter_async_context(answering(name, f"{NETWORK}.{number}"))
        yield await running.enter_async_context(
            world(class_manifest(), *there, *INGRESSES, dataplane=True, mappings=MAPPINGS)
        )


async def asked(w: World, host: str, at: str, address: str = STRICT, method: str = "GET") -> tuple[str, str]:
    """Who answers a request on a connection of its own, and the path that it was asked with."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        return await asked_on(session, await base_of(w, address), host, at, method)


async def base_of(w: World, address: str) -> str:
    return await url_of(w, f"/k8s/Shared/ingress_{address.replace('.', '_')}_80")


async def asked_on(
    session: aiohttp.ClientSession, base: str, host: str, at: str, method: str = "GET"
) -> tuple[str, str]:
    try:
        url = URL(base.rstrip("/") + at, encoded=True)
        async with session.request(method, url, headers={"Host": host}, allow_redirects=False) as reply:
            assert reply.status == 200, await reply.text()
            seen = await reply.json()
    except aiohttp.ClientError:
        return NOBODY, ""
    assert seen["host"] == host
    return seen["backend"], seen["path"]


async def test_nothing_is_wrong_with_the_table(published: World) -> None:
    assert [issue.code for issue in published.issues()] == ["TB2046"], "the younger one's default backend"


@pytest.mark.parametrize(("at", "who"), PATHS, ids=[at for at, _ in PATHS])
async def test_a_path_is_for_whom_kubernetes_says(published: World, at: str, who: str) -> None:
    assert await asked(published, SHOP, at) == (who, at if who != NOBODY else "")


@pytest.mark.parametrize(("host", "at", "who"), HOSTS, ids=[f"{host}{at}" for host, at, _ in HOSTS])
async def test_a_host_is_for_whom_kubernetes_says(published: World, host: str, at: str, who: str) -> None:
    assert await asked(published, host, at) == (who, at if who != NOBODY else "")


async def test_each_request_of_a_connection_is_looked_at_by_itself(published: World) -> None:
    """Longer names than a wildcard's, and others between them, on one connection."""
    hosts = {"a.b.wild.test": "rest", "a.wild.test": "wild", SHOP: "foo", "x.y.wild.test": "rest", "z.test": "rest"}
    base = await base_of(published, LENIENT)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for host, who in [*hosts.items()] * 2:
            assert await asked_on(session, base, host, "/foo") == (who, "/foo")


@pytest.mark.parametrize(("host", "at", "who"), WITH_A_DEFAULT, ids=[f"{host}{at}" for host, at, _ in WITH_A_DEFAULT])
async def test_the_default_backend_gets_whatever_no_rule_is_for(published: World, host: str, at: str, who: str) -> None:
    assert await asked(published, host, at, LENIENT) == (who, at)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_the_method_makes_no_difference(published: World, method: str) -> None:
    assert await asked(published, SHOP, "/aaa/bbb/x", method=method) == ("bbb", "/aaa/bbb/x")
    assert (await asked(published, SHOP, "/bbb", method=method))[0] == NOBODY
