"""Who may come in, for how long, and what the device says to the others."""

from __future__ import annotations

import json

import pytest
from caller import Client, basic, logged_in

from bigipsim.box import Box
from bigipsim.clock import ManualClock

LOGIN = "shared/authn/login"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def box(clock: ManualClock) -> Box:
    return Box(clock)


@pytest.fixture
def admin(box: Box) -> Client:
    return Client(box)


@pytest.fixture
def nobody(box: Box) -> Client:
    return Client(box, {})


def user(admin: Client, name: str, role: str, partition: str = "all-partitions") -> None:
    access = [{"name": partition, "role": role}]
    admin("POST", "tm/auth/user", {"name": name, "password": "s3cret", "partitionAccess": access})


def test_a_login_answers_a_token_of_26_characters_for_1200_seconds(nobody: Client) -> None:
    reply = nobody("POST", LOGIN, {"username": "admin", "password": "admin", "loginProviderName": "tmos"})
    token = reply["token"]
    assert len(token["token"]) == 26
    assert token["token"].isalnum() and token["token"].isupper()
    assert token["name"] == token["token"]
    assert (token["timeout"], token["userName"], token["authProviderName"]) == (1200, "admin", "tmos")
    assert token["expirationMicros"] - token["lastUpdateMicros"] == 1_200_000_000
    assert token["kind"] == "shared:authz:tokens:authtokenitemstate"
    assert token["address"] == "192.0.2.99"
    assert reply["username"] == "admin" and reply["generation"] == 0


@pytest.mark.parametrize("provider", [{}, {"loginProviderName": "local"}, {"loginProviderName": "tmos"}])
def test_a_login_needs_no_provider_name(nobody: Client, provider: dict[str, str]) -> None:
    nobody("POST", LOGIN, {"username": "admin", "password": "admin", **provider})


def test_a_wrong_password_is_refused_without_repeating_it(nobody: Client) -> None:
    body = {"username": "admin", "password": "guess", "loginProviderName": "tmos"}
    refused = nobody("POST", LOGIN, body, 401)
    assert refused["message"] == "Authentication failed."
    assert json.loads(refused["originalRequestBody"]) == {
        "username": "admin",
        "loginProviderName": "tmos",
        "generation": 0,
        "lastUpdateMicros": 0,
    }
    assert refused["referer"] == "192.0.2.99"
    assert refused["kind"] == ":resterrorresponse"


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"username":"admin"}', b'{"username":1,"password":2}'])
def test_a_login_that_makes_no_sense_is_a_bad_request(nobody: Client, body: bytes) -> None:
    assert nobody("POST", LOGIN, body, 400)["kind"] == ":resterrorresponse"


def test_logging_in_is_a_post(admin: Client) -> None:
    admin("GET", LOGIN, None, 405)


def test_a_token_opens_the_configuration_and_a_trailing_slash_does_no_harm(box: Box) -> None:
    client = logged_in(box, "admin", "admin")
    assert client("GET", "tm/ltm/pool/")["kind"] == "tm:ltm:pool:poolcollectionstate"


def test_the_token_counts_when_basic_credentials_come_along(box: Box) -> None:
    both = {**basic("admin", "admin"), "x-f5-auth-token": "A" * 26}
    assert Client(box, both)("GET", "tm/ltm/pool", None, 401)["message"] == "X-F5-Auth-Token does not exist."


def test_a_token_expires_by_the_clock_however_much_it_is_used(box: Box, clock: ManualClock) -> None:
    client = logged_in(box, "admin", "admin")
    clock.advance(1199)
    client("GET", "tm/ltm/pool")
    clock.advance(2)
    assert client("GET", "tm/ltm/pool", None, 401)["message"] == "X-F5-Auth-Token has expired."
    clock.advance(3600)
    assert client("GET", "tm/ltm/pool", None, 401)["message"] == "X-F5-Auth-Token does not exist."


def test_no_credentials_at_all_is_told_with_the_uri(nobody: Client) -> None:
    answer = nobody.send("GET", "tm/ltm/virtual")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "X-Auth-Token"
    message = json.loads(answer.body)["message"]
    assert message == (
        "Authorization failed: no user authentication header or token detected. "
        "Uri:http://localhost:8100/mgmt/tm/ltm/virtual Referrer:192.0.2.99 Sender:192.0.2.99"
    )


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Basic YWRtaW46", *basic("admin", "x").values()])
def test_wrong_basic_credentials_get_the_page_of_the_web_server(box: Box, header: str) -> None:
    answer = Client(box, {"authorization": header}).send("GET", "tm/ltm/pool")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"Authentication required!" in answer.body


def test_a_new_timeout_counts_from_the_start_of_the_token(box: Box, clock: ManualClock) -> None:
    client = logged_in(box, "admin", "admin")
    path = f"shared/authz/tokens/{client.headers['x-f5-auth-token']}"
    started = client("GET", path)["lastUpdateMicros"]
    clock.advance(600)
    reply = client("PATCH", path, {"timeout": 3600})
    assert reply["timeout"] == 3600
    assert reply["expirationMicros"] == started + 3_600_000_000
    clock.advance(2999)
    client("GET", "tm/ltm/pool")
    clock.advance(2)
    client("GET", "tm/ltm/pool", None, 401)


def test_an_empty_patch_leaves_the_token_as_it_is(box: Box) -> None:
    client = logged_in(box, "admin", "admin")
    path = f"shared/authz/tokens/{client.headers['x-f5-auth-token']}"
    assert client("PATCH", path, {}) == client("GET", path)


def test_no_token_lives_longer_than_ten_hours(box: Box) -> None:
    client = logged_in(box, "admin", "admin")
    path = f"shared/authz/tokens/{client.headers['x-f5-auth-token']}"
    client("PATCH", path, {"timeout": 36000})
    refused = client("PATCH", path, {"timeout": 36001}, 406)
    assert "36000 seconds" in refused["message"]
    client("PATCH", path, {"timeout": "soon"}, 400)


def test_a_deleted_token_is_dead_at_once(box: Box, admin: Client) -> None:
    client = logged_in(box, "admin", "admin")
    path = f"shared/authz/tokens/{client.headers['x-f5-auth-token']}"
    assert client("DELETE", path) is None
    assert client("GET", "tm/ltm/pool", None, 401)["message"] == "X-F5-Auth-Token does not exist."
    admin("GET", path, None, 404)


def test_users_see_and_end_their_own_tokens_only(box: Box, admin: Client) -> None:
    user(admin, "ann", "guest")
    user(admin, "bob", "guest")
    ann, bob = logged_in(box, "ann", "s3cret"), logged_in(box, "bob", "s3cret")
    listed = ann("GET", "shared/authz/tokens")
    assert [token["userName"] for token in listed["items"]] == ["ann"]
    assert listed["kind"] == "shared:authz:tokens:authtokencollectionstate"
    ann("DELETE", f"shared/authz/tokens/{bob.headers['x-f5-auth-token']}", None, 400)
    assert len(admin("GET", "shared/authz/tokens")["items"]) == 2
    ann("DELETE", "shared/authz/tokens")
    ann("GET", "tm/ltm/pool", None, 401)
    bob("GET", "tm/ltm/pool")


def test_the_101st_token_of_a_user_is_refused_and_the_administrator_has_no_limit(
    box: Box, admin: Client, nobody: Client, clock: ManualClock
) -> None:
    user(admin, "ann", "guest")
    for _ in range(100):
        logged_in(box, "ann", "s3cret")
    body = {"username": "ann", "password": "s3cret"}
    refused = nobody("POST", LOGIN, body, 400)
    assert refused["message"] == "user ann has reached maximum active login tokens"
    assert "s3cret" not in refused["originalRequestBody"]
    for _ in range(101):
        logged_in(box, "admin", "admin")
    clock.advance(1200 + 61)
    nobody("POST", LOGIN, body)


def test_a_reboot_loses_tokens_and_basic_keeps_working(box: Box, admin: Client) -> None:
    client = logged_in(box, "admin", "admin")
    box.reboot()
    assert client("GET", "tm/ltm/pool", None, 401)["message"] == "X-F5-Auth-Token does not exist."
    admin("GET", "tm/ltm/pool")


def test_an_account_shows_its_roles_and_never_its_password(admin: Client) -> None:
    user(admin, "ann", "manager")
    shown = admin("GET", "tm/auth/user/ann")
    assert shown["kind"] == "tm:auth:user:userstate"
    assert shown["fullPath"] == "ann"
    assert shown["selfLink"] == "https://localhost/mgmt/tm/auth/user/ann?ver=16.1.3"
    assert shown["encryptedPassword"].startswith("$6$")
    [access] = shown["partitionAccess"]
    assert (access["name"], access["role"]) == ("all-partitions", "manager")
    assert [one["name"] for one in admin("GET", "tm/auth/user")["items"]] == ["admin", "ann"]


def test_an_account_is_changed_and_deleted(box: Box, admin: Client) -> None:
    user(admin, "ann", "guest")
    ann = logged_in(box, "ann", "s3cret")
    admin("PATCH", "tm/auth/user/ann", {"password": "n3w", "description": "Ann", "shell": "tmsh"})
    assert admin("GET", "tm/auth/user/ann")["shell"] == "tmsh"
    Client(box, basic("ann", "n3w"))("GET", "tm/ltm/pool")
    assert Client(box, basic("ann", "s3cret")).send("GET", "tm/ltm/pool").status == 401
    assert admin("DELETE", "tm/auth/user/ann") is None
    ann("GET", "tm/ltm/pool", None, 401)
    assert admin("GET", "tm/auth/user/ann", None, 404)["message"].startswith("01020036:3:")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "admin"}, 409),
        ({}, 400),
        ({"name": "no spaces"}, 400),
        ({"name": "ann", "colour": "red"}, 400),
        ({"name": "ann", "shell": "fish"}, 400),
        ({"name": "ann", "partitionAccess": [{"name": "all-partitions", "role": "king"}]}, 400),
        ({"name": "ann", "partitionAccess": [{"name": "nowhere", "role": "guest"}]}, 400),
        ({"name": "ann", "partitionAccess": []}, 400),
        (
            {
                "name": "ann",
                "partitionAccess": [{"name": "all-partitions", "role": "guest"}, {"name": "Common", "role": "guest"}],
            },
            400,
        ),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_not_made(admin: Client, body: dict[str, object], status: int) -> None:
    assert admin("POST", "tm/auth/user", body, status)["code"] == status
    assert len(admin("GET", "tm/auth/user")["items"]) == 1


def test_the_primary_administrator_stays(admin: Client) -> None:
    admin("DELETE", "tm/auth/user/admin", None, 400)


def test_a_guest_reads_and_does_not_write(box: Box, admin: Client) -> None:
    user(admin, "ann", "guest")
    ann = logged_in(box, "ann", "s3cret")
    ann("GET", "tm/ltm/pool")
    refused = ann("POST", "tm/ltm/pool", {"name": "p"}, 401)
    assert refused["message"].startswith("Authorization failed: user=https://localhost/mgmt/shared/authz/users/ann ")
    ann("POST", "tm/auth/partition", {"name": "P"}, 401)
    ann("POST", "tm/sys/config", {"command": "save"}, 401)
    ann("POST", "tm/auth/user", {"name": "bob"}, 401)


def test_a_manager_of_one_partition_writes_there_only(box: Box, admin: Client) -> None:
    admin("POST", "tm/auth/partition", {"name": "P"})
    admin("POST", "tm/auth/partition", {"name": "Q"})
    user(admin, "ann", "manager", "P")
    ann = logged_in(box, "ann", "s3cret")
    ann("POST", "tm/ltm/pool", {"name": "p", "partition": "P"})
    ann("POST", "tm/ltm/pool", {"name": "p", "partition": "Q"}, 401)
    ann("POST", "tm/ltm/pool", {"name": "p"}, 401)
    ann("GET", "tm/ltm/monitor/http/~Common~http")
    ann("POST", "tm/auth/partition", {"name": "R"}, 401)
    ann("DELETE", "tm/ltm/pool/~P~p")


def test_an_operator_may_disable_members_and_no_more(box: Box, admin: Client) -> None:
    admin("POST", "tm/ltm/pool", {"name": "p", "members": [{"name": "192.0.2.5:80"}]})
    user(admin, "ann", "operator")
    ann = logged_in(box, "ann", "s3cret")
    ann("PATCH", "tm/ltm/pool/~Common~p/members/~Common~192.0.2.5:80", {"session": "user-disabled"})
    ann("PATCH", "tm/ltm/pool/~Common~p", {"description": "mine"}, 401)
    ann("DELETE", "tm/ltm/pool/~Common~p/members/~Common~192.0.2.5:80", None, 401)


def test_a_user_may_change_the_own_password(box: Box, admin: Client) -> None:
    user(admin, "ann", "guest")
    ann = logged_in(box, "ann", "s3cret")
    ann("PATCH", "tm/auth/user/ann", {"password": "n3w"})
    ann("PATCH", "tm/auth/user/ann", {"partitionAccess": [{"name": "all-partitions", "role": "admin"}]}, 401)
    logged_in(box, "ann", "n3w")


def test_a_user_without_access_cannot_log_in(admin: Client, nobody: Client) -> None:
    user(admin, "ann", "no-access")
    nobody("POST", LOGIN, {"username": "ann", "password": "s3cret"}, 401)


def test_a_deleted_partition_is_no_ones_any_more(admin: Client) -> None:
    admin("POST", "tm/auth/partition", {"name": "P"})
    user(admin, "ann", "manager", "P")
    admin("DELETE", "tm/auth/partition/P")
    assert admin("GET", "tm/auth/user/ann")["partitionAccess"] == []


def test_accounts_are_saved_with_the_configuration(box: Box, admin: Client) -> None:
    user(admin, "ann", "guest")
    box.reboot()
    admin("GET", "tm/auth/user/ann", None, 404)
    user(admin, "ann", "guest")
    admin("POST", "tm/sys/config", {"command": "save"})
    box.reboot()
    logged_in(box, "ann", "s3cret")
    box.reset()
    admin("GET", "tm/auth/user/ann", None, 404)
