"""One Ingress more on an address of a thousand hosts is one small transaction, as on an address of ten."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bigipsim.journal import Entry
from scenarios.loop import World, endpoints, service, world
from unit.ingresses import class_manifest, ingress_manifest, pair, path, rule, secret_manifest

HTTP, HTTPS = "/k8s/Shared/Ingress_203_0_113_7_80", "/k8s/Shared/Ingress_203_0_113_7_443"
FEW, MANY, OWNERS = 20, 1000, 10
COLD_START_S = 240
NO_CHANGE = ("/mgmt/tm/task", "/mgmt/shared/authn", "/mgmt/tm/transaction")
BASE = (class_manifest(), service(), endpoints(2), service("more"), endpoints(2, "more"))

Manifest = dict[str, Any]


def owner(number: int, hosts: int) -> tuple[Manifest, ...]:
    """An Ingress with so many hosts; the two oldest have a certificate each, and are redirected to HTTPS."""
    name, created = f"i{number:02}", f"2026-01-{number + 1:02}T00:00:00Z"
    rules = [rule(f"h{host:04}.i{number:02}.example.com") for host in range(hosts)]
    if number >= 2:
        return (ingress_manifest(name, "default", *rules, created=created),)
    return (
        ingress_manifest(name, "default", *rules, created=created, tls=[{"secretName": name}]),
        secret_manifest(name, pair(f"*.i{number:02}.example.com"), "default"),
    )


def more(to: str = "more", **spec: Any) -> Manifest:
    rules = rule("more.example.com", path("/more", service=to))
    return ingress_manifest("more", "default", rules, created="2026-02-01T00:00:00Z", **spec)


def rules_of(w: World, policy: str) -> set[str]:
    """The names of a policy's rules."""
    item = w.device.box.tree.get("ltm/policy", policy)
    return set() if item is None else set(item.children.get("rules", {}))


def more_goes_to(w: World, plain: str, secure: str = "") -> bool:
    """Whether host more.example.com has just the rules for these Services, by HTTP and by HTTPS; none for ""."""
    names = ({name for name in rules_of(w, policy) if "more_example_com" in name} for policy in (HTTP, HTTPS))
    found = [name.removesuffix("_80").rpartition("_")[2] for one in names for name in one or {""}]
    return found == [plain, secure]


def changes(entries: Sequence[Entry]) -> Counter[str]:
    """What was asked for, without digests of certificates, and without what only brackets a transaction.

    A slow device is given smaller transactions, and a single change as it is.
    """
    asked = (one for one in entries if not one.path.startswith(NO_CHANGE))
    return Counter(f"{one.method} {re.sub('[0-9a-f]{8,}', 'DIGEST', one.path)}" for one in asked)


def sent_bytes(entries: Sequence[Entry]) -> int:
    """Bytes of the bodies of all that."""
    return sum(one.body_bytes for one in entries if not one.path.startswith(NO_CHANGE))


async def costs(hosts: int) -> dict[str, list[Entry]]:
    """What travels for each change at an address with so many hosts."""
    owners = [manifest for number in range(OWNERS) for manifest in owner(number, hosts // OWNERS)]
    found: dict[str, list[Entry]] = {}
    async with world(*BASE, *owners, started=False) as w:
        w.start()
        await w.until(w.worker.in_sync.is_set, COLD_START_S)
        assert not w.issues()

        async def step(name: str, *manifests: Manifest, plain: str = "", secure: str = "") -> None:
            before = len(w.device.journal.since(0))
            if manifests:
                w.cluster.tell(*manifests)
            else:
                w.cluster.delete("Ingress", "more")
            await w.until(lambda: more_goes_to(w, plain, secure))
            await w.in_sync()
            found[name] = w.device.journal.since(0)[before:]

        await step("added", more(), plain="more")
        await step("changed", more("web"), plain="web")
        await step("removed")
        secret = secret_manifest("more", pair("more.example.com"), "default")
        await step("added with TLS", more(tls=[{"secretName": "more"}]), secret, plain="more", secure="more")
        await step("removed with TLS")
        assert (len(rules_of(w, HTTP)), len(rules_of(w, HTTPS))) == (hosts, hosts // OWNERS * 2)
    return found


async def test_a_change_costs_as_much_among_a_thousand_hosts_as_among_a_few() -> None:
    few, many = await costs(FEW), await costs(MANY)
    policy, gone = f"/mgmt/tm/ltm/policy/{HTTP.replace('/', '~')}/rules", "ingress_default_more_web_80"
    assert changes(many["added"]) == Counter(["POST /mgmt/tm/ltm/pool", f"POST {policy}"])
    assert changes(many["removed"]) == Counter(
        [f"DELETE {policy}/ingress_more_example_com_more_{gone}", f"DELETE /mgmt/tm/ltm/pool/~k8s~Shared~{gone}"]
    )
    assert sent_bytes(many["added"]) < 1000
    assert [one.path for one in many["added"]].count("/mgmt/tm/transaction") == 1
    for name, entries in many.items():
        assert changes(entries) == changes(few[name])
        assert sent_bytes(entries) == sent_bytes(few[name])
        assert not any(line.startswith("PATCH /mgmt/tm/ltm/virtual") for line in changes(entries))
