"""Ingresses: many hosts on a few addresses, each with three paths and a certificate of its own.

Measured are the cold start, one host more in an Ingress, one Ingress more with its certificate, and a certificate that
is renewed.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from benchmarks.cluster import Cluster
from benchmarks.lab import BigIp, Controller, Lab
from benchmarks.objects import ENDPOINTS, NAMESPACE, Raw, endpoint_slice, service
from benchmarks.seen import Entry, refused_commits, tally
from turnbuckle.cli.progress import progress

ADDRESSES = 10
PATHS = ("/", "/api", "/static")
REPEATS = 5
QUIET_S = 2.0
PATIENCE_S = 120.0

Case = dict[str, Any]


class Authority:
    """A certificate authority with P-256 keys."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Turnbuckle bench")])
        self._from = datetime.now(UTC) - timedelta(hours=1)

    def secret(self, number: int) -> Raw:
        """The Secret of an Ingress, with a key and a certificate that no other has."""
        key, host = ec.generate_private_key(ec.SECP256R1()), host_of(number)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._from + timedelta(days=90))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(self._key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        contents = {"tls.crt": certificate.public_bytes(Encoding.PEM), "tls.key": private}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": f"app-{number:04}", "namespace": NAMESPACE},
            "data": {name: base64.b64encode(content).decode() for name, content in contents.items()},
        }


def host_of(number: int) -> str:
    return f"app-{number:04}.example.com"


def ingress(number: int, *more_hosts: str) -> Raw:
    """An Ingress, with its address in the status, as where a controller has run before."""
    address = f"203.0.113.{number % ADDRESSES + 1}"
    backend = {"service": {"name": f"app-{number:04}", "port": {"number": 80}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in PATHS]
    rules = [{"host": host_of(number), "http": {"paths": paths}}]
    rules += [{"host": host, "http": {"paths": paths[:1]}} for host in more_hosts]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": f"app-{number:04}",
            "namespace": NAMESPACE,
            "annotations": {"kubernetes.io/ingress.class": "f5", "virtual-server.f5.com/ip": address},
        },
        "spec": {"tls": [{"hosts": [host_of(number)], "secretName": f"app-{number:04}"}], "rules": rules},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


def objects(authority: Authority, numbers: range) -> Iterator[Raw]:
    """All objects for these Ingresses."""
    for number in numbers:
        yield authority.secret(number)
        yield service(number)
        yield endpoint_slice(number, ENDPOINTS)
        yield ingress(number)


async def measure(count: int) -> Case:
    """All figures for so many Ingresses."""
    with progress(f"{count} Ingresses") as line:
        async with Lab() as lab:
            authority, device = Authority(), await lab.device()
            line.say(f"{count} Ingresses: filling the API server")
            cluster = await lab.cluster(real=False)
            await cluster.fill(objects(authority, range(count)))
            line.say(f"{count} Ingresses: cold start")
            running = await lab.controller(cluster, device)
            case: Case = {"ingresses": count, "addresses": ADDRESSES, "paths_each": len(PATHS)}
            case["cold_start"] = await _cold(running, device)
            line.say(f"{count} Ingresses: one host more, one certificate renewed, one Ingress more")
            case |= await _changed(running, cluster, device, authority, count)
            after = await running.ask("figures")
            case["memory"] = {name: after[name] for name in ("rss_mib", "rss_high_water_mib")}
            await running.stop()
    return case


async def _cold(running: Controller, device: BigIp) -> Case:
    synced = await running.ask("in-sync")
    entries = await device.requests()
    return {
        "to_in_sync_s": synced["at_s"] - running.began_s,
        "cpu_s": synced["cpu_s"],
        "refused_transactions": refused_commits(entries),
        **tally(entries),
    }


async def _changed(
    running: Controller, cluster: Cluster, device: BigIp, authority: Authority, count: int
) -> dict[str, Case]:
    async def host(number: int) -> None:
        await cluster.put(ingress(number, f"more-{number:04}.example.com"))

    async def certificate(number: int) -> None:
        await cluster.put(authority.secret(number))

    async def whole(number: int) -> None:
        await cluster.fill(objects(authority, range(count + number, count + number + 1)))

    await device.quiet()
    each = {"one_host": host, "one_certificate": certificate, "one_ingress": whole}
    return {name: await _times(running, device, change) for name, change in each.items()}


async def _times(running: Controller, device: BigIp, change: Callable[[int], Any]) -> Case:
    """A change made a few times, each when the one before is done: the most that one of them cost."""
    found = []
    for number in range(REPEATS):
        await device.forget()
        before, began_s = await running.ask("figures"), time.time()
        await change(number)
        entries = await _until_quiet(device)
        done_s = max(one["time"] + one["took_s"] for one in entries if one["write"])
        cpu_s = (await running.ask("figures"))["cpu_s"] - before["cpu_s"]
        found.append({"seconds": done_s - began_s, "cpu_s": cpu_s, **tally(entries)})
    names = ("seconds", "cpu_s", "requests", "transactions", "body_bytes", "header_bytes", "answer_bytes")
    return {name: max(one[name] for one in found) for name in names}


async def _until_quiet(device: BigIp) -> list[Entry]:
    """The requests that a change leads to."""
    entries: list[Entry] = []
    last_s = began_s = time.monotonic()
    while time.monotonic() < last_s + QUIET_S or not any(one["write"] for one in entries):
        if time.monotonic() > began_s + PATIENCE_S:
            raise RuntimeError(f"nothing was written to the BIG-IP for {PATIENCE_S:.0f} s after a change")
        await asyncio.sleep(0.1)
        news = await device.requests()
        if news:
            entries, last_s = entries + news, time.monotonic()
    return entries


def _one(found: Case) -> str:
    return (
        f"{found['seconds']:.2f} s, {found['requests']}, "
        f"{found['body_bytes']:,} and {found['header_bytes']:,}, {1000 * found['cpu_s']:.0f} ms"
    )


ROWS: tuple[tuple[str, Callable[[Case], str]], ...] = (
    ("cold start to in sync", lambda c: f"{c['cold_start']['to_in_sync_s']:.0f} s"),
    ("— CPU of it", lambda c: f"{c['cold_start']['cpu_s']:.1f} s"),
    (
        "— requests to the BIG-IP, transactions, refused ones",
        lambda c: "{requests:,}, {transactions:,}, {refused_transactions}".format(**c["cold_start"]),
    ),
    (
        "— bytes of bodies and of headers",
        lambda c: "{body_bytes:,} and {header_bytes:,}".format(**c["cold_start"]),
    ),
    ("one host more: time, requests, bytes of bodies and headers, CPU", lambda c: _one(c["one_host"])),
    ("one certificate renewed: the same", lambda c: _one(c["one_certificate"])),
    ("one Ingress more, with its Service and certificate: the same", lambda c: _one(c["one_ingress"])),
    (
        "resident memory, now and high water",
        lambda c: "{rss_mib:.0f} and {rss_high_water_mib:.0f} MiB".format(**c["memory"]),
    ),
)


def title(case: Case) -> str:
    """What was measured."""
    return f"{case['ingresses']:,} Ingresses"
