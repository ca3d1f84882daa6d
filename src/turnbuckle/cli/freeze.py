"""`turnbuckle freeze`: a brake on the controller of a cluster, by annotations of the Lease that its replicas share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass

import click

from turnbuckle.cli.common import Given, settings
from turnbuckle.cli.flags import SettingsCommand
from turnbuckle.cli.words import OneOf
from turnbuckle.config import Config, Loaded, Mistake
from turnbuckle.planner.freeze import Freeze, parse
from turnbuckle.runtime.assemble import lease_namespace, login_for
from turnbuckle.runtime.leader import FREEZE, LEASES, WAITING, lease_names
from turnbuckle.sources.kubernetes import KubernetesError, NotFound
from turnbuckle.sources.kubernetes.writing import Object, ObjectWriter


def needs_lease(loaded: Loaded) -> Iterator[Mistake]:
    """What is lacking to find the Lease of a controller."""
    if not loaded.config.bigip_url:
        yield loaded.mistake(
            "bigip-url", "--bigip-url is not given.", "Give that of the controller: its Lease is named after it."
        )
    if loaded.config.folder is not None:
        yield loaded.mistake(
            "folder",
            "A controller that reads a folder has no Lease to be frozen by.",
            "Write freeze: [device] into its --config file, which is read again when it changes.",
        )


@dataclass(frozen=True, slots=True)
class _Brake:
    """What a Lease says. waiting: what is not written therefore, one a line."""

    lease: str
    frozen: Freeze
    waiting: tuple[str, ...]
    holder: str


@click.command(cls=SettingsCommand)
@click.argument("what", nargs=-1)
@click.option("--lift", is_flag=True, help="Let go: WHAT, or all of it.")
@click.option("-o", "--output", type=OneOf(["text", "json"]), default="text", help="json is for programs.")
@click.pass_obj
def freeze(given: Given, what: tuple[str, ...], lift: bool, output: str) -> int:
    """Stop a controller's writes to WHAT: device, the name of a partition, or an object's full path.

    Without WHAT it only shows what is frozen and what waits. Take --bigip-url, --bigip-partition and the way to the
    cluster from the controller's arguments. It holds within seconds, for every replica, and across restarts.

    \b
    Exit 0, or 1 when the Lease cannot be read or written.

    \b
    turnbuckle freeze device --bigip-url 192.0.2.1 --bigip-partition k8s --kubeconfig ~/.kube/config
    turnbuckle freeze --lift --bigip-url 192.0.2.1 --bigip-partition k8s --kubeconfig ~/.kube/config
    """
    loaded = settings(given, needs_lease)
    try:
        brakes = asyncio.run(_brake(loaded, what, lift))
    except KubernetesError as error:
        raise click.ClickException(str(error)) from error
    _show(brakes, output)
    return 0


async def _brake(loaded: Loaded, what: tuple[str, ...], lift: bool) -> list[_Brake]:
    config = loaded.config
    names = lease_names(config.bigip_partition, config.bigip_url)
    async with ObjectWriter(login_for(config, loaded.given("kubeconfig"))) as api:
        found = [await _lease(api, config, name, create=bool(what) and not lift) for name in names]
        if what or lift:
            found = [await _write(api, config, lease, what, lift) for lease in found]
    return [_read(lease) for lease in found]


async def _lease(api: ObjectWriter, config: Config, name: str, *, create: bool) -> Object:
    """A Lease; one that nobody holds is made, so that a controller that starts later is frozen from the start."""
    namespace = lease_namespace(config)
    try:
        return await api.get(LEASES, namespace, name)
    except NotFound as error:
        if not create:
            text = f"There is no Lease {namespace}/{name}: no controller of this device and partition has run."
            raise NotFound(f"{text} Check --bigip-url, --bigip-partition and --lease-namespace.") from error
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}}
    return await api.create(LEASES, namespace, body)


async def _write(api: ObjectWriter, config: Config, lease: Object, what: tuple[str, ...], lift: bool) -> Object:
    before, named = _read(lease).frozen, parse(what)
    if lift:
        after = _without(before, named) if what else Freeze()
    else:
        after = parse([str(before), str(named)])
    annotations = {FREEZE: str(after) if after else None}
    return await api.patch(
        LEASES, lease_namespace(config), lease["metadata"]["name"], {"metadata": {"annotations": annotations}}
    )


def _without(before: Freeze, named: Freeze) -> Freeze:
    return Freeze(before.device and not named.device, before.partitions - named.partitions, before.paths - named.paths)


def _read(lease: Object) -> _Brake:
    annotations = lease["metadata"].get("annotations") or {}
    waiting = tuple(line for line in annotations.get(WAITING, "").splitlines() if line)
    holder = str((lease.get("spec") or {}).get("holderIdentity") or "")
    return _Brake(lease["metadata"]["name"], parse([annotations.get(FREEZE, "")]), waiting, holder)


def _show(brakes: list[_Brake], output: str) -> None:
    if output == "json":
        rows = [
            {
                "lease": brake.lease,
                "holder": brake.holder,
                "frozen": [word for word in str(brake.frozen).split(",") if word],
                "waiting": list(brake.waiting),
            }
            for brake in brakes
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for brake in brakes:
        click.echo(f"{brake.lease}: {f'frozen: {brake.frozen}' if brake.frozen else 'nothing is frozen'}")
        for line in brake.waiting:
            click.echo(f"  waits: {line}")
        if not brake.holder:
            click.echo("  No controller holds it at the moment.")
