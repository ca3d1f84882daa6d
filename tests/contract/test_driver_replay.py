"""Each exchange of contract/, played to the driver: it sends just this, and makes of the answer what is right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import exchanges as contract
import msgspec
import pytest

from turnbuckle.drivers.base import Credentials, TransactionLost, Unauthorized, Unreachable
from turnbuckle.drivers.icontrol import answers, saving, session, transaction
from turnbuckle.drivers.icontrol.answers import Sense
from turnbuckle.drivers.icontrol.connection import Connection
from turnbuckle.drivers.icontrol.reading import Reader
from turnbuckle.drivers.icontrol.transport import Reply, Request
from turnbuckle.drivers.icontrol.writing import Writer
from turnbuckle.model.ltm import LtmObject, Member, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Batch, Operation, Outcome, Result, Verb

MARK = Mark("c", "c", "ConfigMap/default/web")
ONE, TWO, THREE = (Member(f"10.0.0.{n}", 80, "k8s") for n in (1, 2, 3))
PLAYED = [one.name for one in contract.scenarios()]


class Script:
    """A transport that knows one scenario: every request must be the next one."""

    def __init__(self, scenario: contract.Scenario) -> None:
        self.left = list(scenario.exchanges)
        self.known = dict(contract.TYPICAL)

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if path == session.LOGIN and self.left[0].path != session.LOGIN:
            token = {"token": self.known["token"], "timeout": 1200}
            return Reply(200, {}, msgspec.json.encode({"token": token}))
        wanted = self.left.pop(0)
        assert (method, path) == (wanted.method, contract.filled(wanted.path, self.known))
        for name, value in wanted.headers.items():
            assert headers[name] == str(contract.filled(value, self.known))
        sent = msgspec.json.decode(body) if body else None
        assert sent == contract.filled(wanted.body, self.known)
        return Reply(wanted.answer["status"], {}, contract.answer_bytes(_concrete(wanted.answer), self.known))

    async def close(self) -> None:
        assert not self.left


def _concrete(answer: dict[str, Any]) -> dict[str, Any]:
    def concrete(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: concrete(inner) for key, inner in value.items() if inner != "*" or key == "message"}
        return value

    return concrete(answer)


async def _no_pause(_: float) -> None:
    return None


def connection(script: Script, password: str = "admin") -> Connection:
    return Connection(script, lambda: Credentials("admin", password), clock=lambda: 0.0, sleep=_no_pause)


def pool(*members: Member) -> Pool:
    return Pool("/k8s/web", MARK, frozenset(members))


def virtual(pool_path: str, profile: str = "/Common/tcp") -> VirtualServer:
    profiles = frozenset({ProfileUse(profile)})
    return VirtualServer("/k8s/web", MARK, "203.0.113.7", 80, "tcp", pool_path, profiles)


def create(*objects: LtmObject) -> Batch:
    return Batch("configuration", "k8s", tuple(Operation(Verb.CREATE, o.path, None, o) for o in objects))


def members(before: Pool, after: Pool) -> Batch:
    operation = Operation(Verb.UPDATE, after.path, before, after, frozenset({"members"}))
    return Batch("members", "k8s", (operation,))


async def applied(script: Script, batch: Batch) -> tuple[Outcome, ...]:
    return await Writer(connection(script), batch, {}).run()


async def one_is(script: Script, batch: Batch, result: Result, words: str = "") -> None:
    (outcome,) = await applied(script, batch)
    assert (outcome.result, outcome.answer) == (result, words)


async def login_again(script: Script) -> None:
    """The driver asks once more with a new token, so the scenario is followed by a good answer."""
    script.left.append(_good(script.left[0]))
    assert (await connection(script).call("GET", "/mgmt/tm/ltm/pool")).ok


async def busy(script: Script) -> None:
    script.left.append(_good(script.left[0]))
    assert (await connection(script).patiently("GET", "/mgmt/tm/ltm/pool")).ok


def _good(exchange: contract.Exchange) -> contract.Exchange:
    return contract.Exchange("GET", exchange.path, None, {}, "token", {"status": 200, "body": {}})


async def login(script: Script) -> None:
    authority = await connection(script)._run(session.login(Credentials("admin", "admin"), 0.0))
    assert authority.token == contract.TYPICAL["token"]


async def logout(script: Script) -> None:
    token = contract.TYPICAL["token"]
    (request,) = session.logout(session.Authority({}, token, 0.0))
    await script.send(request.method, request.path, request.headers, request.body)


async def wrong_password(script: Script) -> None:
    with pytest.raises(Unauthorized, match=r"refuses user admin: Authentication failed\."):
        await connection(script, "wrong").call("GET", "/mgmt/tm/ltm/pool")


async def wrong_basic(script: Script) -> None:
    wanted = script.left.pop(0)
    reply = Reply(401, {}, contract.answer_bytes(wanted.answer, {}))
    assert session.wrong_password(reply) and not session.wants_new_login(reply)
    assert session.basic(Credentials("admin", "x"), 0.0).on(Request("GET", wanted.path)).headers["Authorization"]


async def list_partitions(script: Script) -> None:
    domains = await Reader(connection(script), (), "c")._domains()
    assert domains == {"Common": 0}


async def unknown_partition(script: Script) -> None:
    answer = await connection(script).call("GET", script.left[0].path)
    assert answers.FOLDER_MISSING.search(answer.words)["partition"] == "nowhere"  # type: ignore[index]


async def refused_commit(script: Script) -> None:
    """The culprit is left, and what remains goes by itself."""
    body = script.left[1].body
    script.left.append(contract.Exchange("POST", "/mgmt/tm/ltm/pool", body, {}, "token", {"status": 200}))
    good, bad = await applied(script, create(pool(), virtual("/k8s/web", "/Common/missing")))
    assert good.result is Result.DONE
    assert bad.result is Result.REJECTED
    assert bad.answer == "01020036:3: The requested profile (/Common/missing) was not found."


async def lost_transaction(script: Script) -> None:
    with pytest.raises(TransactionLost):
        await transaction._commit(connection(script), 1526674837169915)


async def transaction_done(script: Script) -> None:
    outcomes = await applied(script, create(pool(), virtual("/k8s/web")))
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.DONE]


async def save_directly(script: Script) -> None:
    answer = await connection(script).patiently("POST", saving.DIRECT, saving.SAVE)
    assert answer.ok


PLAYS: dict[str, Callable[[Script], Awaitable[None]]] = {
    "login": login,
    "logout": logout,
    "wrong-password": wrong_password,
    "wrong-basic": wrong_basic,
    "no-credentials": login_again,
    "forgotten-token": login_again,
    "expired-token": login_again,
    "list-partitions": list_partitions,
    "unknown-partition": unknown_partition,
    "create-pool": lambda s: one_is(s, create(pool(ONE)), Result.DONE),
    "create-again": lambda s: one_is(
        s,
        create(pool(ONE)),
        Result.UNREACHED,
        "01020066:3: The requested Pool (/k8s/web) already exists in partition k8s.",
    ),
    "dangling-reference": lambda s: one_is(
        s,
        create(virtual("/k8s/missing")),
        Result.REJECTED,
        "01020036:3: The requested Pool (/k8s/missing) was not found.",
    ),
    "delete-missing": lambda s: one_is(
        s, Batch("configuration", "k8s", (Operation(Verb.DELETE, pool().path, pool(), None),)), Result.DONE
    ),
    "one-member-more": lambda s: one_is(s, members(pool(ONE, TWO), pool(ONE, TWO, THREE)), Result.DONE),
    "one-member-less": lambda s: one_is(s, members(pool(ONE, TWO), pool(ONE)), Result.DONE),
    "member-gone": lambda s: one_is(s, members(pool(ONE, TWO), pool(ONE)), Result.DONE),
    "several-members": lambda s: one_is(
        s,
        members(pool(Member("10.0.0.1", 80, "k8s", admin_state="disabled"), TWO), pool(ONE, THREE)),
        Result.DONE,
    ),
    "transaction": transaction_done,
    "refused-commit": refused_commit,
    "lost-transaction": lost_transaction,
    "busy": busy,
    "restarting": busy,
    "not-registered": busy,
    "save": lambda s: saving.save(connection(s)),
    "save-directly": save_directly,
}


@pytest.mark.parametrize("name", PLAYED)
async def test_the_driver_sends_what_is_written_and_reads_the_answer(name: str) -> None:
    script = Script(contract.scenario(name))
    await PLAYS[name](script)
    assert not script.left


async def test_a_device_that_stays_busy_is_unreachable_and_nothing_is_said_to_be_done() -> None:
    class Busy:
        async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
            if path == session.LOGIN:
                return Reply(200, {}, b'{"token": {"token": "t", "timeout": 1200}}')
            return Reply(503, {}, contract.answer_bytes(contract.scenario("busy").exchanges[0].answer, {}))

        async def close(self) -> None:
            return None

    line = Connection(Busy(), lambda: Credentials("admin", "admin"), clock=lambda: 0.0, sleep=_no_pause)
    with pytest.raises(Unreachable, match="asynchronous task"):
        await Writer(line, create(pool()), {}).run()


def test_the_words_for_people_stand_in_every_refusal() -> None:
    for name in ("busy", "restarting", "not-registered"):
        exchange = contract.scenario(name).exchanges[0]
        answer = answers.read(Reply(exchange.answer["status"], {}, contract.answer_bytes(exchange.answer, {})))
        assert answer.sense is Sense.BUSY
        assert "<" not in answer.words and answer.words


def test_no_more_exchanges_are_assumed_than_there_were() -> None:
    """Nobody has shown us these from a device; the number may only fall. The test run's summary names them."""
    assert len(contract.assumed()) <= 12
