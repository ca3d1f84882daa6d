from __future__ import annotations

from typing import Any

import pytest
from caller import Client, basic

from bigipsim.box import Box
from bigipsim.clock import ManualClock

POOL, VIRTUAL = "tm/ltm/pool", "tm/ltm/virtual"


@pytest.fixture
def box() -> Box:
    return Box(ManualClock())


@pytest.fixture
def call(box: Box) -> Client:
    client = Client(box)
    client("POST", "tm/auth/partition", {"name": "k8s"})
    return client


def refused(call: Client, status: int, method: str, path: str, body: Any = None) -> str:
    answer = call(method, path, body, status=status)
    assert answer["code"] == status
    return str(answer["message"])


def web(call: Client, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = call("POST", POOL, {"name": "web", "partition": "k8s", **more})
    return made


def site(call: Client, **more: Any) -> dict[str, Any]:
    body = {"name": "site", "partition": "k8s", "destination": "/k8s/10.1.1.1:80", "ipProtocol": "tcp", **more}
    made: dict[str, Any] = call("POST", VIRTUAL, body)
    return made


def profiles(call: Client) -> dict[str, str]:
    items = call("GET", VIRTUAL + "/~k8s~site/profiles")["items"]
    return {item["fullPath"]: item["context"] for item in items}


# Missing, present, in use


def test_a_dangling_pool_is_refused_in_the_devices_words(call: Client) -> None:
    body = {"name": "site", "partition": "k8s", "destination": "10.1.1.1:80", "pool": "/k8s/no"}
    answer = call("POST", VIRTUAL, body, status=404)
    assert answer == {
        "code": 404,
        "message": "01020036:3: The requested Pool (/k8s/no) was not found.",
        "errorStack": [],
        "apiError": 3,
    }


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [("rules", ["/k8s/no"], "iRule"), ("profiles", ["/k8s/no"], "profile"), ("policies", ["/k8s/no"], "Policy")],
)
def test_the_word_for_what_is_missing_depends_on_the_property(call: Client, key: str, value: Any, word: str) -> None:
    body = {"name": "site", "partition": "k8s", "destination": "10.1.1.1:80", key: value}
    assert refused(call, 404, "POST", VIRTUAL, body) == f"01020036:3: The requested {word} (/k8s/no) was not found."


def test_a_missing_object_and_a_missing_member_have_different_errors(call: Client) -> None:
    web(call)
    assert refused(call, 404, "GET", POOL + "/~k8s~no") == "01020036:3: The requested Pool (/k8s/no) was not found."
    path = POOL + "/~k8s~web/members/~k8s~10.0.0.1:80"
    assert refused(call, 404, "GET", path) == "Object not found - /k8s/10.0.0.1:80"
    text = "01020036:3: The requested Pool Member (/k8s/web /k8s/10.0.0.1 80) was not found."
    assert refused(call, 404, "DELETE", path) == text


def test_names_are_taken_once(call: Client) -> None:
    web(call, members=["10.0.0.1:80"])
    text = "01020066:3: The requested Pool (/k8s/web) already exists in partition k8s."
    assert refused(call, 409, "POST", POOL, {"name": "web", "partition": "k8s"}) == text
    text = "01020066:3: The requested Pool Member (/k8s/web /k8s/10.0.0.1 80) already exists in partition k8s."
    assert refused(call, 409, "POST", POOL + "/~k8s~web/members", {"name": "10.0.0.1:http"}) == text


def test_what_is_in_use_stays(call: Client) -> None:
    call("POST", "tm/ltm/monitor/http", {"name": "m", "partition": "k8s"})
    web(call, monitor="m", members=["10.0.0.1:80"])
    site(call, pool="web")
    text = "01070265:3: The Pool (/k8s/web) cannot be deleted because it is in use by a Virtual Server (/k8s/site)."
    assert refused(call, 400, "DELETE", POOL + "/~k8s~web") == text
    assert "in use by a Pool (/k8s/web)" in refused(call, 400, "DELETE", "tm/ltm/monitor/http/~k8s~m")
    text = "01070110:3: Node address '/k8s/10.0.0.1' is referenced by a member of pool '/k8s/web'."
    assert refused(call, 400, "DELETE", "tm/ltm/node/~k8s~10.0.0.1") == text
    assert refused(call, 400, "DELETE", "tm/auth/partition/k8s").startswith("0107082a:3: ")
    assert "01070259" in refused(call, 400, "DELETE", "tm/ltm/virtual-address/~k8s~10.1.1.1")


def test_an_unknown_partition_is_refused(call: Client) -> None:
    text = "The requested folder (/no) was not found."
    assert refused(call, 400, "POST", POOL, {"name": "web", "partition": "no"}) == text
    assert refused(call, 404, "GET", POOL + "?$filter=partition eq no") == text
    bad = {"name": "web", "partition": "k8s", "members": [{"name": "10.0.0.1:http", "partition": "no"}]}
    text = (
        "01070734:3: Configuration error: Can't associate Pool Member (/k8s/web /no/10.0.0.1 80) folder does not exist"
    )
    assert refused(call, 400, "POST", POOL, bad) == text


def test_two_virtual_servers_cannot_share_a_listener(call: Client) -> None:
    site(call)
    twin = {"name": "twin", "partition": "k8s", "destination": "10.1.1.1:http", "ipProtocol": "tcp"}
    assert refused(call, 400, "POST", VIRTUAL, twin) == (
        "01070333:3: Virtual Server /k8s/twin illegally shares destination address, source address, service port, "
        "ip-protocol, and vlan with Virtual Server /k8s/site."
    )
    call("POST", VIRTUAL, {**twin, "ipProtocol": "udp"})
    call("POST", VIRTUAL, {**twin, "name": "near", "source": "192.0.2.0/24"})


def test_an_address_belongs_to_one_virtual_address(call: Client) -> None:
    site(call)
    body = {"name": "mine", "partition": "Common", "address": "10.1.1.1"}
    text = "0107176c:3: Invalid Virtual Address, the IP address 10.1.1.1 already exists."
    assert refused(call, 400, "POST", "tm/ltm/virtual-address", body) == text
    body = {"name": "mine", "partition": "Common", "destination": "10.1.1.1:81"}
    assert refused(call, 400, "POST", VIRTUAL, body) == text


def test_a_monitor_is_found_under_its_own_type_only(call: Client) -> None:
    call("POST", "tm/ltm/monitor/http", {"name": "m", "partition": "k8s"})
    assert refused(call, 404, "GET", "tm/ltm/monitor/https/~k8s~m") == "Object not found - /k8s/m"


# Bodies


def test_an_unknown_property_is_named(call: Client) -> None:
    assert refused(call, 400, "POST", POOL, {"name": "web", "colour": "red"}) == '"colour" unknown property'
    body = {"name": "web", "partition": "k8s", "members": [{"name": "10.0.0.1:80", "weight": 1}]}
    assert refused(call, 400, "POST", POOL, body) == '"weight" unknown property'
    body = {"name": "h", "partition": "k8s", "insertXForwardedFor": "enabled"}
    assert refused(call, 400, "POST", "tm/ltm/profile/http", body) == '"insertXForwardedFor" unknown property'


def test_the_spelling_of_the_command_language_is_understood(call: Client) -> None:
    assert web(call, **{"load-balancing-mode": "ratio-member"})["loadBalancingMode"] == "ratio-member"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(call: Client, body: bytes) -> None:
    answer = call("POST", POOL, body, status=400)
    assert (answer["message"], answer["apiError"]) == ("Found invalid JSON body in the request.", 1)


def test_a_patch_of_nothing_is_refused(call: Client) -> None:
    made = web(call)
    text = "one or more properties must be specified"
    assert refused(call, 400, "PATCH", POOL + "/~k8s~web", {}) == text
    ignored = {key: made[key] for key in ("kind", "selfLink", "generation", "fullPath", "name", "membersReference")}
    assert refused(call, 400, "PATCH", POOL + "/~k8s~web", ignored) == text


def test_the_name_example_asks_for_help_and_names_nothing(call: Client) -> None:
    assert "reserved" in refused(call, 400, "POST", POOL, {"name": "example"})
    assert call("GET", POOL + "/example")["kind"] == "tm:ltm:pool:poolcollectionstate"


def test_an_address_cannot_be_changed(call: Client) -> None:
    web(call, members=["10.0.0.1:80"])
    text = '"address" may not be specified in the context of the "modify" command. '
    text += '"address" may be specified using the following commands: create, list'
    member = POOL + "/~k8s~web/members/~k8s~10.0.0.1:80"
    assert refused(call, 400, "PATCH", member, {"address": "10.0.0.2"}) == text
    assert refused(call, 400, "PATCH", "tm/ltm/node/~k8s~10.0.0.1", {"address": "10.0.0.1"}) == text
    inline = {"members": [{"name": "10.0.0.1:80", "address": "10.0.0.1"}]}
    assert refused(call, 400, "PATCH", POOL + "/~k8s~web", inline) == text


def test_the_type_of_a_data_group_may_be_repeated_but_not_changed(call: Client) -> None:
    path = "tm/ltm/data-group/internal"
    call("POST", path, {"name": "dg", "partition": "k8s", "type": "string"})
    call("PATCH", path + "/~k8s~dg", {"type": "string", "records": [{"name": "b"}, {"name": "a", "data": 1}]})
    records = call("GET", path + "/~k8s~dg")["records"]
    assert records == [{"name": "a", "data": "1"}, {"name": "b", "data": ""}]
    assert '"type" may not be specified' in refused(call, 400, "PATCH", path + "/~k8s~dg", {"type": "ip"})


def test_addresses_in_a_data_group_are_networks_and_sorted(call: Client) -> None:
    body = {"name": "dg", "partition": "k8s", "type": "ip", "records": [{"name": "10.0.0.9"}, {"name": "10.0.0.0/30"}]}
    made = call("POST", "tm/ltm/data-group/internal", body)
    assert [record["name"] for record in made["records"]] == ["10.0.0.0/30", "10.0.0.9/32"]


# What an object looks like


def test_a_pool_shows_its_defaults_and_hides_what_is_unset(call: Client) -> None:
    made = web(call)
    assert made["kind"] == "tm:ltm:pool:poolstate"
    assert (made["allowNat"], made["slowRampTime"], made["ipTosToClient"]) == ("yes", 10, "pass-through")
    assert not {"monitor", "description", "metadata", "members"} & made.keys()
    assert made["membersReference"] == {
        "link": "https://localhost/mgmt/tm/ltm/pool/~k8s~web/members?ver=16.1.3",
        "isSubcollection": True,
    }


def test_a_virtual_server_shows_its_destination_in_full(call: Client) -> None:
    web(call)
    made = site(call, destination="10.1.1.1:https", pool="web", metadata=[{"name": "z"}, {"name": "a", "value": "1"}])
    assert (made["destination"], made["mask"], made["source"]) == ("/k8s/10.1.1.1:443", "255.255.255.255", "0.0.0.0/0")
    assert made["poolReference"] == {"link": "https://localhost/mgmt/tm/ltm/pool/~k8s~web?ver=16.1.3"}
    assert made["metadata"] == [{"name": "a", "persist": "true", "value": "1"}, {"name": "z", "persist": "true"}]
    assert (made["enabled"], made["vlansDisabled"]) == (True, True)
    assert not {"disabled", "vlansEnabled", "rules", "persist"} & made.keys()


@pytest.mark.parametrize(
    ("given", "shown", "mask", "source"),
    [
        ("2001:DB8::5.443", "/k8s/2001:db8::5.443", ":".join(["ffff"] * 8), "::/0"),
        ("/k8s/10.1.1.1%2:80", "/k8s/10.1.1.1%2:80", "255.255.255.255", "0.0.0.0%2/0"),
        ("/k8s/2001:db8::5%2.443", "/k8s/2001:db8::5%2.443", ":".join(["ffff"] * 8), "::%2/0"),
        ("0.0.0.0:any", "/k8s/0.0.0.0:0", "any", "0.0.0.0/0"),
    ],
)
def test_destinations_come_back_normalised(call: Client, given: str, shown: str, mask: str, source: str) -> None:
    made = site(call, destination=given)
    assert (made["destination"], made["mask"], made["source"]) == (shown, mask, source)


def test_a_percent_sign_is_encoded_in_links(call: Client) -> None:
    call("POST", "tm/ltm/node", {"name": "10.0.0.1%2", "partition": "k8s"})
    node = call("GET", "tm/ltm/node/~k8s~10.0.0.1%252")
    assert node["selfLink"].endswith("/ltm/node/~k8s~10.0.0.1%252?ver=16.1.3")


def test_an_object_without_a_partition_is_in_common_and_says_so_by_silence(call: Client) -> None:
    made = call("POST", POOL, {"name": "web"})
    assert "partition" not in made
    assert made["fullPath"] == "web"
    assert made["selfLink"] == "https://localhost/mgmt/tm/ltm/pool/web?ver=16.1.3"
    assert call("GET", POOL + "/web")["fullPath"] == "web"
    assert call("GET", POOL + "/~Common~web")["fullPath"] == "/Common/web"


def test_a_virtual_server_without_profiles_forwards(call: Client) -> None:
    site(call)
    assert profiles(call) == {"/Common/fastL4": "all"}


def test_ssl_profiles_know_their_side(call: Client) -> None:
    site(call, profiles=["/Common/tcp", {"name": "/Common/clientssl"}, {"name": "serverssl", "context": "serverside"}])
    assert profiles(call) == {
        "/Common/tcp": "all",
        "/Common/clientssl": "clientside",
        "/Common/serverssl": "serverside",
    }


def test_profiles_that_exclude_each_other_are_refused(call: Client) -> None:
    body = {"name": "s", "partition": "k8s", "destination": "10.1.1.1:80", "ipProtocol": "tcp"}
    assert "01070095" in refused(call, 400, "POST", VIRTUAL, {**body, "profiles": ["tcp", "f5-tcp-lan"]})
    assert "01070095" in refused(call, 400, "POST", VIRTUAL, {**body, "profiles": ["udp"]})
    assert "profile_http" in refused(call, 400, "POST", VIRTUAL, {**body, "profiles": ["tcp"], "persist": "cookie"})
    sides = [{"name": "tcp", "context": "clientside"}, {"name": "f5-tcp-lan", "context": "serverside"}]
    call("POST", VIRTUAL, {**body, "profiles": [*sides, "http"], "persist": "cookie"})


@pytest.mark.parametrize(
    ("protocol", "names"),
    [("udp", ["http"]), ("tcp", ["fastL4", "http"]), ("tcp", ["fastL4", "clientssl"]), ("udp", ["udp", "http"])],
)
def test_a_profile_that_reads_the_connection_is_refused_without_one_that_carries_it(
    call: Client, protocol: str, names: list[str]
) -> None:
    body = {"name": "s", "partition": "k8s", "destination": "10.1.1.1:80", "ipProtocol": protocol}
    assert "01070095" in refused(call, 400, "POST", VIRTUAL, {**body, "profiles": names})


def test_a_pool_reaches_nodes_of_its_own_partition_and_of_common_only(call: Client) -> None:
    call("POST", "tm/auth/partition", {"name": "other"})
    call("POST", "tm/ltm/node", {"name": "n", "partition": "other", "address": "10.0.0.1"})
    foreign = {"name": "n:80", "partition": "other"}
    text = refused(call, 400, "POST", POOL, {"name": "web", "partition": "k8s", "members": [foreign]})
    assert text == ("01070726:3: Pool /k8s/web in partition k8s cannot reference Node /other/n in partition other")
    web(call, members=[{"name": "10.0.0.2:80", "partition": "Common"}, {"name": "10.0.0.3:80"}])
    assert "01070726" in refused(call, 400, "POST", POOL + "/~k8s~web/members", foreign)


def test_a_monitor_keeps_probing_where_it_did(call: Client) -> None:
    call("POST", "tm/ltm/monitor/http", {"name": "m", "partition": "k8s"})
    path = "tm/ltm/monitor/http/~k8s~m"
    text = "Cannot modify the address type of monitor /k8s/m"
    assert refused(call, 400, "PATCH", path, {"destination": "10.0.0.1:80"}) == text
    call("PATCH", path, {"destination": "*:*", "interval": 7})


def test_the_method_of_cookie_persistence_is_one_of_four(call: Client) -> None:
    body = {"name": "c", "partition": "k8s", "method": "bake"}
    assert '"method":"bake"' in refused(call, 400, "POST", "tm/ltm/persistence/cookie", body)
    assert call("POST", "tm/ltm/persistence/cookie", {**body, "method": "passive"})["method"] == "passive"


def test_persistence_is_shown_with_its_parts(call: Client) -> None:
    made = site(call, profiles=["http"], persist=[{"name": "/Common/cookie"}])
    link = "https://localhost/mgmt/tm/ltm/persistence/cookie/~Common~cookie?ver=16.1.3"
    entry = {"name": "cookie", "partition": "Common", "tmDefault": "yes", "nameReference": {"link": link}}
    assert made["persist"] == [entry]
    assert "persist" not in call("PATCH", VIRTUAL + "/~k8s~site", {"persist": "none"})


def test_a_group_of_properties_keeps_what_a_patch_leaves_out(call: Client) -> None:
    call("POST", "tm/ltm/profile/http", {"name": "h", "partition": "k8s", "hsts": {"mode": "enabled"}})
    hsts = call("PATCH", "tm/ltm/profile/http/~k8s~h", {"hsts": {"maximumAge": 60}})["hsts"]
    assert (hsts["mode"], hsts["maximumAge"], hsts["includeSubdomains"]) == ("enabled", 60, "enabled")


def test_a_profile_says_none_for_what_is_unset(call: Client) -> None:
    made = call("POST", "tm/ltm/profile/http", {"name": "h", "partition": "k8s", "description": "mine"})
    assert (made["defaultsFrom"], made["fallbackHost"]) == ("/Common/http", "none")
    cleared = call("PATCH", "tm/ltm/profile/http/~k8s~h", {"description": ""})
    assert cleared["description"] == "none"


def test_an_icmp_monitor_has_nothing_to_send(call: Client) -> None:
    body = {"name": "m", "partition": "k8s", "send": "x"}
    assert refused(call, 400, "POST", "tm/ltm/monitor/icmp", body) == '"send" unknown property'


# Switches


def test_only_the_wanted_half_of_a_pair_is_sent_and_shown(call: Client) -> None:
    site(call)
    path = VIRTUAL + "/~k8s~site"
    assert "disabled" not in call("PATCH", path, {"enabled": False})
    off = call("PATCH", path, {"disabled": True})
    assert off["disabled"] is True
    assert "enabled" not in off
    text = '"enabled" may not be specified with "disabled"'
    assert refused(call, 400, "PATCH", path, {"enabled": True, "disabled": True}) == text
    assert call("PATCH", path, {"enabled": True, "disabled": False})["enabled"] is True


def test_five_dialects_of_yes_are_kept_apart(call: Client) -> None:
    site(call)
    for key, value in (("addressStatus", True), ("mirror", "yes"), ("enabled", "yes")):
        assert "invalid property value" in refused(call, 400, "PATCH", VIRTUAL + "/~k8s~site", {key: value})


@pytest.mark.parametrize(
    ("body", "plain", "monitored"),
    [
        ({"session": "user-enabled", "state": "user-up"}, "user-enabled unchecked", "monitor-enabled up"),
        ({"session": "user-disabled", "state": "user-up"}, "user-disabled unchecked", "user-disabled up"),
        ({"session": "user-disabled", "state": "user-down"}, "user-disabled user-down", "user-disabled user-down"),
    ],
)
def test_what_was_set_and_what_is_true_share_two_properties(
    box: Box, call: Client, body: dict[str, str], plain: str, monitored: str
) -> None:
    web(call, members=["10.0.0.1:80"])
    member = POOL + "/~k8s~web/members/~k8s~10.0.0.1:80"
    call("PATCH", member, body)
    shown = call("GET", member)
    assert f"{shown['session']} {shown['state']}" == plain
    call("PATCH", POOL + "/~k8s~web", {"monitor": "/Common/http"})
    box.runtime.member_status[("/k8s/web", "/k8s/10.0.0.1:80")] = "up"
    shown = call("GET", member)
    assert f"{shown['session']} {shown['state']}" == monitored


def test_what_only_the_device_knows_cannot_be_written(call: Client) -> None:
    web(call, members=["10.0.0.1:80"])
    member = POOL + "/~k8s~web/members/~k8s~10.0.0.1:80"
    text = 'invalid property value "state":"checking"'
    answer = call("PATCH", member, {"state": "checking"}, status=400)
    assert answer == {"code": 400, "message": text, "errorStack": []}


# Replacing


def test_put_resets_what_it_leaves_out_and_keeps_the_members(call: Client) -> None:
    web(call, description="x", minActiveMembers=2, members=["10.0.0.1:80"])
    after = call("PUT", POOL + "/~k8s~web", {"loadBalancingMode": "ratio-member"})
    assert (after["minActiveMembers"], after["loadBalancingMode"]) == (0, "ratio-member")
    assert "description" not in after
    assert len(call("GET", POOL + "/~k8s~web/members")["items"]) == 1


def test_the_reference_form_of_children_is_understood(call: Client) -> None:
    web(
        call, membersReference={"isSubcollection": True, "items": [{"name": "10.0.0.1:80"}, {"name": "2001:db8::1.80"}]}
    )
    items = call("GET", POOL + "/~k8s~web/members")["items"]
    assert [item["fullPath"] for item in items] == ["/k8s/10.0.0.1:80", "/k8s/2001:db8::1.80"]
    assert call("PATCH", POOL + "/~k8s~web", {"members": []})
    assert call("GET", POOL + "/~k8s~web/members")["items"] == []


def test_monitors_of_a_pool_are_shown_with_their_paths(call: Client) -> None:
    assert web(call, monitor="http and /Common/tcp")["monitor"] == "/Common/http and /Common/tcp"
    path = POOL + "/~k8s~web"
    shown = call("PATCH", path, {"monitor": "min 1 of http tcp"})["monitor"]
    assert shown == "min 1 of { /Common/http /Common/tcp }"
    assert "monitor" not in call("PATCH", path, {"monitor": "default"})


def test_a_named_member_brings_the_address_of_its_node(call: Client) -> None:
    web(call, members=[{"name": "web1:http", "address": "10.0.0.7"}])
    items = call("GET", POOL + "/~k8s~web/members")["items"]
    assert (items[0]["name"], items[0]["address"]) == ("web1:80", "10.0.0.7")
    body = {"members": ["web1:80", "web2:80"]}
    assert "Node (/k8s/web2)" in refused(call, 404, "PATCH", POOL + "/~k8s~web", body)


def test_snat_addresses_are_made_as_they_are_named(call: Client) -> None:
    made = call("POST", "tm/ltm/snatpool", {"name": "sp", "partition": "k8s", "members": ["192.0.2.9"]})
    assert made["members"] == ["/k8s/192.0.2.9"]
    link = "https://localhost/mgmt/tm/ltm/snat-translation/~k8s~192.0.2.9?ver=16.1.3"
    assert made["membersReference"] == [{"link": link}]
    translation = call("GET", "tm/ltm/snat-translation/~k8s~192.0.2.9")
    assert (translation["address"], translation["tcpIdleTimeout"]) == ("192.0.2.9", "indefinite")
    site(call, sourceAddressTranslation={"type": "snat", "pool": "sp"})
    assert "01070265" in refused(call, 400, "DELETE", "tm/ltm/snatpool/~k8s~sp")
    after = call("PATCH", VIRTUAL + "/~k8s~site", {"sourceAddressTranslation": {"type": "automap"}})
    assert after["sourceAddressTranslation"] == {"type": "automap"}


# Rules, policies, applications


def test_an_irule_is_trimmed_and_its_names_are_checked(call: Client) -> None:
    made = call("POST", "tm/ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": "\nwhen RULE_INIT {\r\n}\n "})
    assert made["apiAnonymous"] == "when RULE_INIT {\n}"
    text = "when HTTP_REQUEST {\n  pool no\n}"
    answer = refused(call, 400, "POST", "tm/ltm/rule", {"name": "x", "partition": "k8s", "apiAnonymous": text})
    assert "01070151:3: Rule [/k8s/x] error: Unable to find pool (no) referenced at line 2" in answer
    assert "01070151" in refused(call, 400, "PATCH", "tm/ltm/rule/~k8s~r", {"apiAnonymous": "when RULE_INIT {"})
    web(call)
    call("PATCH", "tm/ltm/rule/~k8s~r", {"apiAnonymous": "when HTTP_REQUEST { pool web }"})
    assert "in use by a rule (/k8s/r)" in refused(call, 400, "DELETE", POOL + "/~k8s~web")


def policy(**more: Any) -> dict[str, Any]:
    condition = {"name": "0", "httpHost": True, "host": True, "equals": True, "values": ["a.example"]}
    action = {"name": "0", "forward": True, "select": True, "pool": "/k8s/web"}
    rule = {"name": "r0", "ordinal": 0, "conditions": [condition], "actions": [action]}
    base = {"name": "pol", "partition": "k8s", "legacy": True, "requires": ["http"], "controls": ["forwarding"]}
    return {**base, "rules": [rule], **more}


def test_a_legacy_policy_keeps_its_rules(call: Client) -> None:
    web(call)
    made = call("POST", "tm/ltm/policy", policy(strategy="first-match"))
    assert (made["status"], made["strategy"]) == ("legacy", "/Common/first-match")
    shown = call("GET", "tm/ltm/policy/~k8s~pol?expandSubcollections=true")
    rule = shown["rulesReference"]["items"][0]
    assert rule["kind"] == "tm:ltm:policy:rules:rulesstate"
    action, condition = rule["actionsReference"]["items"][0], rule["conditionsReference"]["items"][0]
    assert (action["request"], action["code"], action["vlanId"]) == (True, 0, 0)
    assert action["poolReference"]["link"].endswith("/ltm/pool/~k8s~web?ver=16.1.3")
    assert condition["caseInsensitive"] and condition["external"] and condition["remote"] and condition["present"]
    assert "in use by a policy rule (/k8s/pol)" in refused(call, 400, "DELETE", POOL + "/~k8s~web")
    site(call, profiles=["http"], policies=["pol"])
    assert "01070265" in refused(call, 400, "DELETE", "tm/ltm/policy/~k8s~pol")


def test_a_rule_that_is_listed_anew_keeps_nothing_of_the_old_one(box: Box, call: Client) -> None:
    web(call)
    call("POST", "tm/ltm/policy", policy())
    path = "tm/ltm/policy/~k8s~pol"
    generation = box.tree.generation
    call("PATCH", path, {"rules": policy()["rules"]})
    assert box.tree.generation == generation
    call("PATCH", path, {"rules": [{"name": "r0", "conditions": [{"name": "0", "httpUri": True, "path": True}]}]})
    assert call("GET", path + "/rules/r0/actions")["items"] == []
    condition = call("GET", path + "/rules/r0/conditions/0")
    assert condition["httpUri"] is True
    assert "httpHost" not in condition


def test_an_application_service_needs_its_template_and_has_a_folder(call: Client) -> None:
    path = "tm/sys/application/service"
    body: dict[str, Any] = {
        "name": "app",
        "partition": "k8s",
        "template": "/Common/f5.http",
        "variables": [{"name": "a", "value": "1"}],
    }
    text = "01020036:3: The requested application template (/Common/f5.http) was not found."
    assert refused(call, 404, "POST", path, body) == text
    call("POST", "tm/sys/application/template", {"name": "f5.http", "partition": "Common"})
    made = call("POST", path, {**body, "tables": [{"name": "t", "columnNames": ["a"], "rows": []}]})
    assert (made["fullPath"], made["subPath"]) == ("/k8s/app.app/app", "app.app")
    assert made["variables"] == [{"name": "a", "encrypted": "no", "value": "1"}]
    assert made["tables"] == [{"name": "t", "columnNames": ["a"]}]
    assert call("PATCH", path + "/~k8s~app.app~app", {"executeAction": "definition", "variables": []})
    call("DELETE", path + "/~k8s~app.app~app")
    call("DELETE", "tm/auth/partition/k8s")


# Networks


def test_a_tunnel_has_a_twin_for_its_far_ends(call: Client) -> None:
    call(
        "POST",
        "tm/net/tunnels/vxlan",
        {"name": "vx", "defaultsFrom": "/Common/vxlan", "floodingType": "none", "port": 8472},
    )
    call("POST", "tm/net/tunnels/tunnel", {"name": "fl", "key": 1, "profile": "vx", "localAddress": "10.0.0.5"})
    path = "tm/net/fdb/tunnel/~Common~fl"
    call("PATCH", path, {"records": [{"name": "0A:0a:ac:10:02:05", "endpoint": "10.1.2.3"}]})
    items = call("GET", path + "/records")["items"]
    assert [(item["name"], item["endpoint"]) for item in items] == [("0a:0a:ac:10:02:05", "10.1.2.3")]
    assert "/Common/fl" in call("GET", "tm/net/route-domain/~Common~0")["vlans"]
    refused(call, 400, "POST", "tm/net/fdb/tunnel", {"name": "x"})
    self_ip = {"name": "s", "address": "10.244.0.1/16", "vlan": "/Common/fl", "allowService": "default"}
    assert call("POST", "tm/net/self", self_ip)["allowService"] == ["default"]
    assert "in use by a self IP" in refused(call, 400, "DELETE", "tm/net/tunnels/tunnel/~Common~fl")
    call("DELETE", "tm/net/self/~Common~s")
    call("DELETE", "tm/net/tunnels/tunnel/~Common~fl")
    assert "01020036" in refused(call, 404, "GET", path)


def test_static_arp_entries_and_routes_have_what_cannot_change(call: Client) -> None:
    call("POST", "tm/net/arp", {"name": "a", "ipAddress": "10.1.2.3", "macAddress": "0A:0a:ac:10:02:05"})
    assert call("GET", "tm/net/arp/~Common~a")["macAddress"] == "0a:0a:ac:10:02:05"
    assert '"ipAddress" may not' in refused(call, 400, "PATCH", "tm/net/arp/~Common~a", {"ipAddress": "10.1.2.4"})
    twice = {"name": "b", "ipAddress": "10.1.2.3", "macAddress": "0a:0a:ac:10:02:06"}
    refused(call, 409, "POST", "tm/net/arp", twice)
    call("POST", "tm/net/route", {"name": "r", "network": "10.2.2.0/24", "gw": "192.0.2.1"})
    assert '"network" may not' in refused(call, 400, "PATCH", "tm/net/route/~Common~r", {"network": "10.3.0.0/16"})
    both = {"name": "q", "network": "10.3.0.0/16", "gw": "192.0.2.1", "blackhole": True}
    assert "may not be specified with" in refused(call, 400, "POST", "tm/net/route", both)


# Addresses of nothing, and who may


def test_what_the_simulator_lacks_differs_from_what_nobody_has(call: Client) -> None:
    assert "bigipsim does not implement" in refused(call, 501, "GET", "tm/gtm/pool/a")
    assert "bigipsim does not implement" in refused(call, 501, "POST", "tm/ltm/nat", {"name": "n"})
    assert refused(call, 404, "GET", "tm/ltm/nope") == "Public URI path not registered: /tm/ltm/nope"


def test_a_trailing_slash_is_tolerated(call: Client) -> None:
    web(call)
    assert call("GET", POOL + "/~k8s~web/")["name"] == "web"
    assert call("GET", POOL + "/")["kind"] == "tm:ltm:pool:poolcollectionstate"


def test_a_manager_of_one_partition_writes_there_only(box: Box, call: Client) -> None:
    access = [{"name": "k8s", "role": "manager"}]
    call("POST", "tm/auth/user", {"name": "ctl", "password": "s3cret-Pass", "partitionAccess": access})
    manager = Client(box, basic("ctl", "s3cret-Pass"))
    web(manager)
    answer = manager("POST", POOL, {"name": "web", "partition": "Common"}, status=401)
    assert answer["message"].startswith("Authorization failed: user=https://localhost/mgmt/shared/authz/users/ctl ")
    assert answer["kind"] == ":resterrorresponse"
    manager("DELETE", POOL + "/~k8s~web")
    manager("POST", "tm/auth/partition", {"name": "more"}, status=401)


# Replies


def test_a_delete_answers_with_nothing(call: Client) -> None:
    web(call)
    answer = call.send("DELETE", POOL + "/~k8s~web")
    assert (answer.status, answer.body) == (200, b"")


def test_older_releases_answer_in_their_own_way() -> None:
    call = Client(Box(ManualClock(), version="13.1.0"))
    assert "items" not in call("GET", POOL)
    assert call("POST", POOL, {"name": "web", "monitor": "http"})["monitor"] == "/Common/http "
    assert "creationTime" not in call("POST", VIRTUAL, {"name": "v", "destination": "10.1.1.1:80"})


def test_the_mask_of_a_shared_virtual_address_is_not_changed_by_one_of_many(call: Client) -> None:
    site(call)
    call("PATCH", VIRTUAL + "/~k8s~site", {"mask": "255.255.255.0"})
    assert call("GET", "tm/ltm/virtual-address/~k8s~10.1.1.1")["mask"] == "255.255.255.0"
    other = {"name": "other", "partition": "k8s", "destination": "10.1.1.1:81"}
    assert call("POST", VIRTUAL, other)["mask"] == "255.255.255.0"
    body = {"mask": "255.255.0.0"}
    assert "contradicts the mask" in refused(call, 400, "PATCH", VIRTUAL + "/~k8s~other", body)


def test_addresses_move_with_the_default_route_domain_of_their_partition(call: Client) -> None:
    assert "route domain (2)" in refused(call, 400, "PATCH", "tm/auth/partition/k8s", {"defaultRouteDomain": 2})
    call("POST", "tm/net/route-domain", {"name": "two", "id": 2})
    refused(call, 409, "POST", "tm/net/route-domain", {"name": "again", "id": 2})
    call("POST", "tm/ltm/node", {"name": "a", "partition": "k8s", "address": "10.0.0.1"})
    refused(call, 400, "POST", "tm/ltm/node", {"name": "b", "address": "10.0.0.1"})
    call("PATCH", "tm/auth/partition/k8s", {"defaultRouteDomain": 2})
    call("POST", "tm/ltm/node", {"name": "b", "address": "10.0.0.1"})
    refused(call, 400, "POST", "tm/ltm/node", {"name": "c", "address": "10.0.0.1%2"})


def test_members_of_older_releases_lose_what_is_not_repeated() -> None:
    call = Client(Box(ManualClock(), version="12.1.0"))
    call("POST", POOL, {"name": "web", "members": [{"name": "10.0.0.1:80", "ratio": 5}]})
    call("PATCH", POOL + "/~Common~web", {"members": [{"name": "10.0.0.1:80"}]})
    assert call("GET", POOL + "/~Common~web/members")["items"][0]["ratio"] == 1
