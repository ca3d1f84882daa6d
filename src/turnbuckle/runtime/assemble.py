"""From a configuration to a controller that is ready to run."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from pathlib import Path
from uuid import uuid4

from turnbuckle import registry
from turnbuckle.config import Config, CredentialSource, identities, settings_of
from turnbuckle.drivers.icontrol.connection import Observe, unobserved
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.fencing import seat
from turnbuckle.drivers.icontrol.group import GroupDriver
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Ref
from turnbuckle.planner.freeze import parse
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.keeping import Keeper, default_directory
from turnbuckle.runtime.leader import Election
from turnbuckle.runtime.namespaces import Scope, ScopedSource
from turnbuckle.runtime.pace import Pace
from turnbuckle.runtime.report import Report
from turnbuckle.runtime.telling import InCluster, Telling
from turnbuckle.sources.base import Source
from turnbuckle.sources.files import FolderSource
from turnbuckle.sources.kubernetes import (
    InClusterLogin,
    KubeconfigLogin,
    KubernetesError,
    KubernetesSource,
    Login,
    LoginFailed,
)
from turnbuckle.sources.kubernetes.writing import ObjectWriter

log = logging.getLogger(__name__)

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds its namespace. Source: Kubernetes, "Accessing the API from a Pod"."""


async def assemble(
    config: Config,
    credentials: CredentialSource,
    *,
    kubeconfig_given: bool = False,
    telling: Telling | None = None,
) -> Controller:
    """The controller for a configuration; waits for the cluster to tell its identity, where that is needed.

    kubeconfig_given: whether somebody named the kubeconfig, which then counts more than running_in_cluster.
    telling: what hears of its work, from the waiting on.

    Raises:
        ValueError: the trusted certificates cannot be read; the text is a sentence.
        LoginFailed: the kubeconfig or the service account cannot be used, whatever the cluster does.
    """
    report, telling = Report(), telling or Telling()
    if config.folder is not None:
        scope = Scope(config.namespace)
        folder = FolderSource(
            config.folder, registry.kinds(), report=lambda found: report.tell("folder", scope.issues(found))
        )
        telling.of(report)
        return _controller(config, credentials, ScopedSource(folder, scope), report, telling, *identities(config))
    login = login_for(config, kubeconfig_given)
    cluster = KubernetesSource(
        registry.kinds(), login, namespaces=config.namespace, namespace_label=config.namespace_label
    )
    controller_id, cluster_id = await _identities(config, cluster, telling)
    telling.of(report, cluster.health)
    controller = _controller(config, credentials, cluster, report, telling, controller_id, cluster_id, login)
    if not config.once:
        telling.in_cluster = InCluster(
            login, registry.kinds(), report, controller.get, telling.leads, controller_id, telling.secrets
        )
    return controller


def driver_for(
    config: Config,
    credentials: CredentialSource,
    controller_id: str,
    partitions: tuple[str, ...],
    observe: Observe = unobserved,
) -> IControlDriver | GroupDriver:
    """The driver for the device, or the device group, that a configuration names.

    partitions: those that are written to. Where the configuration names none, all others but Common are looked through
    for what this controller made. With members_only it sees designated pools and nothing else: what was published
    before stays as it is. observe: is told of each request.

    Raises:
        ValueError: the trusted certificates cannot be read; the text is a sentence.
    """
    to = partial(
        IControlDriver.to,
        credentials=credentials.credentials,
        partitions=() if config.members_only else partitions,
        controller_id=controller_id,
        create_partition=config.create_partition,
        everywhere=not config.bigip_partition and not config.members_only,
        trusted_certs=str(config.trusted_certs or ""),
        insecure=config.insecure,
        seat=seat(config.bigip_url),
        observe=observe,
    )
    if config.ha_mode == "unit":
        return to(config.bigip_url)
    urls = dict.fromkeys((config.bigip_url, *config.bigip_peer_url))
    return GroupDriver({url: to(url) for url in urls}, group=config.device_group)


def keeper_for(config: Config, controller_id: str, report: Report) -> Keeper:
    """What keeps restore files of the device that a configuration names."""
    directory = config.restore_directory or default_directory()
    return Keeper(directory, Ref("", "Device", "", config.bigip_url), controller_id, report)


def _controller(
    config: Config,
    credentials: CredentialSource,
    source: Source,
    report: Report,
    telling: Telling,
    controller_id: str,
    cluster_id: str,
    login: Login | None = None,
) -> Controller:
    slot = snapshots()
    elects = login is not None and config.leader_elect
    worker = DeviceWorker(
        driver_for(config, credentials, controller_id, config.bigip_partition, telling.requested),
        slot,
        report,
        device=Ref("", "Device", "", config.bigip_url),
        controller_id=controller_id,
        credentials=credentials.credentials,
        adopt=config.adopt,
        save=config.save == "batch",
        verify_s=config.verify_interval,
        drift="mend" if config.drift == "mend" else "report",
        max_delete_percent=config.max_delete_percent,
        leads=not elects,
        keeper=keeper_for(config, controller_id, report),
        observer=telling,
    )
    telling.leading = lambda: worker.leads
    election = _election(config, login, worker, report) if login is not None and elects else None
    settings = settings_of(config, controller_id, cluster_id)
    controller = Controller([source], worker, slot, report, settings, telling, election)
    controller.brake(freeze=parse(config.freeze), allow_mass_delete=config.allow_mass_delete)
    return controller


def _election(config: Config, login: Login, worker: DeviceWorker, report: Report) -> Election:
    device = Ref("", "Device", "", config.bigip_url)

    def tell(trouble: str) -> None:
        report.tell("leader", [issues_of.election_troubled(device, trouble)] if trouble else ())

    return Election.among(
        ObjectWriter(login),
        worker,
        tell,
        namespace=lease_namespace(config),
        partitions=config.bigip_partition,
        bigip_url=config.bigip_url,
        identity=f"{socket.gethostname()}_{uuid4().hex[:8]}",
    )


def lease_namespace(config: Config) -> str:
    """Where the Lease lies: as given, else in the namespace of the pod that this process runs in, else kube-system."""
    if config.lease_namespace:
        return config.lease_namespace
    try:
        return OWN_NAMESPACE.read_text(encoding="utf-8").strip() or "kube-system"
    except OSError:
        return "kube-system"


def login_for(config: Config, kubeconfig_given: bool) -> Login:
    """How the cluster is reached. kubeconfig_given: whether somebody named the kubeconfig, which counts more then."""
    outside = kubeconfig_given or not config.running_in_cluster
    return KubeconfigLogin(str(config.kubeconfig)) if outside else InClusterLogin()


async def _identities(config: Config, cluster: KubernetesSource, telling: Telling) -> tuple[str, str]:
    """The ids; the cluster is asked for its own only where one of them is not given."""
    if config.controller_id and config.cluster_id:
        return identities(config)
    pace, trouble = Pace(1.0, 30.0), ""
    while True:
        try:
            return identities(config, await cluster.cluster_id())
        except LoginFailed:
            raise
        except KubernetesError as error:
            if str(error) != trouble:
                trouble = str(error)
                telling.pulse.waiting_for = f"The cluster cannot be asked who it is: {error}"
                log.error("the cluster cannot be asked who it is: %s", error)
            await asyncio.sleep(pace.pause_s())
