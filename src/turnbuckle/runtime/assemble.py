"""From a configuration to a controller that is ready to run."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from functools import partial
from pathlib import Path
from uuid import uuid4

from turnbuckle import registry
from turnbuckle.config import Config, CredentialSource, identities, settings_of
from turnbuckle.config.dns_forms import LOOKUP, split_name_server
from turnbuckle.drivers.icontrol.connection import Observe, unobserved
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.fencing import seat
from turnbuckle.drivers.icontrol.group import GroupDriver
from turnbuckle.engine.protocol import Kind
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Ref
from turnbuckle.planner.freeze import parse
from turnbuckle.runtime.controller import Controller, LeaseKeeper, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.ipam_object import ClusterIpamObject, object_name
from turnbuckle.runtime.keeping import Keeper, default_directory
from turnbuckle.runtime.leader import Election, lease_names
from turnbuckle.runtime.namespaces import Scope, ScopedSource
from turnbuckle.runtime.report import Report
from turnbuckle.runtime.telling import InCluster, Telling
from turnbuckle.sources.base import Source
from turnbuckle.sources.files import FolderSource
from turnbuckle.sources.infoblox import Wapi
from turnbuckle.sources.kubernetes import (
    InClusterLogin,
    KubeconfigLogin,
    KubernetesError,
    KubernetesSource,
    Login,
    LoginFailed,
)
from turnbuckle.sources.kubernetes.writing import ObjectWriter
from turnbuckle.sources.leases_f5ipam import F5IpamLeases
from turnbuckle.sources.leases_infoblox import InfobloxLeases
from turnbuckle.sources.leases_infoblox import parse as parse_labels
from turnbuckle.sources.leases_pools import parse as parse_pools
from turnbuckle.sources.leases_range import RangeLeases
from turnbuckle.sources.names import Resolver
from turnbuckle.sources.names_lookup import SystemResolver
from turnbuckle.sources.pace import Pace

log = logging.getLogger(__name__)

INGRESS_KINDS = ("Ingress", "IngressClass", "Secret")
"""The kinds that are read for Ingresses only."""

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
            config.folder, _kinds(config), report=lambda found: report.tell("folder", scope.issues(found))
        )
        telling.of(report)
        return _controller(config, credentials, ScopedSource(folder, scope), report, telling, *identities(config))
    login = login_for(config, kubeconfig_given)
    cluster = KubernetesSource(
        _kinds(config), login, namespaces=config.namespace, namespace_label=config.namespace_label
    )
    controller_id, cluster_id = await _identities(config, cluster, telling)
    telling.of(report, cluster.health)
    controller = _controller(config, credentials, cluster, report, telling, controller_id, cluster_id, login)
    if not config.once:
        telling.in_cluster = InCluster(
            login,
            _kinds(config),
            report,
            controller.get,
            telling.leads,
            controller_id,
            telling.secrets,
            _lease_of(config),
        )
    return controller


def _kinds(config: Config) -> tuple[Kind, ...]:
    """The kinds to read, so that nobody needs to grant the right to read Secrets who publishes no Ingresses."""
    return tuple(kind for kind in registry.kinds() if config.manage_ingress or kind.name not in INGRESS_KINDS)


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
    keeper = _lease_keeper(config, cluster_id, report, login)
    resolver = _resolver(config)
    controller = Controller([source], worker, slot, report, settings, telling, election, keeper, resolver)
    telling.metrics.pools = controller.leases.usage
    controller.brake(freeze=parse(config.freeze), allow_mass_delete=config.allow_mass_delete)
    return controller


def _resolver(config: Config) -> Resolver | None:
    """Who looks up the hosts of Ingresses, if anybody."""
    if config.resolve_ingress_names in ("", LOOKUP):
        return SystemResolver() if config.resolve_ingress_names else None
    # Its library takes time and memory that nobody else needs.
    from turnbuckle.sources.names_server import ServerResolver

    return ServerResolver(*split_name_server(config.resolve_ingress_names))


def _lease_of(config: Config) -> Ref | None:
    """The first Lease by which replicas write to the device, if they elect a leader."""
    names = lease_names(config.bigip_partition, config.bigip_url) if config.leader_elect else ()
    return Ref("", "Lease", lease_namespace(config), names[0]) if names else None


def _lease_keeper(config: Config, cluster_id: str, report: Report, login: Login | None) -> LeaseKeeper:
    """Who answers for addresses: F5's IPAM controller, an Infoblox grid, or the ranges that are configured."""
    if config.ipam and login is not None:
        return _asking_f5ipam(config, report, login)
    if config.infoblox_grid_host:
        return _asking_infoblox(config, cluster_id, report)
    pools = parse_pools(config.ip_range)
    return lambda desk, may_grant: RangeLeases(pools, desk, may_grant=may_grant)


def _asking_f5ipam(config: Config, report: Report, login: Login) -> LeaseKeeper:
    name = object_name(socket.gethostname(), config.bigip_partition[0] if config.bigip_partition else "")
    ipam = ClusterIpamObject(ObjectWriter(login), config.ipam_namespace, name)
    label = config.ipam_cluster_label.rstrip("/")
    return lambda desk, may_grant: F5IpamLeases(
        desk,
        ipam,
        prefix=f"{label}/" if label else "",
        about=Ref("", "IPAM", config.ipam_namespace, name),
        tell=lambda issues: report.tell("ipam", issues),
        may_grant=may_grant,
    )


def _asking_infoblox(config: Config, cluster_id: str, report: Report) -> LeaseKeeper:
    url = f"https://{config.infoblox_grid_host}:{config.infoblox_wapi_port}/wapi/v{config.infoblox_wapi_version}"
    try:
        tls = ssl.create_default_context(cafile=config.infoblox_trusted_certs)
    except OSError as error:
        raise ValueError(
            f"--infoblox-trusted-certs {config.infoblox_trusted_certs} cannot be used: {error}."
        ) from error
    wapi = Wapi(url, lambda: (config.infoblox_username, config.infoblox_password.reveal()), tls)
    return lambda desk, may_grant: InfobloxLeases(
        parse_labels(config.infoblox_labels),
        desk,
        wapi,
        owner=cluster_id,
        about=Ref("", "Infoblox", "", config.infoblox_grid_host),
        tell=lambda issues: report.tell("infoblox", issues),
        may_grant=may_grant,
    )


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
