"""What every device has in Common."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.seeds import seeds
from bigipsim.seeds.release import Release

RELEASES = ("12.1.2", "13.1.0", "14.1.2.1", "15.1.0", "16.1.3", "17.1.0")


@pytest.fixture
def admin() -> Client:
    return Client(Box(ManualClock()))


def planted(version: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(kind, body["name"]): body for kind, body in seeds(version)}


@pytest.mark.parametrize("version", RELEASES)
def test_a_box_of_each_release_comes_up_with_all_of_them(version: str) -> None:
    box = Box(ManualClock(), version=version)
    for kind, body in seeds(version):
        partition = body.get("partition")
        path = f"/{partition}/{body['name']}" if partition else body["name"]
        if kind == "sys/folder" and not partition:
            path = "/" if body["name"] == "/" else f"/{body['name']}"
        assert box.tree.get(kind, path) is not None, (kind, path)


def test_no_object_is_seeded_twice_and_parents_come_first() -> None:
    for version in RELEASES:
        seen: set[tuple[str, str]] = set()
        for kind, body in seeds(version):
            assert (kind, body["name"]) not in seen
            parent = body.get("defaultsFrom", "none")
            assert parent == "none" or (kind, parent.removeprefix("/Common/")) in seen, (kind, body["name"])
            seen.add((kind, body["name"]))


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("ltm/monitor/http", "http", {"interval": 5, "timeout": 16, "send": "GET /\\r\\n", "destination": "*:*"}),
        ("ltm/monitor/https", "https_443", {"destination": "*:443", "defaultsFrom": "/Common/https", "timeout": 16}),
        ("ltm/monitor/udp", "udp", {"debug": "no", "send": "default send string"}),
        ("ltm/monitor/icmp", "icmp", {"destination": "*"}),
        ("ltm/monitor/none", "none", {"destination": "*:6666", "timeUntilUp": 86500}),
        ("ltm/profile/http", "http", {"proxyType": "reverse", "redirectRewrite": "none", "encryptCookies": []}),
        (
            "ltm/profile/http",
            "http-explicit",
            {"proxyType": "explicit", "defaultsFrom": "/Common/http", "lwsWidth": 80},
        ),
        ("ltm/profile/tcp", "tcp", {"idleTimeout": 300, "timeWaitTimeout": "2000", "defaultsFrom": "none"}),
        ("ltm/profile/tcp", "tcp-lan-optimized", {"slowStart": "disabled", "initCwnd": 3, "idleTimeout": 300}),
        ("ltm/profile/tcp", "f5-tcp-wan", {"congestionControl": "woodside", "nagle": "auto"}),
        ("ltm/profile/udp", "udp", {"idleTimeout": "60"}),
        ("ltm/profile/fastl4", "fastL4", {"idleTimeout": "300", "pvaAcceleration": "full"}),
        ("ltm/profile/client-ssl", "clientssl", {"cert": "/Common/default.crt", "ciphers": "DEFAULT"}),
        ("ltm/profile/server-ssl", "serverssl", {"peerCertMode": "ignore", "cert": "none"}),
        ("ltm/profile/one-connect", "oneconnect", {"maxReuse": 1000, "sourceMask": "any"}),
        ("ltm/profile/http2", "http2", {"activationModes": ["alpn"], "frameSize": 2048}),
        ("ltm/profile/websocket", "websocket", {"masking": "selective"}),
        ("ltm/persistence/cookie", "cookie", {"method": "insert", "timeout": "180", "expiration": "0"}),
        ("ltm/persistence/source-addr", "source_addr", {"mask": "none", "hashAlgorithm": "default"}),
        ("ltm/policy-strategy", "first-match", {"fullPath": "/Common/first-match"}),
        ("ltm/data-group/internal", "private_net", {"type": "ip"}),
        ("net/tunnels/vxlan", "vxlan", {"port": 4789, "floodingType": "multicast"}),
        ("net/tunnels/vxlan", "vxlan-gpe", {"port": 4790, "defaultsFrom": "/Common/vxlan"}),
        ("net/route-domain", "0", {"id": 0, "strict": "enabled"}),
        ("sys/file/ssl-cert", "default.crt", {"keyType": "rsa-public", "certificateKeySize": 2048}),
        ("sys/file/ssl-key", "default.key", {"keyType": "rsa-private", "securityType": "normal"}),
        ("cm/traffic-group", "traffic-group-1", {"isFloating": "true", "unitId": 1}),
    ],
)
def test_built_in_objects_are_shown_with_their_properties(
    admin: Client, path: str, name: str, expected: dict[str, Any]
) -> None:
    shown = admin("GET", f"tm/{path}/~Common~{name}")
    assert {key: shown.get(key) for key in expected} == expected
    assert shown["fullPath"] == f"/Common/{name}"
    last = path.rpartition("/")[2]
    assert shown["kind"] == f"tm:{path.replace('/', ':')}:{last}state"


def test_an_object_built_on_a_seed_shows_all_of_its_properties(admin: Client) -> None:
    base = admin("GET", "tm/ltm/profile/tcp/~Common~tcp")
    made = admin("POST", "tm/ltm/profile/tcp", {"name": "mine", "idleTimeout": 900})
    identity = {"kind", "name", "partition", "fullPath", "generation", "selfLink"}
    own = {"idleTimeout", "defaultsFrom", "defaultsFromReference"}
    assert {**base, **{key: made.get(key) for key in identity | own}} == {
        **made,
        **{key: made.get(key) for key in identity | own},
    }
    assert made["idleTimeout"] == 900


def test_the_redirect_rule_redirects_to_https(admin: Client) -> None:
    rule = admin("GET", "tm/ltm/rule/~Common~_sys_https_redirect")
    assert "HTTP::redirect" in rule["apiAnonymous"]
    assert rule["apiRawValues"] == {"verificationStatus": "signature-verified"}


def test_partition_folders_and_tunnels_are_there(admin: Client) -> None:
    assert admin("GET", "tm/auth/partition/Common")["defaultRouteDomain"] == 0
    paths = {folder["fullPath"] for folder in admin("GET", "tm/sys/folder")["items"]}
    assert {"/", "/Common", "/Common/Drafts"} <= paths
    names = {tunnel["name"] for tunnel in admin("GET", "tm/net/tunnels/tunnel")["items"]}
    assert names == {"http-tunnel", "socks-tunnel"}
    assert {twin["name"] for twin in admin("GET", "tm/net/fdb/tunnel")["items"]} == names


def test_releases_differ_where_the_devices_do() -> None:
    old, new = planted("13.1.0"), planted("16.1.3")
    assert old["ltm/monitor/https", "https"]["cipherlist"].startswith("DEFAULT")
    assert "cipherlist" not in new["ltm/monitor/https", "https"]
    assert isinstance(old["ltm/profile/client-ssl", "clientssl"]["tmOptions"], list)
    assert new["ltm/profile/client-ssl", "clientssl"]["tmOptions"] == "{ dont-insert-empty-fragments no-tlsv1.3 }"
    assert "rfcCompliance" in new["ltm/profile/http", "http"]["enforcement"]
    assert "rfcCompliance" not in old["ltm/profile/http", "http"]["enforcement"]
    assert new["net/route-domain", "0"]["throughputCapacity"] == "infinite"
    assert old["net/route-domain", "0"]["throughputCapacity"] == 0


def test_releases_compare_by_number_and_nonsense_is_refused() -> None:
    assert Release.parse("9.4.8") < Release.parse("16.1.3") == Release(16, 1)
    with pytest.raises(ValueError, match='"BIG-IP" is no release of TMOS'):
        Release.parse("BIG-IP")
