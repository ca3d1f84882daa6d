"""What each command needs, what follows from the settings, and what a running controller may change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from turnbuckle.config.credentials import CredentialSource
from turnbuckle.config.load import Loaded, Mistake
from turnbuckle.config.settings import SETTINGS, Config
from turnbuckle.model.settings import Settings


def needs_device(loaded: Loaded) -> Iterator[Mistake]:
    """What a command that talks to a BIG-IP lacks."""
    config = loaded.config
    wrong = _wrong(loaded)
    login = CredentialSource(config).credentials()
    given = {
        "bigip-url": config.bigip_url,
        "bigip-username": login.username,
        "bigip-password": login.password,
    }
    for name, value in given.items():
        if value or name in wrong:
            continue
        variable, file = name.upper().replace("-", "_"), name.removeprefix("bigip-")
        yield loaded.mistake(
            name,
            f"--{name} is not given.",
            f"Give the flag, the variable {variable}, or a file {file} in --credentials-directory.",
        )
    yield from _needs_of_units(loaded)


def _needs_of_units(loaded: Loaded) -> Iterator[Mistake]:
    """What is missing, or has no effect, where there are several units."""
    config = loaded.config
    if config.ha_mode == "group":
        if not set(config.bigip_peer_url) - {config.bigip_url} and not _wrong(loaded) & {"bigip-peer-url", "bigip-url"}:
            yield loaded.mistake(
                "bigip-peer-url",
                "--ha-mode=group is given and no other unit.",
                "Name every other unit of the device group with --bigip-peer-url.",
            )
        return
    for name in ("bigip-peer-url", "device-group"):
        if loaded.given(name):
            yield loaded.mistake(
                name,
                f"--{name} is given, and --ha-mode is unit: this controller writes to --bigip-url alone.",
                "Add --ha-mode=group, or leave it out and run a controller for each unit.",
            )


def _wrong(loaded: Loaded) -> set[str]:
    """The settings that a mistake was found in already."""
    return {mistake.setting for mistake in loaded.mistakes}


def needs_of_run(loaded: Loaded) -> Iterator[Mistake]:
    """What the controller lacks, and what it cannot do both of."""
    yield from needs_device(loaded)
    config = loaded.config
    wrong = _wrong(loaded)
    if not config.bigip_partition and not config.members_only and "bigip-partition" not in wrong:
        yield loaded.mistake(
            "bigip-partition",
            "--bigip-partition is not given.",
            "Name a partition that this controller may fill, for example --bigip-partition=k8s.",
        )
    yield from _needs_of_infoblox(loaded)
    yield from _needs_of_ipam(loaded)
    if config.folder is not None:
        yield from needs_folder(loaded)
        if loaded.given("kubeconfig"):
            yield loaded.mistake(
                "folder",
                "--folder and --kubeconfig exclude each other, and both are given.",
                "Keep one: manifests of a folder, or those of a cluster.",
            )
    elif not config.running_in_cluster and config.kubeconfig is not None and not config.kubeconfig.is_file():
        yield loaded.mistake(
            "kubeconfig",
            f'--kubeconfig is "{config.kubeconfig}", which is no file.',
            "Name the file that says how to reach the cluster; in a pod, leave both flags out.",
        )


def _needs_of_infoblox(loaded: Loaded) -> Iterator[Mistake]:
    """What is missing where addresses come from a grid, or has no effect where they do not."""
    config, wrong = loaded.config, _wrong(loaded)
    if not config.infoblox_grid_host:
        if loaded.given("infoblox-labels") and "infoblox-grid-host" not in wrong:
            yield loaded.mistake(
                "infoblox-labels",
                "--infoblox-labels is given, and no grid.",
                "Name the grid with --infoblox-grid-host, or give the ranges with --ip-range.",
            )
        return
    if config.ip_range:
        yield loaded.mistake(
            "ip-range",
            "--ip-range and --infoblox-grid-host exclude each other, and both are given.",
            "Keep one: addresses of ranges, or those of a grid.",
        )
    values = {
        "infoblox-username": config.infoblox_username,
        "infoblox-password": config.infoblox_password,
        "infoblox-labels": config.infoblox_labels,
    }
    for name, value in values.items():
        if not value and name not in wrong:
            yield loaded.mistake(name, f"--{name} is not given, and --infoblox-grid-host is.", f"Give --{name}, too.")


def _needs_of_ipam(loaded: Loaded) -> Iterator[Mistake]:
    """What cannot be together with F5's IPAM controller."""
    config = loaded.config
    if not config.ipam:
        return
    if config.folder is not None:
        yield loaded.mistake(
            "ipam",
            "--ipam asks by an object of a cluster, and -f reads a folder.",
            "Give the addresses with --ip-range.",
        )
    for name, value in {"ip-range": config.ip_range, "infoblox-grid-host": config.infoblox_grid_host}.items():
        if value:
            yield loaded.mistake(
                name, f"--{name} and --ipam exclude each other, and both are given.", "Keep one place for addresses."
            )


def needs_folder(loaded: Loaded) -> Iterator[Mistake]:
    """What a command that reads manifests lacks."""
    folder = loaded.config.folder
    if folder is None:
        if "folder" not in _wrong(loaded):
            yield Mistake("folder", "No manifests are named.", "Give their directory or file with -f DIR.")
        return
    if not folder.exists():
        yield loaded.mistake("folder", f'-f is "{folder}", which is not there.', "Name a directory or a file.")
    if loaded.given("namespace-label"):
        yield loaded.mistake(
            "namespace-label",
            "--namespace-label has no effect on a folder of manifests, which has no labels of namespaces.",
            "Name the namespaces with --namespace, or leave it out.",
        )


def folder_id(folder: Path) -> str:
    """The identity of a folder of manifests; the same for every way of writing its path."""
    # abspath, unlike resolve, asks no file system: the identity stays when a mount is not there.
    return "files:" + hashlib.sha256(os.path.abspath(folder).encode()).hexdigest()[:12]  # noqa: PTH100


def identities(config: Config, cluster_uid: str = "") -> tuple[str, str]:
    """The controller-id and the cluster-id: as given, else the cluster's UID, else the folder's identity."""
    source = cluster_uid or (folder_id(config.folder) if config.folder else "")
    return config.controller_id or source, config.cluster_id or source


def settings_of(config: Config, controller_id: str, cluster_id: str) -> Settings:
    """What translators and composers read of a configuration."""
    return Settings(
        controller_id=controller_id,
        cluster_id=cluster_id,
        partitions=config.bigip_partition,
        pool_member_type=config.pool_member_type,
        use_node_internal=config.use_node_internal,
        node_label_selector=config.node_label_selector,
        snat_pool=config.vs_snat_pool_name,
        share_nodes=config.share_nodes,
        members_only=config.members_only,
        ingresses=config.manage_ingress,
        ingress_class=config.ingress_class,
        ingress_class_only=config.manage_ingress_class_only,
        default_ingress_ip=config.default_ingress_ip,
        resolve_ingress_names=bool(config.resolve_ingress_names),
        load_balancer_class=config.load_balancer_class,
        load_balancer_class_only=config.manage_load_balancer_class_only,
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of settings that differ: those that take effect at once, and those that need a restart."""

    live: tuple[str, ...]
    restart: tuple[str, ...]


def difference(old: Config, new: Config) -> Difference:
    """What differs between two configurations of one process."""
    changed = [s for s in SETTINGS if getattr(old, s.attribute) != getattr(new, s.attribute)]
    return Difference(tuple(s.name for s in changed if s.live), tuple(s.name for s in changed if not s.live))
