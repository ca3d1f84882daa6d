"""How the Kubernetes source logs in: a pod's files, kubeconfigs, and tokens that change."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import run

import pytest

from fakes.kubeapi import FakeKubeApi
from sources.collect import SERVICES, reading, service
from sources.logins import in_cluster, kubeconfig, service_account
from turnbuckle.sources.kubernetes import (
    InClusterLogin,
    KubeconfigLogin,
    KubernetesSource,
    LoginFailed,
    Timing,
    Unauthorized,
    Unreachable,
)

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)


@pytest.fixture
async def api() -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(tokens=("first",))
    await server.start()
    server.put(service("web", "1"))
    yield server
    await server.stop()


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    return service_account(tmp_path)


@pytest.fixture
async def tls_api(pod: Path) -> AsyncIterator[FakeKubeApi]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pod / "ca.crt", pod / "ca.key")
    server = FakeKubeApi(tokens=("first",), tls=context)
    await server.start()
    server.put(service("web", "1"))
    yield server
    await server.stop()


def source(login: object) -> KubernetesSource:
    return KubernetesSource((SERVICES,), login, timing=QUICK)


async def test_in_a_pod_the_service_account_is_used_and_the_certificate_verified(tls_api, pod):
    async with reading(source(in_cluster(tls_api, pod))) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.objects


async def test_a_certificate_of_another_authority_is_refused_with_a_sentence(tls_api, pod, tmp_path_factory):
    other = service_account(tmp_path_factory.mktemp("other"))
    with pytest.raises(Unreachable, match=r"certificate does not verify"):
        await source(in_cluster(tls_api, other)).cluster_id()


async def test_a_token_file_that_changes_is_read_again(tls_api, pod):
    async with reading(source(in_cluster(tls_api, pod))) as reader:
        await reader.until(lambda: reader.synced and tls_api.watches)
        tls_api.tokens = {"second"}
        (pod / "token").write_text("second")
        tls_api.end_watches()
        tls_api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
    assert not [one for one in tls_api.seen if one.verb == "unauthorized"]


async def test_a_token_that_is_not_accepted_any_more_is_said_and_the_new_one_is_used_when_it_comes(tls_api, pod):
    async with reading(source(in_cluster(tls_api, pod))) as reader:
        await reader.until(lambda: reader.synced and tls_api.watches)
        tls_api.tokens = {"second"}
        tls_api.end_watches()
        await reader.until(lambda: [one for one in tls_api.seen if one.verb == "unauthorized"])
        (pod / "token").write_text("second")
        tls_api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")
        assert reader.gone == []


async def test_a_token_that_is_refused_is_a_sentence_without_the_token(tls_api, pod):
    (pod / "token").write_text("wrong-secret")
    with pytest.raises(Unauthorized) as caught:
        await source(in_cluster(tls_api, pod)).cluster_id()
    assert "answers 401" in str(caught.value)
    assert "wrong-secret" not in str(caught.value)


def test_outside_of_a_pod_is_a_sentence(tmp_path):
    with pytest.raises(LoginFailed, match=r"KUBERNETES_SERVICE_HOST is not set\. Name a kubeconfig"):
        InClusterLogin(tmp_path, {})


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
async def test_a_file_of_the_service_account_that_is_missing_is_a_sentence(tls_api, pod, missing):
    (pod / missing).unlink()
    with pytest.raises(LoginFailed, match="cannot be read"):
        await source(in_cluster(tls_api, pod)).cluster_id()


def test_an_ipv6_address_of_the_server_is_put_in_brackets(pod):
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    login = InClusterLogin(pod, environ)
    assert asyncio.run(login.access()).url == "https://[fd00::1]:6443"


async def test_credentials_are_not_shown(pod, tls_api):
    assert "first" not in repr(await in_cluster(tls_api, pod).access())


async def test_a_kubeconfig_with_a_token(api, tmp_path):
    login = KubeconfigLogin(kubeconfig(tmp_path / "config", api.url, {"token": "first"}))
    async with reading(source(login)) as reader:
        await reader.until(lambda: reader.synced)
        assert reader.objects


async def test_a_kubeconfig_with_a_certificate_authority_and_with_none_at_all(tls_api, pod, tmp_path):
    user = {"token": "first"}
    trusting = kubeconfig(tmp_path / "a", tls_api.url, user, **{"certificate-authority": str(pod / "ca.crt")})
    careless = kubeconfig(tmp_path / "b", tls_api.url, user, **{"insecure-skip-tls-verify": True})
    strict = kubeconfig(tmp_path / "c", tls_api.url, user)
    assert await source(KubeconfigLogin(trusting)).cluster_id()
    assert await source(KubeconfigLogin(careless)).cluster_id()
    with pytest.raises(Unreachable, match="does not verify"):
        await source(KubeconfigLogin(strict)).cluster_id()


async def test_a_login_plugin_is_run_again_when_its_token_is_not_accepted_any_more(api, tmp_path):
    (tmp_path / "token").write_text("first")
    script = (
        "import json, pathlib;"
        f"token = pathlib.Path({str(tmp_path / 'token')!r}).read_text();"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        " 'status': {'token': token}}))"
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", script],
        "interactiveMode": "Never",
    }
    login = KubeconfigLogin(kubeconfig(tmp_path / "config", api.url, {"exec": plugin}))
    async with reading(source(login)) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        (tmp_path / "token").write_text("second")
        api.tokens = {"second"}
        api.end_watches()
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects["Service/default/web"] == "2")


async def test_a_kubeconfig_that_changes_is_read_again(api, tmp_path):
    login = KubeconfigLogin(kubeconfig(tmp_path / "config", api.url, {"token": "first"}))
    await source(login).cluster_id()
    api.tokens = {"second"}
    kubeconfig(tmp_path / "config", api.url, {"token": "second"}, extra="x")
    seen = len(api.seen)
    await source(login).cluster_id()
    assert [one.verb for one in api.seen[seen:]] == ["get"]


BAD_KUBECONFIGS = {
    "empty": "",
    "not yaml": "a: [",
    "a list": "- a",
    "no context": "apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n",
    "unknown context": "clusters: []\nusers: []\ncontexts: []\ncurrent-context: nowhere\n",
    "no cluster": "clusters: []\nusers: []\ncontexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n",
    "not utf-8": b"\xff\xfe",
}


@pytest.mark.parametrize("case", BAD_KUBECONFIGS)
async def test_a_kubeconfig_that_cannot_be_used_is_a_sentence(tmp_path, case):
    text = BAD_KUBECONFIGS[case]
    (tmp_path / "config").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LoginFailed, match=r"The kubeconfig .*config cannot be used: .*\.$"):
        await KubeconfigLogin(str(tmp_path / "config")).access()


async def test_a_kubeconfig_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(LoginFailed, match="There is no kubeconfig"):
        await KubeconfigLogin(str(tmp_path / "nowhere")).access()


async def test_a_kubeconfig_without_a_user_still_names_the_server(tmp_path):
    path = kubeconfig(tmp_path / "config", "http://127.0.0.1:1", None)
    assert (await KubeconfigLogin(path).access()).url == "http://127.0.0.1:1"


def test_the_loader_is_imported_only_for_a_kubeconfig():
    code = (
        "import sys, turnbuckle.sources.kubernetes;"
        "assert not [m for m in sys.modules if m.startswith('kubernetes_asyncio')]"
    )
    run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
