"""Uploads, and the certificates, keys and tables that are made of them."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from caller import Client, logged_in
from certificates import Authority, rsa_key

from bigipsim.box import Box
from bigipsim.cli import write_state
from bigipsim.clock import ManualClock

UPLOADS = "shared/file-transfer/uploads"
CERT, KEY = "tm/sys/file/ssl-cert", "tm/sys/file/ssl-key"
CLIENT_SSL = "tm/ltm/profile/client-ssl"
ROOT = Authority()
WEB = ROOT.sign("web.example.com", "web.example.com", "www.example.com", "192.0.2.7")


@pytest.fixture
def call() -> Client:
    client = Client(Box(ManualClock(1_700_000_000.0)))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    return client


def upload(call: Client, name: str, content: bytes) -> Any:
    return call("POST", f"{UPLOADS}/{name}", content, content_range=f"0-{len(content) - 1}/{len(content)}")


def source(name: str) -> str:
    return f"file:/var/config/rest/downloads/{name}"


def install(call: Client, kind: str, name: str, content: bytes, status: int = 200, **more: Any) -> Any:
    upload(call, f"{name}.up", content)
    body = {"name": name, "partition": "k8s", "sourcePath": source(f"{name}.up"), **more}
    return call("POST", kind, body, status=status)


# Uploads


@pytest.mark.parametrize("header", ["", "bytes 0-2/3", "0-2", "0-2/x", "2-0/3"])
def test_an_upload_without_its_place_is_refused(call: Client, header: str) -> None:
    answer = call("POST", f"{UPLOADS}/a", b"abc", status=400, content_range=header)
    assert answer["kind"] == ":resterrorresponse"


@pytest.mark.parametrize("header", ["0-1/3", "0-3/4", "0-2/2"])
def test_a_chunk_of_another_length_than_it_says_is_refused_in_the_devices_words(call: Client, header: str) -> None:
    answer = call("POST", f"{UPLOADS}/a", b"abc", status=400, content_range=header)
    assert answer["message"].startswith("Chunk byte count ")
    assert "different from received buffer length 3" in answer["message"]


def test_chunks_come_in_order_and_their_sum_is_the_file(call: Client) -> None:
    first = call("POST", f"{UPLOADS}/a.crt", b"abc", content_range="0-2/5")
    assert (first["remainingByteCount"], first["usedChunks"]) == (2, {"0": 3})
    call("POST", f"{UPLOADS}/a.crt", b"e", status=400, content_range="4-4/5")
    call("POST", f"{UPLOADS}/a.crt", b"de", status=400, content_range="3-4/6")
    last = call("POST", f"{UPLOADS}/a.crt", b"de", content_range="3-4/5")
    assert last["usedChunks"] == {"0": 3, "3": 2}
    assert (last["remainingByteCount"], last["totalByteCount"]) == (0, 5)
    assert last["localFilePath"] == "/var/config/rest/downloads/a.crt"
    assert call.box.tree.files.uploaded("a.crt") == b"abcde"


def test_an_upload_begins_anew_with_its_first_chunk(call: Client) -> None:
    upload(call, "a", b"one")
    upload(call, "a", b"two")
    assert call.box.tree.files.uploaded("a") == b"two"


def test_who_may_write_nothing_uploads_nothing(call: Client) -> None:
    access = [{"name": "all-partitions", "role": "guest"}]
    call("POST", "tm/auth/user", {"name": "eve", "password": "long enough 1", "partitionAccess": access})
    eve = logged_in(call.box, "eve", "long enough 1")
    eve("POST", f"{UPLOADS}/a", b"abc", status=401, content_range="0-2/3")


# Refused files


def test_a_file_needs_a_source(call: Client) -> None:
    answer = call("POST", CERT, {"name": "web.crt", "partition": "k8s"}, status=400)
    assert '"source-path" must be specified' in answer["message"]


@pytest.mark.parametrize("path", [source("absent"), "file:/etc/passwd", "file:relative", "web.crt"])
def test_a_source_that_is_not_there_is_refused_with_the_exit_code_of_curl(call: Client, path: str) -> None:
    answer = call("POST", CERT, {"name": "web.crt", "partition": "k8s", "sourcePath": path}, status=400)
    assert (answer["message"], answer["apiError"]) == ("Failed! exit_code (37).\n", 26214401)


def test_an_upload_of_which_a_part_is_missing_is_no_source(call: Client) -> None:
    call("POST", f"{UPLOADS}/half", WEB.certificate[:100], content_range=f"0-99/{len(WEB.certificate)}")
    body = {"name": "web.crt", "partition": "k8s", "sourcePath": source("half")}
    assert "exit_code" in call("POST", CERT, body, status=400)["message"]


def test_a_source_elsewhere_is_not_implemented(call: Client) -> None:
    body = {"name": "web.crt", "partition": "k8s", "sourcePath": "https://example.com/web.crt"}
    assert 'a file from "https:"' in call("POST", CERT, body, status=501)["message"]


@pytest.mark.parametrize("content", [b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", WEB.key])
def test_what_is_no_certificate_is_refused(call: Client, content: bytes) -> None:
    assert install(call, CERT, "web.crt", content, status=400)["message"] == "unable to load certificate"


@pytest.mark.parametrize("content", [b"x", WEB.certificate])
def test_what_is_no_key_is_refused(call: Client, content: bytes) -> None:
    assert install(call, KEY, "web.key", content, status=400)["message"] == "unable to load Private Key"


def test_a_wrong_passphrase_is_refused(call: Client) -> None:
    answer = install(call, KEY, "web.key", WEB.locked("open"), status=400, passphrase="wrong")
    assert answer["message"] == "unable to load Private Key"


# What the device tells


def test_a_certificate_is_told_as_the_device_does(call: Client) -> None:
    shown = install(call, CERT, "web.crt", WEB.certificate)
    digest = hashlib.sha1(WEB.certificate).hexdigest()
    expected = {
        "kind": "tm:sys:file:ssl-cert:ssl-certstate",
        "fullPath": "/k8s/web.crt",
        "certificateKeyCurveName": "prime256v1",
        "certificateKeySize": 256,
        "checksum": f"SHA1:{len(WEB.certificate)}:{digest}",
        "createTime": "2023-11-14T22:13:20Z",
        "expirationDate": 2338085106,
        "expirationString": "Feb  3 04:05:06 2044 GMT",
        "isBundle": "false",
        "issuer": "CN=Test Root,O=Tests",
        "keyType": "ec-public",
        "mode": 33188,
        "revision": 1,
        "serialNumber": "4711",
        "size": len(WEB.certificate),
        "sourcePath": "file:/var/config/rest/downloads/web.crt.up",
        "subject": "CN=web.example.com,O=Tests",
        "subjectAlternativeName": "DNS:web.example.com, DNS:www.example.com, IP Address:192.0.2.7",
        "version": 3,
    }
    assert {key: shown.get(key) for key in expected} == expected
    assert shown["fingerprint"].startswith("SHA256/")
    assert call("GET", f"{CERT}/~k8s~web.crt") == shown


def test_a_key_is_told_without_itself(call: Client) -> None:
    signed = ROOT.sign("web.example.com", key=rsa_key())
    shown = install(call, KEY, "web.key", signed.key)
    expected = {"curveName": "none", "keySize": 2048, "keyType": "rsa-private", "mode": 33184, "securityType": "normal"}
    assert {key: shown.get(key) for key in expected} == expected
    assert shown["checksum"] == f"SHA1:{len(signed.key)}:{hashlib.sha1(signed.key).hexdigest()}"
    assert "PRIVATE KEY" not in json.dumps(shown)


def test_a_locked_key_is_told_with_its_passphrase_sealed(call: Client) -> None:
    shown = install(call, KEY, "web.key", WEB.locked("open sesame"), passphrase="open sesame")
    assert (shown["securityType"], shown["keyType"]) == ("password", "ec-private")
    assert shown["passphrase"].startswith("$M$")
    again = call("PATCH", f"{KEY}/~k8s~web.key", {"passphrase": shown["passphrase"]})
    assert again["generation"] == shown["generation"]


def test_several_certificates_in_one_file_are_a_bundle(call: Client) -> None:
    assert install(call, CERT, "chain.crt", WEB.certificate + ROOT.pem)["isBundle"] == "true"


def test_a_new_content_is_a_new_revision_and_leaves_nothing_of_the_old(call: Client) -> None:
    made = install(call, CERT, "web.crt", WEB.certificate)
    renewed = ROOT.sign("other.example.com")
    upload(call, "new", renewed.certificate)
    shown = call("PATCH", f"{CERT}/~k8s~web.crt", {"sourcePath": source("new")})
    assert (shown["revision"], shown["subject"]) == (2, "CN=other.example.com,O=Tests")
    assert shown["checksum"] != made["checksum"]
    assert "subjectAlternativeName" not in shown
    replaced = call("PUT", f"{CERT}/~k8s~web.crt", {"sourcePath": source("new")})
    assert (replaced["revision"], replaced["createTime"]) == (3, made["createTime"])


def test_a_file_that_exists_is_not_created_again(call: Client) -> None:
    install(call, CERT, "web.crt", WEB.certificate)
    assert "01020066:3" in install(call, CERT, "web.crt", WEB.certificate, status=409)["message"]


def test_a_file_in_use_is_not_deleted(call: Client) -> None:
    install(call, CERT, "web.crt", WEB.certificate)
    install(call, KEY, "web.key", WEB.key)
    chain = [{"name": "web", "cert": "/k8s/web.crt", "key": "/k8s/web.key"}]
    call("POST", CLIENT_SSL, {"name": "web", "partition": "k8s", "certKeyChain": chain})
    for kind, name, word in ((CERT, "web.crt", "Certificate File"), (KEY, "web.key", "Key File")):
        answer = call("DELETE", f"{kind}/~k8s~{name}", status=400)
        assert answer["message"] == (
            f"01070265:3: The {word} (/k8s/{name}) cannot be deleted because it is in use by a clientssl profile "
            "(/k8s/web)."
        )
    call("DELETE", f"{CLIENT_SSL}/~k8s~web")
    call("DELETE", f"{CERT}/~k8s~web.crt")
    call("DELETE", f"{KEY}/~k8s~web.key")


# The other way


def test_local_files_are_installed_and_listed_by_their_full_path(call: Client) -> None:
    upload(call, "a", WEB.certificate)
    upload(call, "b", WEB.locked("open sesame"))
    crypto = "tm/sys/crypto"
    folder = "/var/config/rest/downloads"
    body = {"command": "install", "name": "/k8s/web.crt", "from-local-file": f"{folder}/a"}
    made = call("POST", f"{crypto}/cert", body)
    assert made == {"kind": "tm:sys:crypto:cert:installstate", **body}
    more = {"name": "/k8s/web.key", "from-local-file": f"{folder}/b", "passphrase": "open sesame"}
    assert "passphrase" not in call("POST", f"{crypto}/key", {"command": "install", **more})
    assert call("GET", f"{CERT}/~k8s~web.crt")["subject"] == "CN=web.example.com,O=Tests"
    shown = call("GET", f"{crypto}/cert/~k8s~web.crt")
    assert (shown["name"], shown["commonName"], shown["organization"]) == ("/k8s/web.crt", "web.example.com", "Tests")
    assert shown["apiRawValues"]["publicKeyType"] == "EC"
    [key] = [one for one in call("GET", f"{crypto}/key")["items"] if one["name"] == "/k8s/web.key"]
    assert (key["keySize"], key["securityType"]) == ("256", "password")
    call("POST", f"{crypto}/cert", body)
    assert call("GET", f"{CERT}/~k8s~web.crt")["revision"] == 2


def test_other_commands_for_certificates_are_not_implemented(call: Client) -> None:
    for body in ({}, {"command": "install", "name": "a"}, {"command": "generate", "from-local-file": "/x"}):
        call("POST", "tm/sys/crypto/cert", body, status=501)
    call("GET", "tm/sys/crypto/cert/~k8s~absent", status=404)
    call("GET", "tm/sys/crypto/csr", status=501)


# What leaves the device


def test_neither_a_dump_nor_a_reply_holds_a_key_or_a_passphrase(call: Client) -> None:
    install(call, CERT, "web.crt", WEB.certificate)
    install(call, KEY, "web.key", WEB.locked("open sesame"), passphrase="open sesame")
    chain = [{"name": "web", "cert": "/k8s/web.crt", "key": "/k8s/web.key", "passphrase": "open sesame"}]
    profile = call("POST", CLIENT_SSL, {"name": "web", "partition": "k8s", "certKeyChain": chain})
    monitor = {"name": "web", "partition": "k8s", "username": "joe", "password": "open sesame"}
    call("POST", "tm/ltm/monitor/http", monitor)
    dump = json.dumps(call.box.dump())
    for text in (dump, json.dumps(profile), repr(call.box.tree.files.__dict__["uploads"])):
        assert "open sesame" not in text
        assert "PRIVATE KEY" not in text
        for key in (WEB.key, call.box.tree.files.uploaded("web.key.up") or b""):
            assert base64.b64encode(key).decode() not in text
    assert base64.b64encode(WEB.certificate).decode() in dump


def test_what_is_saved_serves_after_a_reboot_and_in_another_process(call: Client) -> None:
    install(call, CERT, "web.crt", WEB.certificate)
    shown = install(call, KEY, "web.key", WEB.key)
    saved: list[Any] = []
    call.box.on_save(saved.append)
    call.box.save()
    call.box.reboot()
    assert call.box.tree.files.content(shown["checksum"]) == WEB.key
    other = Box(ManualClock())
    other.load(json.loads(json.dumps(saved[0])))
    assert other.tree.files.content(shown["checksum"]) == WEB.key
    lacking = Box(ManualClock())
    lacking.load(json.loads(json.dumps(call.box.dump())))
    assert lacking.tree.files.content(shown["checksum"]) is None
    assert lacking.tree.get("sys/file/ssl-key", "/k8s/web.key") is not None


def test_the_file_of_what_is_saved_is_for_its_owner_only(tmp_path: Path) -> None:
    write_state(tmp_path / "lab.json", {"private": {}})
    write_state(tmp_path / "lab.json", {"private": {}})
    assert (tmp_path / "lab.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_dump_is_refused(call: Client) -> None:
    with pytest.raises(ValueError, match="the dump is damaged"):
        call.box.load({**call.box.dump(), "files": {"SHA1:1:0": 7}})


def test_the_default_pair_belongs_together(call: Client) -> None:
    shown = call("GET", f"{CERT}/~Common~default.crt")
    assert (shown["keyType"], shown["subject"]) == ("rsa-public", "CN=localhost.localdomain,O=MyCompany")
    chain = [{"name": "d", "cert": "/Common/default.crt", "key": "/Common/default.key"}]
    call("POST", CLIENT_SSL, {"name": "d", "partition": "k8s", "certKeyChain": chain})
