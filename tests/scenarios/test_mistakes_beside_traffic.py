"""One mistake after the other in an Ingress, its Secret or a Service, while clients ask for what stands beside it.

Each is told with the object, the field, what stood there and what to write; nobody's request fails, and what was good
before goes on being served.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from scenarios.fleet import MAPPINGS, Fleet, Load, free_port, load, url_of
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import F5, backend, class_manifest, encrypted, ingress_manifest, pair, path, rule, secret_manifest

PORT = free_port()
HTTP, LB = "/k8s/Shared/ingress_203_0_113_7_80", "/k8s/Shared/vs_lb_svc_default_lb_203_0_113_8_80"
HOST = "bad.example.com"
CERTIFICATE, OTHER = pair(HOST), pair("other.example.com")
BOTH = {"ingress.kubernetes.io/ssl-redirect": "false", "ingress.kubernetes.io/allow-http": "true"}

Manifest = dict[str, Any]


def bad(annotations: dict[str, Any] | None = None, *rules: Manifest, **spec: Any) -> Manifest:
    """The Ingress that errs, younger than the neighbour; without arguments it is a good one."""
    given = BOTH | (annotations or {})
    tls = {"tls": [{"hosts": [HOST], "secretName": "bad"}]}
    rules = rules or (rule(HOST, path(service="bad")),)
    return ingress_manifest(
        "bad", "default", *rules, created="2026-03-01T00:00:00Z", annotations=given, **{**tls, **spec}
    )


def secret(**entries: Any) -> Manifest:
    return secret_manifest("bad", CERTIFICATE, "default", **entries)


def balancer(name: str, address: str, annotations: dict[str, Any] | None = None, **spec: Any) -> Manifest:
    metadata = {
        "name": name,
        "namespace": "default",
        "annotations": ({"cis.f5.com/ip": address} if address else {}) | (annotations or {}),
        "creationTimestamp": "2026-01-01T00:00:00Z" if name == "lb" else "2026-03-01T00:00:00Z",
    }
    given = {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}
    return {"kind": "Service", "metadata": metadata, "spec": given}


def bad_lb(annotations: dict[str, Any] | None = None, address: str = "203.0.113.9", **spec: Any) -> Manifest:
    return balancer("bad-lb", address, annotations, **spec)


NEIGHBOURS = (
    class_manifest(),
    ingress_manifest("good", "default", created="2026-01-01T00:00:00Z"),
    service(),
    {**endpoints(2, port=PORT)},
    balancer("lb", "203.0.113.8"),
    endpoints(2, "lb", PORT),
)
MENDED = (bad(), secret(), service("bad"), endpoints(1, "bad", PORT), bad_lb(), endpoints(1, "bad-lb", PORT))
BAD = "Ingress/default/bad"
A, S = "metadata.annotations", "spec.tls[0].secretName"

INGRESS: dict[str, tuple[Manifest, str, str]] = {
    "no address": (
        bad({f"{F5}/ip": "nowhere"}),
        f"{A}[{F5}/ip]",
        'is "nowhere", which is no IP address. Write an IPv4',
    ),
    "an empty address": (bad({f"{F5}/ip": ""}), f"{A}[{F5}/ip]", 'is "", which is no IP address. Write an IPv4'),
    "a huge port": (bad({f"{F5}/http-port": "9" * 9999}), f"{A}[{F5}/http-port]", "which is outside 1 to 65535. Write"),
    "a word as a port": (bad({f"{F5}/https-port": "tls"}), f"{A}[{F5}/https-port]", 'is "tls". Write a whole number'),
    "one port for both": (
        bad({f"{F5}/https-port": "80"}),
        f"{A}[{F5}/https-port]",
        "is 80, and so is the port for HTTP",
    ),
    "somebody's partition": (bad({f"{F5}/partition": "prod"}), f"{A}[{F5}/partition]", "writes to k8s only. Write k8s"),
    "no method": (bad({f"{F5}/balance": "Round Robin"}), f"{A}[{F5}/balance]", 'is "Round Robin", which is not known'),
    "a method that there is not": (
        bad({f"{F5}/balance": "round-robbin"}),
        f"{A}[{F5}/balance]",
        'is "round-robbin", which is not known there. Did you mean "round-robin"?',
    ),
    "TLS where the neighbour speaks HTTP": (
        bad({f"{F5}/https-port": "80", "ingress.kubernetes.io/allow-http": "false"}),
        f"{A}[{F5}/https-port]",
        "203.0.113.7:80 speaks plain HTTP for Ingress/default/good, which wants what is usual on that port, and this",
    ),
    "a client profile that is not there": (
        bad({f"{F5}/clientssl": '[{"bigIpProfile": "/Common/nosuch"}]'}, tls=[]),
        f"{A}[{F5}/clientssl]",
        "The BIG-IP has no client-ssl profile /Common/nosuch.",
    ),
    "no list of profiles": (bad({f"{F5}/clientssl": "/Common/clientssl"}), f"{A}[{F5}/clientssl]", "which is not JSON"),
    "a server profile that is not there": (
        bad({f"{F5}/serverssl": "/Common/nosuch"}),
        f"{A}[{F5}/serverssl]",
        "The BIG-IP has no server-ssl profile /Common/nosuch.",
    ),
    "no name of a profile": (bad({f"{F5}/serverssl": "a b"}), f"{A}[{F5}/serverssl]", "is no full path on the BIG-IP"),
    "no path to start at": (bad({f"{F5}/rewrite-app-root": "start"}), f"{A}[{F5}/rewrite-app-root]", "names no path"),
    "no allowed network": (bad({f"{F5}/allow-source-range": ""}), f"{A}[{F5}/allow-source-range]", 'the item ""'),
    "perhaps": (
        bad({f"{F5}/translate-server-address": "maybe"}),
        f"{A}[{F5}/translate-server-address]",
        "Write one of: true, false.",
    ),
    "neither HTTP nor none": (
        bad({"ingress.kubernetes.io/allow-http": ""}),
        f"{A}[ingress.kubernetes.io/allow-http]",
        "Write one of: true, false.",
    ),
    "health without JSON": (bad({f"{F5}/health": "/"}), f"{A}[{F5}/health]", 'is "/", which is not JSON: expecting'),
    "health of another shape": (bad({f"{F5}/health": "{}"}), f"{A}[{F5}/health]", "is {}. Write a list, for example"),
    "health with an unknown key": (
        bad({f"{F5}/health": f'[{{"path": "{HOST}/", "recieve": "x"}}]'}),
        f"{A}[{F5}/health][0].recieve",
        'is not a known field. Did you mean "recv"?',
    ),
    "health of no path": (
        bad({f"{F5}/health": f'[{{"path": "{HOST}"}}]'}),
        f"{A}[{F5}/health][0].path",
        f'is "{HOST}", which is not host/path. Write the host and the path of a rule',
    ),
    "a rewrite to a command": (
        bad({f"{F5}/rewrite-target-url": f"{HOST}/=/[exec ls]"}),
        f"{A}[{F5}/rewrite-target-url]",
        "has characters that a URL cannot have as they are. Write it like www.example.com/old=",
    ),
    "no network": (
        bad({f"{F5}/whitelist-source-range": "10.0.0.0/8,office"}),
        f"{A}[{F5}/whitelist-source-range]",
        'has the item "office", which is no network. Write networks with commas between',
    ),
    "neither yes nor no": (
        bad({"ingress.kubernetes.io/ssl-redirect": "sometimes"}),
        f"{A}[ingress.kubernetes.io/ssl-redirect]",
        'is "sometimes", which is not known there. Write one of: true, false.',
    ),
    "a path without a slash": (
        bad(None, rule(HOST, path("shop", service="bad"))),
        "spec.rules[0].http.paths[0].path",
        'is "shop", which does not begin with a slash. Write an absolute path',
    ),
    "a port that the Service lacks": (
        bad(None, rule(HOST, path(service="bad", port="grpc"))),
        "spec.rules[0].http.paths[0].backend.service.port",
        "Service default/bad has no port grpc; it has 80. Write one of the Service's ports",
    ),
    "no Secret named": (bad(None, tls=[{"hosts": [HOST]}]), S, "names no Secret, so there is no certificate to show."),
    "the neighbour's place": (
        bad(None, tls=[], defaultBackend=backend("bad"), rules=None),
        "spec.defaultBackend",
        "What no rule matches at 203.0.113.7:80 goes to the default backend of Ingress/default/good, which is older.",
    ),
}
SECRETS: dict[str, tuple[Manifest, str]] = {
    "of another type": (secret(kind="kubernetes.io/dockerconfigjson"), "is not of a type that holds a certificate."),
    "without a key": (secret(tls_key=None), "lacks tls.crt or tls.key."),
    "empty": ({**secret(), "data": {"tls.crt": "", "tls.key": ""}}, "lacks tls.crt or tls.key."),
    "not base64": ({**secret(), "data": {"tls.crt": "?", "tls.key": "?"}}, "is not base64 where it has to be."),
    "no certificate": (secret(tls_crt=b"text"), "has no certificate in PEM form in tls.crt."),
    "somebody else's key": (secret(tls_key=OTHER.key), "has a key that does not belong to its certificate."),
    "an encrypted key": (secret(tls_key=encrypted(CERTIFICATE.key)), "has an encrypted key in tls.key."),
}
SERVICES: dict[str, tuple[Manifest, str, str]] = {
    "two addresses of one family": (
        bad_lb(address="203.0.113.9,203.0.113.10"),
        f"{A}[cis.f5.com/ip]",
        "Write one address, or one IPv4 and one IPv6 address with a comma between.",
    ),
    "somebody's partition": (
        bad_lb({"cis.f5.com/partition": "prod"}),
        f"{A}[cis.f5.com/partition]",
        "writes to k8s only. Write k8s",
    ),
    "health without JSON": (
        bad_lb({"cis.f5.com/health": "tcp"}),
        f"{A}[cis.f5.com/health]",
        'is "tcp", which is not JSON: expecting value at its line 1, column 1. Write JSON like {',
    ),
    "no source range": (
        bad_lb(None, loadBalancerSourceRanges=["everybody"]),
        "spec.loadBalancerSourceRanges",
        'has the item "everybody", which is no network. Write networks one for each item',
    ),
    "the neighbour's address": (
        bad_lb(address="203.0.113.8"),
        f"{A}[cis.f5.com/ip]",
        "203.0.113.8:80 belongs to Service/default/lb, which is older. Choose another address or port",
    ),
}  # fmt: skip


@contextlib.asynccontextmanager
async def busy() -> AsyncIterator[tuple[World, list[Load]]]:
    """A world with everything in order, and clients at the neighbours and at what will err."""
    async with Fleet(PORT) as fleet:
        await fleet.start(1, 2)
        async with (
            world(*NEIGHBOURS, *MENDED, dataplane=True, mappings=MAPPINGS) as w,
            contextlib.AsyncExitStack() as all,
        ):
            assert not w.issues()
            urls = [(await url_of(w, HTTP), ""), (await url_of(w, LB), ""), (await url_of(w, HTTP), HOST)]
            yield w, [await all.enter_async_context(load(url, 2, host)) for url, host in urls]


async def told(w: World, loads: list[Load], *manifests: Manifest, about: str) -> list[tuple[str, str, str]]:
    """What is said about an object after it was changed: severity, field and text; then it is mended."""
    before = [one.requests for one in loads]
    w.cluster.tell(*manifests)
    await w.until(lambda: bool([issue for issue in w.issues() if str(issue.about) == about]))
    await w.until(lambda: all(one.requests > count for one, count in zip(loads, before, strict=True)))
    found = [(str(issue.severity), issue.field, issue.text) for issue in w.issues() if str(issue.about) == about]
    assert {str(issue.about) for issue in w.issues()} == {about}
    w.cluster.tell(*MENDED)
    await w.until(lambda: not w.issues())
    return found


def nobody_failed(loads: list[Load]) -> None:
    assert [dict(one.failures) for one in loads] == [{}, {}, {}]


async def test_no_mistake_in_an_ingress_costs_a_request() -> None:
    async with busy() as (w, loads):
        for what, (manifest, field, sentence) in INGRESS.items():
            errors = [one for one in await told(w, loads, manifest, about=BAD) if one[0] == "ERROR"]
            assert [one[1] for one in errors] == [field], what
            assert sentence in errors[0][2], what
        nobody_failed(loads)


async def test_what_is_wrong_and_no_error_costs_no_request_either() -> None:
    async with busy() as (w, loads):
        (unknown,) = await told(w, loads, bad({f"{F5}/helth": "x"}), about=BAD)
        assert unknown[0] == "WARNING"
        assert unknown[2].endswith(f'Did you mean "{F5}/health"?')
        (missing,) = await told(
            w, loads, bad(None, rule(HOST, path(service="bad"), path("/later", service="later"))), about=BAD
        )
        assert missing[:2] == ("PENDING", "spec.rules[0].http.paths[1].backend.service.name")
        (policy,) = await told(w, loads, bad_lb({"cis.f5.com/policyName": "one"}), about="Service/default/bad-lb")
        assert policy[:2] == ("PENDING", f"{A}[cis.f5.com/policyName]")
        label = bad_lb({"cis.f5.com/ipamLabel": "Dev"}, address="")
        (outside,) = await told(w, loads, label, about="Service/default/bad-lb")
        assert outside[:2] == ("WARNING", f"{A}[cis.f5.com/ipamLabel]")
        assert 'The address 203.0.113.9 is in no range of pool "Dev" any more; it stays' in outside[2]
        nobody_failed(loads)


async def test_no_mistake_in_a_secret_costs_a_request() -> None:
    async with busy() as (w, loads):
        for what, (manifest, sentence) in SECRETS.items():
            (found,) = await told(w, loads, manifest, about=BAD)
            assert found[:2] == ("ERROR", S), what
            assert found[2].startswith(f"Secret default/bad {sentence}"), what
        w.cluster.delete("Secret", "bad")
        (found,) = await told(w, loads, about=BAD)
        assert found[:2] == ("PENDING", S)
        assert found[2].startswith("There is no Secret default/bad: its certificate cannot be shown. Create it")
        ended = secret_manifest("bad", pair(HOST, days=1), "default")
        (found,) = await told(w, loads, ended, about=BAD)
        assert found[0] == "WARNING"
        assert found[2] == (
            "The certificate of Secret default/bad ended on 2026-01-02; it is shown all the same, and clients refuse "
            "it. Renew it: replace tls.crt and tls.key in the Secret."
        )
        nobody_failed(loads)


async def test_no_mistake_in_a_service_costs_a_request() -> None:
    async with busy() as (w, loads):
        for what, (manifest, field, sentence) in SERVICES.items():
            errors = [
                one for one in await told(w, loads, manifest, about="Service/default/bad-lb") if one[0] == "ERROR"
            ]
            assert [one[1] for one in errors] == [field], what
            assert sentence in errors[0][2], what
        nobody_failed(loads)


async def test_a_host_of_another_namespace_stays_with_whom_it_was_first() -> None:
    thief = ingress_manifest("thief", "other", rule(HOST), created="2026-04-01T00:00:00Z")
    async with busy() as (w, loads):
        w.cluster.tell(thief, {**service(), "metadata": {"name": "web", "namespace": "other"}})
        await w.until(lambda: bool(w.issues("TB2044")))
        (issue,) = w.issues("TB2044")
        assert (str(issue.about), issue.field) == ("Ingress/other/thief", "spec.rules[0].host")
        assert issue.text == (
            f"{HOST} at 203.0.113.7:80 belongs to namespace default, because of Ingress/default/bad, which is older. "
            "Choose another host or address, or move one of the two."
        )
        before = [one.requests for one in loads]
        await w.until(lambda: all(one.requests > count for one, count in zip(loads, before, strict=True)))
        nobody_failed(loads)


FOREIGN = {
    "/k8s/legacy": "for virtual server /k8s/legacy listens there already: 01070333:3: Virtual Server ",
    "/Common/legacy": "for its address 203.0.113.50 is another partition's already: 0107176c:3: Invalid Virtual ",
}


@pytest.mark.parametrize("path", FOREIGN)
async def test_an_address_that_a_foreign_virtual_server_has_is_told_and_left_to_it(path: str) -> None:
    async with busy() as (w, loads):
        _, partition, name = path.split("/")
        body = {"name": name, "partition": partition, "destination": f"/{partition}/203.0.113.50:80"}
        w.device.box.tree.create("ltm/virtual", {**body, "ipProtocol": "tcp", "profiles": ["/Common/tcp"]})
        before, there = [one.requests for one in loads], w.get("ltm/virtual", path)
        w.cluster.tell(ingress_manifest("late", "default", rule("late.example.com"), ip="203.0.113.50"))
        await w.until(lambda: bool(w.issues("TB3013")))
        (issue,) = w.issues("TB3013")
        assert str(issue.about) == "Ingress/default/late"
        assert issue.text.startswith(
            f"The BIG-IP refuses ltm virtual /k8s/Shared/ingress_203_0_113_50_80, {FOREIGN[path]}"
        )
        assert issue.hint == "Choose another address or port, or delete what the BIG-IP has there."
        assert w.get("ltm/virtual", path) == there
        await w.until(lambda: all(one.requests > count for one, count in zip(loads, before, strict=True)))
        nobody_failed(loads)
