"""client-ssl and server-ssl profiles as objects: their pairs, who fits to whom, and several on one virtual server."""

from typing import Any

import pytest
from caller import Client
from certificates import Authority, Signed, rsa_key

from bigipsim.box import Box
from bigipsim.clock import ManualClock

CERT, KEY = "tm/sys/file/ssl-cert", "tm/sys/file/ssl-key"
CLIENT_SSL, SERVER_SSL = "tm/ltm/profile/client-ssl", "tm/ltm/profile/server-ssl"
VIRTUAL = "tm/ltm/virtual"
ROOT = Authority()
WEB, SHOP = ROOT.sign("web.example.com"), ROOT.sign("shop.example.com")


@pytest.fixture
def call() -> Client:
    client = Client(Box(ManualClock(1_700_000_000.0)))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    return client


def upload(call: Client, name: str, content: bytes) -> dict[str, str]:
    where = f"shared/file-transfer/uploads/{name}"
    call("POST", where, content, content_range=f"0-{len(content) - 1}/{len(content)}")
    return {"sourcePath": f"file:/var/config/rest/downloads/{name}"}


def install(call: Client, name: str, signed: Signed, key: bytes = b"") -> dict[str, str]:
    """A certificate and a key of that name; answers the entry of a chain that names them."""
    for kind, suffix, content in ((CERT, "crt", signed.certificate), (KEY, "key", key or signed.key)):
        body = {"name": f"{name}.{suffix}", "partition": "k8s", **upload(call, f"{name}.{suffix}", content)}
        call("POST", kind, body)
    return {"name": name, "cert": f"/k8s/{name}.crt", "key": f"/k8s/{name}.key"}


def profile(call: Client, name: str, *chain: dict[str, str], status: int = 200, **more: Any) -> Any:
    body = {"name": name, "partition": "k8s", **({"certKeyChain": list(chain)} if chain else {}), **more}
    return call("POST", CLIENT_SSL, body, status=status)


def virtual(call: Client, *profiles: str, status: int = 200, **more: Any) -> Any:
    body = {"name": "v", "partition": "k8s", "destination": "/k8s/10.1.1.1:443", "ipProtocol": "tcp"}
    return call("POST", VIRTUAL, {**body, "profiles": ["/Common/tcp", *profiles], **more}, status=status)


# Pairs


def test_a_key_of_another_certificate_is_refused(call: Client) -> None:
    install(call, "web", WEB, key=SHOP.key)
    answer = profile(call, "p", {"name": "web", "cert": "/k8s/web.crt", "key": "/k8s/web.key"}, status=400)
    assert answer["message"] == "01070317:3: profile /k8s/p's key and certificate do not match"


def test_a_certificate_without_its_key_is_refused(call: Client) -> None:
    install(call, "web", WEB)
    answer = profile(call, "p", {"name": "web", "cert": "/k8s/web.crt"}, status=400)
    assert answer["message"] == "01070315:3: profile /k8s/p requires a key"
    answer = call("POST", SERVER_SSL, {"name": "s", "partition": "k8s", "key": "/k8s/web.key"}, status=400)
    assert answer["message"] == "01070315:3: profile /k8s/s requires a certificate"


def test_a_locked_key_needs_its_passphrase(call: Client) -> None:
    chain = install(call, "web", WEB, key=WEB.locked("open sesame"))
    for more in ({}, {"passphrase": "wrong"}):
        answer = profile(call, "p", {**chain, **more}, status=400)
        assert answer["message"].startswith("01070313:3: Error reading key PEM file /k8s/web.key for profile /k8s/p: ")
    made = profile(call, "p", {**chain, "passphrase": "open sesame"})
    assert made["certKeyChain"][0]["passphrase"].startswith("$M$")


def test_a_pair_that_is_not_there_is_refused(call: Client) -> None:
    answer = profile(call, "p", {"name": "web", "cert": "/k8s/web.crt", "key": "/k8s/web.key"}, status=404)
    assert answer["message"] == "01020036:3: The requested Certificate File (/k8s/web.crt) was not found."


def test_two_pairs_are_for_two_sorts_of_keys(call: Client) -> None:
    one, other = install(call, "one", WEB), install(call, "other", SHOP)
    third = install(call, "third", ROOT.sign("web.example.com", key=rsa_key()))
    answer = profile(call, "p", one, other, status=400)
    assert "cannot contain more than one set of same certificate/key type" in answer["message"]
    profile(call, "p", one, third)


def test_pairs_in_both_ways_at_once_are_refused(call: Client) -> None:
    chain = install(call, "web", WEB)
    install(call, "shop", SHOP)
    answer = profile(call, "p", chain, cert="/k8s/shop.crt", status=400)
    assert answer["message"].startswith("01b4002a:3: Client SSL profile (/k8s/p):cert-key-chain and profile ")


def test_the_short_form_makes_a_pair_and_stays_when_the_parent_changes(call: Client) -> None:
    chain = install(call, "web", WEB)
    profile(call, "parent")
    made = profile(call, "p", defaultsFrom="/k8s/parent", cert=chain["cert"], key=chain["key"])
    [entry] = made["certKeyChain"]
    assert (entry["name"], entry["chain"]) == ("web_0", "none")
    assert (entry["cert"], entry["key"]) == (chain["cert"], chain["key"])
    assert entry["certReference"]["link"].startswith("https://localhost/mgmt/tm/sys/file/ssl-cert/~k8s~web.crt")
    assert made["inheritCertkeychain"] == "false"
    call("PATCH", f"{CLIENT_SSL}/~k8s~parent", {"ciphers": "ECDHE"})
    after = call("GET", f"{CLIENT_SSL}/~k8s~p")
    assert (after["certKeyChain"], after["ciphers"]) == (made["certKeyChain"], "ECDHE")


def test_a_profile_without_pairs_takes_those_of_its_parent(call: Client) -> None:
    chain = install(call, "web", WEB)
    profile(call, "parent", chain)
    made = profile(call, "p", defaultsFrom="/k8s/parent")
    assert (made["cert"], made["inheritCertkeychain"]) == ("/k8s/web.crt", "true")
    other = install(call, "shop", SHOP)
    call("PATCH", f"{CLIENT_SSL}/~k8s~p", {"certKeyChain": [other]})
    back = call("PATCH", f"{CLIENT_SSL}/~k8s~p", {"inheritCertkeychain": "true"})
    assert (back["cert"], back["inheritCertkeychain"]) == ("/k8s/web.crt", "true")


def test_ciphers_are_chosen_in_one_way(call: Client) -> None:
    answer = profile(call, "p", cipherGroup="/Common/f5-default", status=400)
    assert answer["message"] == '"ciphers" may not be specified with "cipher-group"'
    made = profile(call, "p", cipherGroup="/Common/f5-default", ciphers="none")
    assert (made["ciphers"], made["cipherGroup"]) == ("none", "/Common/f5-default")


# Renewal


def test_a_certificate_is_not_renewed_without_its_key(call: Client) -> None:
    profile(call, "p", install(call, "web", WEB))
    renewed = ROOT.sign("web.example.com")
    body = upload(call, "new.crt", renewed.certificate)
    answer = call("PATCH", f"{CERT}/~k8s~web.crt", body, status=400)
    assert answer["message"] == "01070317:3: profile /k8s/p's key and certificate do not match"
    assert call("GET", f"{CERT}/~k8s~web.crt")["revision"] == 1


def test_a_certificate_and_its_key_are_renewed_in_one_transaction(call: Client) -> None:
    profile(call, "p", install(call, "web", WEB))
    renewed = ROOT.sign("web.example.com")
    number = str(call("POST", "tm/transaction", {})["transId"])
    for kind, name, content in ((CERT, "web.crt", renewed.certificate), (KEY, "web.key", renewed.key)):
        body = upload(call, f"new-{name}", content)
        call("PATCH", f"{kind}/~k8s~{name}", body, x_f5_rest_coordination_id=number)
    assert call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})["state"] == "COMPLETED"
    assert call("GET", f"{CERT}/~k8s~web.crt")["revision"] == 2


def test_files_profile_and_virtual_server_come_in_one_transaction(call: Client) -> None:
    number = str(call("POST", "tm/transaction", {})["transId"])
    more = {"x_f5_rest_coordination_id": number}
    for kind, name, content in ((CERT, "web", WEB.certificate), (KEY, "web", WEB.key)):
        source = upload(call, kind[-3:] + name, content)
        call("POST", kind, {"name": name, "partition": "k8s", **source}, **more)
    chain = [{"name": "web", "cert": "/k8s/web", "key": "/k8s/web"}]
    call("POST", CLIENT_SSL, {"name": "p", "partition": "k8s", "certKeyChain": chain}, **more)
    body = {"name": "v", "partition": "k8s", "destination": "/k8s/10.1.1.1:443", "ipProtocol": "tcp"}
    call("POST", VIRTUAL, {**body, "profiles": ["/Common/tcp", "/k8s/p"]}, **more)
    call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})
    assert call("GET", f"{CLIENT_SSL}/~k8s~p")["cert"] == "/k8s/web"


# Several on one virtual server


def test_only_one_profile_is_for_clients_that_name_nobody(call: Client) -> None:
    profile(call, "a", sniDefault="true")
    profile(call, "b", sniDefault="true")
    answer = virtual(call, "/k8s/a", "/k8s/b", status=400)
    assert answer["message"] == (
        "01071809:3: Virtual Server /k8s/v has more than one clientssl/serverssl profile that is default for SNI."
    )


def test_of_several_profiles_one_must_be_for_clients_that_name_nobody(call: Client) -> None:
    profile(call, "a", serverName="a.example.com")
    profile(call, "b", serverName="b.example.com")
    answer = virtual(call, "/k8s/a", "/k8s/b", status=400)
    assert "none is default for SNI" in answer["message"]
    virtual(call, "/k8s/a")


def test_two_profiles_are_not_for_one_name(call: Client) -> None:
    profile(call, "a", serverName="shop.example.com", sniDefault="true")
    profile(call, "b", serverName="Shop.example.com")
    answer = virtual(call, "/k8s/a", "/k8s/b", status=400)
    assert answer["message"] == (
        "0107149e:3: Virtual server /k8s/v has more than one clientssl/serverssl profile with same server name."
    )


def test_profiles_on_both_sides_do_not_get_in_each_others_way(call: Client) -> None:
    profile(call, "a", serverName="shop.example.com")
    call("POST", SERVER_SSL, {"name": "s", "partition": "k8s", "serverName": "shop.example.com"})
    virtual(call, "/k8s/a", "/k8s/s")


def test_a_profile_on_a_virtual_server_does_not_become_a_second_default(call: Client) -> None:
    profile(call, "a", sniDefault="true")
    profile(call, "b")
    virtual(call, "/k8s/a", "/k8s/b")
    assert "01071809:3" in call("PATCH", f"{CLIENT_SSL}/~k8s~b", {"sniDefault": "true"}, status=400)["message"]
    assert "none is default" in call("PATCH", f"{CLIENT_SSL}/~k8s~a", {"sniDefault": "false"}, status=400)["message"]


def test_the_default_changes_hands_in_one_transaction(call: Client) -> None:
    profile(call, "a", sniDefault="true")
    profile(call, "b")
    virtual(call, "/k8s/a", "/k8s/b")
    number = str(call("POST", "tm/transaction", {})["transId"])
    for name, default in (("b", "true"), ("a", "false")):
        call("PATCH", f"{CLIENT_SSL}/~k8s~{name}", {"sniDefault": default}, x_f5_rest_coordination_id=number)
    call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})


def test_a_further_profile_is_bound_by_itself(call: Client) -> None:
    profile(call, "a", sniDefault="true")
    profile(call, "b")
    profile(call, "c", sniDefault="true")
    virtual(call, "/k8s/a")
    call("POST", f"{VIRTUAL}/~k8s~v/profiles", {"name": "b", "partition": "k8s"})
    call("POST", f"{VIRTUAL}/~k8s~v/profiles", {"name": "c", "partition": "k8s"}, status=400)
    names = [one["name"] for one in call("GET", f"{VIRTUAL}/~k8s~v/profiles")["items"]]
    assert names == ["tcp", "a", "b"]
    call("DELETE", f"{VIRTUAL}/~k8s~v/profiles/~k8s~b")
    call("DELETE", f"{CLIENT_SSL}/~k8s~b")


def test_a_profile_in_use_is_not_deleted(call: Client) -> None:
    profile(call, "a")
    virtual(call, "/k8s/a")
    assert "in use by a Virtual Server (/k8s/v)" in call("DELETE", f"{CLIENT_SSL}/~k8s~a", status=400)["message"]
