"""What is written to a real API server: Events, annotations and Leases arrive, and a missing right is recognised."""

from __future__ import annotations

import pytest

from turnbuckle import registry
from turnbuckle.engine.protocol import Resource
from turnbuckle.kinds.f5resource import STATUS_ANNOTATION
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.ref import Put, Ref, SourceObject
from turnbuckle.model.state import State
from turnbuckle.runtime.events import EVENTS, Announcer
from turnbuckle.runtime.manners import Manners
from turnbuckle.runtime.status import StatusWriter
from turnbuckle.sources.kubernetes import Access, FixedLogin, Forbidden, KubeconfigLogin, NotFound
from turnbuckle.sources.kubernetes.writing import Conflict, ObjectWriter

pytestmark = pytest.mark.real

KINDS = {kind.name: kind for kind in registry.kinds()}
RESOURCES = {name: kind.resource for name, kind in KINDS.items()}
CONFIG_MAPS = RESOURCES["ConfigMap"]
LEASES = Resource("coordination.k8s.io", "v1", "leases")


class Told:
    """One ConfigMap in a real cluster, and what writes to it."""

    def __init__(self, writer: ObjectWriter, namespace: str) -> None:
        self.writer, self.ref = writer, Ref("", "ConfigMap", namespace, "web")
        self.objects: dict[Ref, SourceObject] = {}
        self.issues: list[Issue] = []
        self.now = 0.0
        self.status = StatusWriter(
            writer, {"ConfigMap": KINDS["ConfigMap"]}, self.objects.get, lambda refs: {}, lambda: True, "ctl"
        )

    def announcer(self) -> Announcer:
        return Announcer(
            self.writer, RESOURCES, self.objects.get, lambda: self.issues, lambda: True, clock=lambda: self.now
        )

    async def read(self) -> dict:
        raw = dict(await self.writer.get(CONFIG_MAPS, self.ref.namespace, self.ref.name))
        event = KINDS["ConfigMap"].decode(raw)
        assert isinstance(event, Put)
        self.objects[self.ref] = event.obj
        self.status.touched([self.ref])
        return raw

    async def device_has(self, *addresses: str) -> dict:
        mark = Mark("ctl", "k1", str(self.ref))
        found = [VirtualServer("/k8s/web", mark, destination_address=address, port=80) for address in addresses]
        self.status.observed(State(found), None)
        self.status.synced()
        await self.status.round()
        return (await self.read())["metadata"].get("annotations") or {}


async def test_events_are_taken_counted_and_found_again(kube_api, admin, namespace):
    await admin.put(config_map(namespace))
    async with ObjectWriter(KubeconfigLogin(kube_api.kubeconfig)) as writer:
        told = Told(writer, namespace)
        raw = await told.read()
        told.issues = [issues_of.out_of_range(told.ref, "data.data.port", 80800, 1, 65535)]
        announcer = told.announcer()
        await announcer.round()
        name = next(iter(announcer._said))
        event = await writer.get(EVENTS, namespace, name)
        assert event["note"].startswith("data.data.port is 80800")
        assert event["regarding"]["uid"] == raw["metadata"]["uid"]
        told.now = 301.0
        await announcer.round()
        await told.announcer().round()
        event = await writer.get(EVENTS, namespace, name)
        assert event["series"]["count"] == 2
        told.issues = []
        await announcer.round()
        assert len(announcer._said) == 2
        mended = await writer.get(EVENTS, namespace, next(n for n in announcer._said if n != name))
        assert (mended["reason"], mended["type"]) == ("Mended", "Normal")


async def test_the_address_comes_and_goes_and_only_ours_goes(kube_api, admin, namespace):
    await admin.put(config_map(namespace))
    async with ObjectWriter(KubeconfigLogin(kube_api.kubeconfig)) as writer:
        told = Told(writer, namespace)
        await told.read()
        assert await told.device_has("192.0.2.7") == {STATUS_ANNOTATION: "192.0.2.7"}
        assert await told.device_has() == {}
        await admin.put(config_map(namespace, **{STATUS_ANNOTATION: "192.0.2.9"}))
        await told.read()
        assert await told.device_has() == {STATUS_ANNOTATION: "192.0.2.9"}


async def test_a_config_map_made_anew_meanwhile_is_not_patched(kube_api, admin, namespace):
    await admin.put(config_map(namespace))
    async with ObjectWriter(KubeconfigLogin(kube_api.kubeconfig)) as writer:
        told = Told(writer, namespace)
        await told.read()
        await admin.delete("ConfigMap", "web", namespace)
        await admin.put(config_map(namespace))
        assert await told.device_has("192.0.2.7") == {}


async def test_leases_conflict_as_they_should(kube_api, namespace):
    async with ObjectWriter(KubeconfigLogin(kube_api.kubeconfig)) as writer:
        body = {"metadata": {"name": "leader"}, "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15}}
        first = await writer.create(LEASES, namespace, body)
        with pytest.raises(Conflict):
            await writer.create(LEASES, namespace, body)
        await writer.replace(LEASES, namespace, "leader", {**first, "spec": {"holderIdentity": "two"}})
        with pytest.raises(Conflict):
            await writer.replace(LEASES, namespace, "leader", {**first, "spec": {"holderIdentity": "three"}})
        applied = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "other"}}
        assert (await writer.patch(LEASES, namespace, "other", applied, form="apply"))["metadata"]["uid"]
        await writer.delete(LEASES, namespace, "leader")
        with pytest.raises(NotFound):
            await writer.get(LEASES, namespace, "leader")


async def test_a_user_without_rights_is_told_which_he_needs(kube_api, admin, namespace, caplog):
    await admin.put(config_map(namespace))
    access = await KubeconfigLogin(kube_api.kubeconfig).access()
    account = Access(access.url, "", access.tls, access.server_name)
    async with ObjectWriter(FixedLogin(account)) as writer:
        with pytest.raises(Forbidden) as raised:
            await writer.patch(CONFIG_MAPS, namespace, "web", {"metadata": {"annotations": {"a": "1"}}})
        assert 'Grant the verb patch for configmaps of the core group, ""' in str(raised.value)
        manners = Manners("things")
        manners.failed(namespace, raised.value)
        assert not manners.allows(namespace)


def config_map(namespace: str, **annotations: str) -> dict:
    metadata = {"name": "web", "namespace": namespace, "labels": {"f5type": "virtual-server"}}
    metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}
