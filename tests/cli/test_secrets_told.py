"""No secret is told anywhere: not in the log, the figures, the pages, the Events, nor in a traceback."""

from __future__ import annotations

import base64
import io
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigipsim.faults import Fault
from runtime.whole import Whole, whole
from scenarios.loop import endpoints, f5_resource, service
from turnbuckle.cli import logs
from turnbuckle.model import issue as issues_of
from turnbuckle.model.ref import Ref

PASSWORD = "correct-horse-battery"
TOKEN = "kubernetes-bearer-7f3a9c"
KEY = "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBg"
SECRETS = (PASSWORD, TOKEN, KEY, base64.b64encode(f"admin:{PASSWORD}".encode()).decode())


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The whole log at its noisiest, as the program writes it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logs.OneLine(lambda: (PASSWORD,)))
    root = logging.getLogger()
    before, ours = root.level, logging.getLogger("turnbuckle").level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("turnbuckle").setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)
    logging.getLogger("turnbuckle").setLevel(ours)


async def everything_told(world: Whole) -> str:
    pages = [await world.page(path) for path in ("/metrics", "/health", "/ready")]
    events = [str(event) for event in world.objects("Event")]
    return "\n".join([*(text for _, text in pages), *events])


def assert_no_secret(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


async def test_a_refused_password_is_told_nowhere(tmp_path: Path, log: io.StringIO):
    async with whole(tmp_path, f5_resource(), started=False, password=PASSWORD, token=TOKEN) as world:
        world.start()
        await world.until(lambda: world.shows('turnbuckle_issues{severity="ERROR"} 1.0'), "the refusal")
        told = await everything_told(world)
    assert "refuses user admin" in log.getvalue()
    assert_no_secret(log.getvalue() + told)


async def test_a_device_and_a_cluster_that_fail_in_every_way_tell_no_secret(tmp_path: Path, log: io.StringIO):
    objects = (service(), endpoints(2), f5_resource(), f5_resource("broken", port=80800, address="203.0.113.9"))
    async with whole(tmp_path, *objects, started=False, token=TOKEN) as world:
        world.telling.secrets = lambda: (PASSWORD,)
        world.start()
        await world.ready()
        world.api.fail("patch", "configmaps", status=403)
        world.api.fail("list", "services", status=500)
        world.api.fail("watch", "services", garbage=True, times=1)
        for kind in ("busy", "mcpd-lost", "not-registered", "unauthorized", "reset-before", "cut"):
            world.device.box.faults.add(Fault(kind, times=1, message=f"{PASSWORD} {KEY}" if kind != "cut" else ""))
        world.api.end_watches()
        world.api.put(endpoints(3))
        await world.until(lambda: world.members() == 3, "the third member", 40)
        await world.until(lambda: "OutOfRange" in world.reasons(), "the event")
        world.api.tokens = {"another"}
        world.api.end_watches()
        await world.until(lambda: any("401" in line for line in world.telling.pulse.ready()), "the refusal")
        told = await everything_told(world)
    assert_no_secret(log.getvalue() + told)
    # At its end the controller gives its token back by name.
    paths = [entry.path for entry in world.device.journal.since(0)]
    device_tokens = {path.rsplit("/", 1)[1] for path in paths if "/authz/tokens/" in path}
    assert device_tokens
    assert not any(token in log.getvalue() + told for token in device_tokens)


async def test_a_device_that_repeats_secrets_in_a_refusal_does_not_get_them_told(tmp_path: Path, log: io.StringIO):
    words = f"refused for {PASSWORD} with key {KEY}"
    async with whole(tmp_path, service(), endpoints(2), f5_resource(), started=False, token=TOKEN) as world:
        world.telling.secrets = lambda: (PASSWORD,)
        for kind in ("commit-refused", "write-refused"):
            world.device.box.faults.add(Fault(kind, message=words, touches="/k8s/default_web"))
        world.start()
        await world.until(lambda: "RefusedByDevice" in world.reasons(), "the event")
        told = await everything_told(world)
    assert "refused for ***" in log.getvalue()
    assert "refused for ***" in told
    assert_no_secret(log.getvalue() + told)


async def test_what_looks_like_a_key_in_a_manifest_is_shortened_where_it_is_quoted(tmp_path: Path, log: io.StringIO):
    long = KEY + "x" * 3000
    broken = f5_resource(frontend={"balance": [long]})
    async with whole(tmp_path, service(), endpoints(2), broken) as world:
        await world.until(lambda: bool(world.reasons()), "the event")
        told = await everything_told(world)
    assert "x" * 100 not in log.getvalue() + told


def test_a_password_that_slips_into_a_traceback_is_starred():
    formatter = logs.OneLine(lambda: (PASSWORD,))
    try:
        raise ValueError(f"login with {PASSWORD} failed")
    except ValueError as error:
        record = logging.LogRecord("turnbuckle", logging.ERROR, "", 0, "it failed", (), (type(error), error, None))
        assert PASSWORD in "".join(traceback.format_exception(error))
    assert_no_secret(formatter.format(record))
    assert "***" in formatter.format(record)


def test_an_issue_that_holds_a_password_keeps_it_out_of_the_log_line():
    about = Ref("", "Device", "", "https://192.0.2.1")
    issue = issues_of.device_failing(about, f"It says: no {PASSWORD} here.", "Wait.")
    record = logging.LogRecord("turnbuckle.issues", logging.ERROR, "", 0, "%s", (issue.text,), None)
    assert_no_secret(logs.OneLine(lambda: (PASSWORD,)).format(record))
