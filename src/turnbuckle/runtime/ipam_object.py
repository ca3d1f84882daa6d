"""The IPAM object in a cluster, by which F5's IPAM controller is asked for addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnbuckle.engine.protocol import Resource
from turnbuckle.sources.kubernetes import KubernetesError, NotFound
from turnbuckle.sources.kubernetes.writing import ObjectWriter
from turnbuckle.sources.leases_f5ipam import NoAnswer

IPAMS = Resource("fic.f5.com", "v1", "ipams")


def object_name(host: str, partition: str) -> str:
    """As the original calls it: the pod's name without the parts that its Deployment adds, and the partition."""
    deployment = host.rsplit("-", 2)[0]
    return f"{deployment}.{partition.lower()}.ipam"


class ClusterIpamObject:
    """One object; each request has connections of its own, since there are a few a minute."""

    def __init__(self, writer: ObjectWriter, namespace: str, name: str) -> None:
        self._writer, self._namespace, self._name = writer, namespace, name

    async def read(self) -> Mapping[str, Any] | None:
        """See IpamObject.read."""
        try:
            async with self._writer as api:
                return await api.get(IPAMS, self._namespace, self._name)
        except NotFound:
            return None
        except KubernetesError as error:
            raise NoAnswer(str(error)) from error

    async def write(self, body: Mapping[str, Any]) -> None:
        """See IpamObject.write."""
        metadata = {**body.get("metadata", {}), "namespace": self._namespace, "name": self._name}
        content = {**body, "apiVersion": "fic.f5.com/v1", "kind": "IPAM", "metadata": metadata}
        try:
            async with self._writer as api:
                if "resourceVersion" in metadata:
                    await api.replace(IPAMS, self._namespace, self._name, content)
                else:
                    await api.create(IPAMS, self._namespace, content)
        except NotFound as error:
            advice = "Install F5's IPAM controller with its definition ipams.fic.f5.com."
            raise NoAnswer(f"The cluster has no IPAM objects: {error} {advice}") from error
        except KubernetesError as error:
            raise NoAnswer(str(error)) from error
