"""Credentials that change while a cluster is read: tokens, authorities, client certificates, login plugins."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fakes.kubeapi import FakeKubeApi
from sources.collect import SERVICES, reading, service
from sources.logins import in_cluster, kubeconfig, service_account
from turnbuckle.sources.kubernetes import InClusterLogin, KubeconfigLogin, KubernetesSource, Login, LoginFailed, Timing

QUICK = Timing(first_delay_s=0.01, longest_delay_s=0.05, at_once_s=0.01)
WEB = "Service/default/web"


def source(login: Login) -> KubernetesSource:
    return KubernetesSource((SERVICES,), login, timing=QUICK)


def server_tls(directory: Path) -> ssl.SSLContext:
    """What a server shows whose certificate is in a directory."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "ca.crt", directory / "ca.key")
    return context


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    return service_account(tmp_path)


@pytest.fixture
async def api(pod: Path) -> AsyncIterator[FakeKubeApi]:
    server = FakeKubeApi(tokens=("first",), tls=server_tls(pod))
    await server.start()
    server.put(service("web", "1"))
    yield server
    await server.stop()


def rotate(api: FakeKubeApi, to: Path) -> None:
    """The server has another certificate, of another authority, from the next connection on."""
    api.tls.load_cert_chain(to / "ca.crt", to / "ca.key")


def copy(name: str, source: Path, to: Path) -> None:
    """Replaces a file in one step, as Kubernetes does."""
    fresh = to / f"{name}.fresh"
    fresh.write_bytes((source / name).read_bytes())
    fresh.replace(to / name)


async def test_a_new_authority_is_used_without_a_restart_and_the_old_one_no_longer(api, pod, tmp_path_factory):
    other = service_account(tmp_path_factory.mktemp("other"))
    async with reading(source(in_cluster(api, pod))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        rotate(api, other)
        await api.stop()
        await api.start()
        # The old authority does not vouch for what the server shows now.
        await reader.until(lambda: "does not verify" in reader.source.health()[0].trouble)
        assert reader.gone == []
        copy("ca.crt", other, pod)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")
        assert reader.synced == 1
        # And back would not be believed.
        rotate(api, service_account(tmp_path_factory.mktemp("third")))
        await api.stop()
        await api.start()
        await reader.until(lambda: "does not verify" in reader.source.health()[0].trouble)


async def test_a_watch_that_runs_is_not_broken_off_for_a_new_authority(api, pod, tmp_path_factory):
    other = service_account(tmp_path_factory.mktemp("other"))
    async with reading(source(in_cluster(api, pod))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        asked = len(api.requests("watch"))
        copy("ca.crt", other, pod)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")
        assert len(api.requests("watch")) == asked
        rotate(api, other)
        api.end_watches()
        await reader.until(lambda: len(api.requests("watch")) > asked and api.watches)


async def test_an_authority_that_cannot_be_read_is_a_sentence_and_is_got_over(api, pod):
    good = (pod / "ca.crt").read_bytes()
    async with reading(source(in_cluster(api, pod))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        (pod / "ca.crt").write_text("half a certif")
        api.end_watches()
        await reader.until(lambda: "certificate authority cannot be read" in reader.source.health()[0].trouble)
        assert reader.gone == []
        (pod / "ca.crt").write_bytes(good)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")


async def test_files_are_read_again_each_minute_though_they_do_not_look_changed(pod):
    now = [1000.0]
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    login = InClusterLogin(pod, environ, clock=lambda: now[0])
    first = await login.access()
    assert await login.access() is first
    status = (pod / "token").stat()
    (pod / "token").write_text("other\n")
    os.utime(pod / "token", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert await login.access() is first
    now[0] += 60.0
    assert (await login.access()).authorization == "Bearer other"


async def test_files_that_hold_the_same_give_the_same_access_so_that_connections_are_kept(pod):
    login = InClusterLogin(pod, {"KUBERNETES_SERVICE_HOST": "127.0.0.1"})
    first = await login.access()
    (pod / "token").write_text("first\n\n")
    assert await login.access() is first
    assert await login.renew(first) is first


@pytest.mark.parametrize("place", ["{pod}/token", "token"], ids=["absolute", "beside the kubeconfig"])
async def test_a_token_file_that_a_kubeconfig_names_is_followed(api, pod, place):
    (pod / "token").write_text("first")
    path = kubeconfig(
        pod / "config", api.url, {"tokenFile": place.format(pod=pod)}, **{"certificate-authority": "ca.crt"}
    )
    async with reading(source(KubeconfigLogin(path))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        api.tokens = {"second"}
        (pod / "token").write_text("second")
        api.end_watches()
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")
    assert api.requests("unauthorized") == []


async def test_an_authority_that_a_kubeconfig_names_is_followed(api, pod, tmp_path_factory):
    other = service_account(tmp_path_factory.mktemp("other"))
    path = kubeconfig(pod / "config", api.url, {"token": "first"}, **{"certificate-authority": "ca.crt"})
    async with reading(source(KubeconfigLogin(path))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        rotate(api, other)
        copy("ca.crt", other, pod)
        api.end_watches()
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")
        assert reader.source.health()[0].failures <= 1


async def test_a_client_certificate_that_is_replaced_is_used_from_the_next_connection_on(api, pod, tmp_path_factory):
    first, second = (service_account(tmp_path_factory.mktemp(name)) for name in ("one", "two"))
    client = service_account(tmp_path_factory.mktemp("client"))
    for name in ("ca.crt", "ca.key"):
        copy(name, first, client)
    api.tokens = set()
    api.tls.verify_mode = ssl.CERT_REQUIRED
    api.tls.load_verify_locations(first / "ca.crt")
    user = {"client-certificate": str(client / "ca.crt"), "client-key": str(client / "ca.key")}
    path = kubeconfig(pod / "config", api.url, user, **{"certificate-authority": "ca.crt"})
    async with reading(source(KubeconfigLogin(path))) as reader:
        await reader.until(lambda: reader.synced and api.watches)
        # Another server, which knows the second certificate alone.
        strict = server_tls(pod)
        strict.verify_mode = ssl.CERT_REQUIRED
        strict.load_verify_locations(second / "ca.crt")
        await api.stop()
        api.tls = strict
        await api.start()
        await reader.until(lambda: reader.source.health()[0].failures > 2)
        assert reader.gone == []
        for name in ("ca.crt", "ca.key"):
            copy(name, second, client)
        api.put(service("web", "2"))
        await reader.until(lambda: reader.objects[WEB] == "2")


def plugin(directory: Path, expires: str = "") -> dict[str, object]:
    """A login plugin that notes each run and answers the token in a file."""
    status = "{'token': token" + (f", 'expirationTimestamp': '{expires}'" if expires else "") + "}"
    script = (
        "import json, pathlib, os;"
        f"home = pathlib.Path({str(directory)!r});"
        "open(home / 'runs', 'a').write('x');"
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['kind'] == 'ExecCredential';"
        "token = (home / 'plugin-token').read_text();"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        f" 'status': {status}}}))"
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", script],
            "interactiveMode": "Never",
        }
    }


async def test_a_login_plugin_is_run_again_shortly_before_its_token_expires(pod):
    (pod / "plugin-token").write_text("first")
    path = kubeconfig(pod / "config", "http://127.0.0.1:1", plugin(pod, "2026-03-01T12:00:00Z"))
    # Noon of that day, in seconds since 1970.
    noon = 1772366400.0
    now = [noon - 3600]
    login = KubeconfigLogin(path, clock=lambda: now[0])
    first = await login.access()
    assert await login.access() is first
    now[0] = noon - 10
    (pod / "plugin-token").write_text("second")
    assert (await login.access()).authorization == "Bearer second"
    assert (pod / "runs").read_text() == "xx"


async def test_a_login_plugin_is_run_once_for_all_that_were_refused(pod):
    (pod / "plugin-token").write_text("first")
    login = KubeconfigLogin(kubeconfig(pod / "config", "http://127.0.0.1:1", plugin(pod)))
    first = await login.access()
    (pod / "plugin-token").write_text("second")
    renewed = await asyncio.gather(*(login.renew(first) for _ in range(8)))
    assert {one.authorization for one in renewed} == {"Bearer second"}
    assert (pod / "runs").read_text() == "xx"


async def test_a_login_plugin_that_fails_is_a_sentence(pod):
    path = kubeconfig(pod / "config", "http://127.0.0.1:1", plugin(pod / "nowhere"))
    with pytest.raises(LoginFailed, match=r"The kubeconfig .* cannot be used"):
        await KubeconfigLogin(path).access()
