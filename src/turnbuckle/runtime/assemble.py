"""From a configuration to a controller that is ready to run."""

from __future__ import annotations

import asyncio
import logging

from turnbuckle import registry
from turnbuckle.config import Config, CredentialSource, identities, settings_of
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.model.ref import Ref
from turnbuckle.runtime.controller import Controller, snapshots
from turnbuckle.runtime.device import DeviceWorker
from turnbuckle.runtime.namespaces import Scope, ScopedSource
from turnbuckle.runtime.pace import Pace
from turnbuckle.runtime.report import Report
from turnbuckle.sources.base import Source
from turnbuckle.sources.files import FolderSource
from turnbuckle.sources.kubernetes import (
    InClusterLogin,
    KubeconfigLogin,
    KubernetesError,
    KubernetesSource,
    LoginFailed,
)

log = logging.getLogger(__name__)


async def assemble(config: Config, credentials: CredentialSource, *, kubeconfig_given: bool = False) -> Controller:
    """The controller for a configuration; waits for the cluster to tell its identity, where that is needed.

    kubeconfig_given: whether somebody named the kubeconfig, which then counts more than running_in_cluster.

    Raises:
        ValueError: the trusted certificates cannot be read; the text is a sentence.
        LoginFailed: the kubeconfig or the service account cannot be used, whatever the cluster does.
    """
    report = Report()
    if config.folder is not None:
        scope = Scope(config.namespace)
        folder = FolderSource(
            config.folder, registry.kinds(), report=lambda found: report.tell("folder", scope.issues(found))
        )
        source: Source = ScopedSource(folder, scope)
        ids = identities(config)
    else:
        cluster = _cluster(config, kubeconfig_given)
        ids = await _identities(config, cluster)
        source = cluster
    return _controller(config, credentials, source, report, *ids)


def driver_for(
    config: Config, credentials: CredentialSource, controller_id: str, partitions: tuple[str, ...]
) -> IControlDriver:
    """The driver for the device that a configuration names.

    partitions: those that are written to. Where the configuration names none, all others but Common are looked through
    for what this controller made. With members_only it sees designated pools and nothing else: what was published
    before stays as it is.

    Raises:
        ValueError: the trusted certificates cannot be read; the text is a sentence.
    """
    return IControlDriver.to(
        config.bigip_url,
        credentials.credentials,
        partitions=() if config.members_only else partitions,
        controller_id=controller_id,
        create_partition=config.create_partition,
        everywhere=not config.bigip_partition and not config.members_only,
        trusted_certs=str(config.trusted_certs or ""),
        insecure=config.insecure,
    )


def _controller(
    config: Config,
    credentials: CredentialSource,
    source: Source,
    report: Report,
    controller_id: str,
    cluster_id: str,
) -> Controller:
    slot = snapshots()
    worker = DeviceWorker(
        driver_for(config, credentials, controller_id, config.bigip_partition),
        slot,
        report,
        device=Ref("", "Device", "", config.bigip_url),
        controller_id=controller_id,
        credentials=credentials.credentials,
        adopt=config.adopt,
        save=config.save == "batch",
        verify_s=config.verify_interval,
    )
    return Controller([source], worker, slot, report, settings_of(config, controller_id, cluster_id))


def _cluster(config: Config, kubeconfig_given: bool) -> KubernetesSource:
    outside = kubeconfig_given or not config.running_in_cluster
    login = KubeconfigLogin(str(config.kubeconfig)) if outside else InClusterLogin()
    return KubernetesSource(
        registry.kinds(), login, namespaces=config.namespace, namespace_label=config.namespace_label
    )


async def _identities(config: Config, cluster: KubernetesSource) -> tuple[str, str]:
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
                log.error("the cluster cannot be asked who it is: %s", error)
            await asyncio.sleep(pace.pause_s())
