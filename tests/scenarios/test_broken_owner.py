"""One of twenty Ingresses on an address is broken: what it had last goes on, and the others notice nothing.

Both hold while a controller runs and after it was started anew, when only the BIG-IP knows what was good.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from scenarios.fleet import MAPPINGS, Fleet, free_port, url_of
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import F5, Pair, class_manifest, ingress_manifest, pair, path, rule, secret_manifest

PORT = free_port()
HTTP, HTTPS = "/k8s/Shared/ingress_203_0_113_7_80", "/k8s/Shared/ingress_203_0_113_7_443"
BOTH = {"ingress.kubernetes.io/ssl-redirect": "false", "ingress.kubernetes.io/allow-http": "true"}
OWNERS = 20

Manifest = dict[str, Any]
Break = Callable[[World, int], None]


def host(number: int) -> str:
    return f"h{number:02}.example.com"


def certificate(number: int) -> Pair:
    return pair(host(number))


def secret(number: int, of: Pair | None = None, **entries: Any) -> Manifest:
    return secret_manifest(f"s{number:02}", of or certificate(number), "default", **entries)


def owner(number: int, *, to: str = "web", annotations: dict[str, str] | None = None, **more: Any) -> Manifest:
    """An Ingress with a host and a Secret of its own, served with and without TLS; a lower number is older."""
    paths = more.pop("paths", (path(service=to),))
    spec = {"tls": [{"hosts": [host(number)], "secretName": f"s{number:02}"}], **more}
    created = f"2026-01-{number + 1:02}T00:00:00Z"
    name, both = f"i{number:02}", BOTH | (annotations or {})
    return ingress_manifest(name, "default", rule(host(number), *paths), created=created, annotations=both, **spec)


def slices(name: str, number: int) -> Manifest:
    return {**endpoints(1, name, PORT), "endpoints": [{"addresses": [f"198.51.100.{number}"]}]}


@contextlib.asynccontextmanager
async def twenty(started: bool = True) -> AsyncIterator[World]:
    """A world with twenty owners, whose backend is 1; that of Service shop is 2."""
    base = (class_manifest(), service(), slices("web", 1), service("shop"), slices("shop", 2))
    owners = [manifest for number in range(OWNERS) for manifest in (owner(number), secret(number))]
    async with Fleet(PORT) as fleet:
        await fleet.start(1, 2)
        async with world(*base, *owners, dataplane=True, mappings=MAPPINGS, second_look_s=0.2, started=started) as w:
            assert not started or not w.issues()
            yield w


async def asked(w: World, number: int, server: str = HTTP) -> str:
    """Who answers for a host; empty when nobody does. With TLS only that host's own certificate is trusted."""
    url = await url_of(w, server)
    more: dict[str, Any] = {}
    if server == HTTPS:
        url = url.replace("http:", "https:", 1)
        context = ssl.create_default_context(cadata=certificate(number).certificate.decode())
        more = {"ssl": context, "server_hostname": host(number)}
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(url, headers={"Host": host(number), "Connection": "close"}, **more) as reply:
                return await reply.text()
        except aiohttp.ClientConnectionError:
            return ""


async def both(w: World, number: int) -> tuple[str, str]:
    return await asked(w, number), await asked(w, number, HTTPS)


def answers(w: World, number: int, who: str) -> Callable[[], Any]:
    """Whether a host is answered so, with and without TLS."""

    async def holds() -> bool:
        return await both(w, number) == (who, who)

    return holds


async def the_others_go_on(w: World, first: int) -> None:
    """Three others are changed, added and removed, and nothing but what belongs to them is written."""
    changed, removed, added = first, first + 1, first + OWNERS
    written = w.mark()
    w.cluster.tell(owner(changed, to="shop"), secret(added), owner(added))
    w.cluster.delete("Ingress", f"i{removed:02}")
    w.cluster.delete("Secret", f"s{removed:02}")
    await w.until(answers(w, changed, "2"))
    await w.until(answers(w, added, "1"))
    await w.until(answers(w, removed, ""))
    await w.in_sync()
    strangers = [number for number in range(OWNERS) if number not in (changed, removed)]
    theirs = [part for n in strangers for part in (f"_{host(n).replace('.', '_')}_", f"default_s{n:02}_")]
    assert not [line for line in written() if any(part in line for part in theirs)]
    assert any(f"_{host(removed).replace('.', '_')}_" in line for line in written())


# ---- ways to be broken: what the cluster has of owner number N from then on


def bad_annotation(w: World, number: int) -> None:
    w.cluster.tell(owner(number, to="shop", annotations={f"{F5}/health": "[{"}))


def bad_port(w: World, number: int) -> None:
    w.cluster.tell(owner(number, to="shop", annotations={f"{F5}/https-port": "4430000"}))


def bad_path(w: World, number: int) -> None:
    w.cluster.tell(owner(number, paths=(path(service="shop"), path("/*", service="shop"))))


def bad_service_port(w: World, number: int) -> None:
    w.cluster.tell(owner(number, paths=(path(service="shop", port=81),)))


def bad_form(w: World, number: int) -> None:
    w.cluster.tell({**owner(number, to="shop"), "spec": {"ingressClassName": "f5", "rules": "none"}})


def bad_secret(w: World, number: int) -> None:
    w.cluster.tell(secret(number, Pair(certificate(number).certificate, certificate(number + 1).key)))


def empty_secret(w: World, number: int) -> None:
    w.cluster.tell(secret(number, tls_key=b""))


def no_secret(w: World, number: int) -> None:
    w.cluster.delete("Secret", f"s{number:02}")


def no_client_profile(w: World, number: int) -> None:
    profiles = {f"{F5}/clientssl": '[{"bigIpProfile": "/Common/nosuch"}]'}
    w.cluster.tell(owner(number, to="shop", annotations=profiles, tls=[]))


def no_server_profile(w: World, number: int) -> None:
    w.cluster.tell(owner(number, to="shop", annotations={f"{F5}/serverssl": "/Common/nosuch"}))


def no_method(w: World, number: int) -> None:
    w.cluster.tell(owner(number, to="shop", annotations={f"{F5}/balance": "round-robbin"}))


WAYS = {
    bad_annotation: "TB1001",
    bad_port: "TB1009",
    bad_path: "TB1044",
    bad_service_port: "TB2004",
    bad_form: "TB1008",
    bad_secret: "TB2049",
    empty_secret: "TB2049",
    no_secret: "TB2048",
    no_client_profile: "TB2056",
    no_server_profile: "TB2056",
    no_method: "TB1010",
}
CASES = [pytest.param(way, 0, code, id=f"{way.__name__} of the oldest") for way, code in WAYS.items()]
CASES += [
    pytest.param(way, 10, WAYS[way], id=f"{way.__name__} of another")
    for way in (bad_annotation, no_secret, no_server_profile)
]


@pytest.mark.parametrize(("broken", "number", "code"), CASES)
async def test_nineteen_go_on_and_the_broken_one_keeps_what_it_had(broken: Break, number: int, code: str) -> None:
    async with twenty() as w:
        written = w.mark()
        broken(w, number)
        await w.until(lambda: [issue.code for issue in w.issues()] == [code])
        await w.in_sync()
        assert written() == [], "a mistake costs no write"
        assert await both(w, number) == ("1", "1")
        await the_others_go_on(w, 2)
        assert await both(w, number) == ("1", "1")

        await w.stop()
        written = w.mark()
        w.start()
        await w.in_sync()
        assert written() == [], "nor does a start"
        assert {issue.code for issue in w.issues()} == {code}
        assert await both(w, number) == ("1", "1")
        await the_others_go_on(w, 5)
        assert await both(w, number) == ("1", "1")

        w.cluster.tell(owner(number, to="shop"), secret(number))
        await w.until(answers(w, number, "2"))
        await w.until(lambda: not w.issues())


@pytest.mark.parametrize("broken", [no_client_profile, no_server_profile, no_method])
async def test_on_a_device_that_has_nothing_yet_nineteen_are_published_beside_a_broken_one(broken: Break) -> None:
    async with twenty(started=False) as w:
        broken(w, 0)
        w.start()
        await w.until(lambda: {HTTP, HTTPS} <= w.virtuals())
        await w.until(answers(w, 1, "1"))
        await w.until(answers(w, OWNERS - 1, "1"))
        assert [(issue.code, str(issue.about)) for issue in w.issues()] == [(WAYS[broken], "Ingress/default/i00")]
        assert await both(w, 0) == ("", "")
        w.cluster.tell(owner(0, to="shop"))
        await w.until(answers(w, 0, "2"))
        await w.until(lambda: not w.issues())


async def test_a_profile_that_is_made_on_the_device_later_is_found_and_used() -> None:
    async with twenty() as w:
        no_server_profile(w, 3)
        await w.until(lambda: [issue.code for issue in w.issues()] == ["TB2056"])
        w.device.box.tree.create("ltm/profile/server-ssl", {"name": "nosuch", "partition": "Common"})
        await w.until(lambda: not w.issues())
        await w.in_sync()
        server = w.device.box.tree.get("ltm/virtual", HTTPS)
        assert server is not None
        assert "/Common/nosuch" in server.children["profiles"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_who_changes_its_class_is_not_broken_but_gone(restarted: bool) -> None:
    async with twenty() as w:
        away = owner(0, ingressClassName="other")
        if restarted:
            await w.stop()
            w.cluster.know(away)
            w.start()
            await w.in_sync()
        else:
            w.cluster.tell(away)
        await w.until(answers(w, 0, ""))
        await w.until(answers(w, 1, "1"))
        await the_others_go_on(w, 2)
        assert not w.issues()
