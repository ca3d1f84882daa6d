"""Ingresses whose address is in DNS, with a real server to ask: what follows it, and what a server cannot take away."""

from __future__ import annotations

from typing import Any

from fakes.nameserver import NameServer
from scenarios.loop import endpoints, service, world
from turnbuckle.sources.names_server import ServerResolver
from unit.ingresses import class_manifest, ingress_manifest, path, rule

HOST = "www.example.com"
BASE = (class_manifest(), service(), endpoints(1))


def named(name: str = "a", host: str = HOST) -> dict[str, Any]:
    return ingress_manifest(name, "default", rule(host, path()), ip="")


def at(address: str) -> set[str]:
    return {f"/k8s/Shared/ingress_{address.replace('.', '_')}_80"}


async def test_an_ingress_is_published_at_the_address_of_its_host_from_the_first_pass_on() -> None:
    async with NameServer({HOST: ["203.0.113.9"]}, ttl_s=0) as server:
        resolver = ServerResolver("127.0.0.1", server.port, wait_s=2.0)
        async with world(*BASE, named(), resolver=resolver) as w:
            assert w.virtuals() == at("203.0.113.9")
            assert not w.issues()
            w.cluster.tell(named("b", "api.example.com"))
            await w.until(lambda: [str(issue.about) for issue in w.issues("TB2054")] == ["Ingress/default/b"])
            server.records["api.example.com"] = ["203.0.113.10"]
            await w.until(lambda: w.virtuals() == at("203.0.113.9") | at("203.0.113.10"))
            server.records[HOST] = ["203.0.113.11"]
            await w.until(lambda: w.virtuals() == at("203.0.113.11") | at("203.0.113.10"))


async def test_a_server_that_answers_nothing_takes_nothing_away_not_even_after_a_restart() -> None:
    async with NameServer({HOST: ["203.0.113.9"]}, ttl_s=0) as server:
        resolver = ServerResolver("127.0.0.1", server.port, wait_s=2.0)
        async with world(*BASE, named(), resolver=resolver) as w:
            server.silent = True
            await w.until(lambda: bool(w.issues("TB2054")))
            assert w.virtuals() == at("203.0.113.9")
            await w.stop()
            writes = w.mark()
            w.start()
            await w.in_sync()
            assert [str(issue.severity) for issue in w.issues("TB2054")] == ["ERROR"]
            assert w.virtuals() == at("203.0.113.9")
            assert writes() == []
            server.silent = False
            await w.until(lambda: not w.issues())
            assert writes() == []


async def test_one_time_is_enough_where_the_name_is_known() -> None:
    async with NameServer({HOST: ["203.0.113.9"]}) as server:
        resolver = ServerResolver("127.0.0.1", server.port)
        async with world(*BASE, named(), resolver=resolver, started=False) as w:
            w.start()
            await w.stop()
            assert await w.controller.once(patience_s=20)
            assert w.virtuals() == at("203.0.113.9")
