"""plan, apply and run against a simulated BIG-IP over HTTPS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_samples import resource
from click.testing import Result

from bigipsim.faults import Fault
from bigipsim.server import SimServer
from patience import PATIENCE_S

Turnbuckle = Callable[..., Result]
VIRTUAL = ("ltm/virtual", "/k8s/default_web")


def test_apply_does_the_plan_and_a_second_plan_is_empty(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    assert turnbuckle("plan", "-f", str(manifests), *login).exit_code == 2
    assert device.box.tree.get(*VIRTUAL) is None
    result = turnbuckle("apply", "-f", str(manifests), *login)
    assert result.exit_code == 0, result.output
    assert "3 done." in result.stdout
    assert device.box.tree.get(*VIRTUAL) is not None
    again = turnbuckle("plan", "-f", str(manifests), *login)
    assert again.exit_code == 0, again.output
    assert "Nothing to do" in turnbuckle("apply", "-f", str(manifests), *login).stdout


def test_apply_deletes_what_left_the_folder_and_nothing_of_others(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    device.box.tree.create("ltm/pool", {"name": "legacy", "partition": "k8s"})
    turnbuckle("apply", "-f", str(manifests), *login)
    (manifests / "web.yaml").unlink()
    plan = turnbuckle("plan", "-f", str(manifests), *login, "--bigip-partition=k8s")
    assert "- delete  ltm virtual /k8s/default_web" in plan.stdout
    assert "foreign  ltm pool /k8s/legacy" in plan.stdout
    assert turnbuckle("apply", "-f", str(manifests), *login, "--bigip-partition=k8s").exit_code == 0
    assert device.box.tree.get(*VIRTUAL) is None
    assert device.box.tree.get("ltm/pool", "/k8s/legacy") is not None


def test_members_only_leaves_what_was_published_before(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    turnbuckle("apply", "-f", str(manifests), *login)
    result = turnbuckle("apply", "-f", str(manifests), *login, "--bigip-partition=k8s", "--members-only")
    assert "Nothing to do" in result.stdout, result.output
    assert device.box.tree.get(*VIRTUAL) is not None


def test_a_file_that_cannot_be_read_deletes_nothing(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    turnbuckle("apply", "-f", str(manifests), *login)
    (manifests / "web.yaml").write_text("a: b: c\n")
    result = turnbuckle("apply", "-f", str(manifests), *login, "--bigip-partition=k8s")
    assert result.exit_code == 1
    assert "nothing is deleted, because not every file could be read" in result.stderr
    assert device.box.tree.get(*VIRTUAL) is not None


def test_apply_with_a_fingerprint_does_that_plan_and_no_other(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    shown = json.loads(turnbuckle("plan", "-f", str(manifests), *login, "-o", "json").stdout)["fingerprint"]
    (manifests / "more.yaml").write_text(resource("more", "192.0.2.81"))
    refused = turnbuckle("apply", "-f", str(manifests), *login, "--fingerprint", shown)
    assert refused.exit_code == 1
    assert "something has changed" in refused.stderr
    assert device.box.tree.get(*VIRTUAL) is None
    (manifests / "more.yaml").unlink()
    assert turnbuckle("apply", "-f", str(manifests), *login, f"--fingerprint={shown}").exit_code == 0


def test_what_the_device_refuses_is_told_in_its_words_and_the_rest_is_done(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    ssl = {"f5ProfileName": "Common/absent"}
    (manifests / "ssl.yaml").write_text(resource("ssl", "192.0.2.81", sslProfile=ssl))
    result = turnbuckle("apply", "-f", str(manifests), *login)
    assert result.exit_code == 1
    assert "TB3001" in result.stdout
    assert "/Common/absent" in result.stdout
    assert f"{manifests}/ssl.yaml" in result.stdout
    assert "1 refused" in result.stdout
    assert device.box.tree.get(*VIRTUAL) is not None


def test_a_cut_reply_to_the_commit_is_followed_by_a_look_and_no_second_write(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    device.box.faults.add(Fault("cut", method="PATCH", path="/transaction/", times=1))
    result = turnbuckle("apply", "-f", str(manifests), *login, "--save=never")
    assert result.exit_code == 0, result.output
    assert device.box.tree.get(*VIRTUAL) is not None
    assert sum(entry.sort == "commit" for entry in device.journal.since(0)) == 1


def test_a_device_that_goes_on_failing_is_told_with_what_was_done(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    turnbuckle("apply", "-f", str(manifests), *login)
    (manifests / "more.yaml").write_text(resource("more", "192.0.2.81"))
    device.box.faults.add(Fault("reset-before", method="PATCH|GET", path="/transaction/|/ltm/", times=None))
    result = turnbuckle("apply", "-f", str(manifests), *login)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.startswith("turnbuckle: ")


def test_a_certificate_that_does_not_verify_is_told_with_fingerprint_and_flag(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    result = turnbuckle("plan", "-f", str(manifests), *login[:-1])
    assert result.exit_code == 1
    assert device.fingerprint in result.stderr
    assert "--insecure" in result.stderr
    assert "Traceback" not in result.output


def test_a_wrong_password_is_one_sentence(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    for command in ("plan", "apply"):
        result = turnbuckle(command, "-f", str(manifests), *login, "--bigip-password=wr0ng-one")
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert "admin" in result.stderr
        assert "wr0ng-one" not in result.output


def test_a_missing_partition_is_told_and_made_only_by_apply(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "web.yaml").write_text(resource("web", partition="fresh"))
    missing = turnbuckle("plan", "-f", str(manifests), *login)
    assert missing.exit_code == 1
    assert "--create-partition" in missing.stderr
    assert turnbuckle("plan", "-f", str(manifests), *login, "--create-partition").exit_code == 2
    assert device.box.tree.get("auth/partition", "fresh") is None
    assert turnbuckle("apply", "-f", str(manifests), *login, "--create-partition").exit_code == 0
    assert device.box.tree.get("auth/partition", "fresh") is not None


def test_nobody_at_that_address_is_one_sentence(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle(
        "plan", "-f", str(manifests), "--bigip-url=127.0.0.1:1", "--bigip-username=a", "--bigip-password=b"
    )
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "Traceback" not in result.output


def test_a_program_that_asks_for_a_plan_is_told_in_json_that_nobody_answers(
    turnbuckle: Turnbuckle, manifests: Path
) -> None:
    words = ["--bigip-url=127.0.0.1:1", "--bigip-username=a", "--bigip-password=b", "-o", "json"]
    result = turnbuckle("plan", "-f", str(manifests), *words)
    (issue,) = json.loads(result.stdout)["issues"]
    assert result.exit_code == 1
    assert (issue["object"], issue["code"]) == ("Device/https://127.0.0.1:1", "TB3009")


def test_a_named_device_needs_a_login(turnbuckle: Turnbuckle, manifests: Path) -> None:
    result = turnbuckle("plan", "-f", str(manifests), BIGIP_URL="192.0.2.1")
    assert result.exit_code == 1
    assert "BIGIP_PASSWORD" in result.stderr


# ---- run


def test_run_without_anything_says_all_that_it_lacks(turnbuckle: Turnbuckle) -> None:
    result = turnbuckle("run")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 4
    assert "Traceback" not in result.output


def test_run_with_a_log_file_that_cannot_be_written_says_so(
    turnbuckle: Turnbuckle, manifests: Path, login: list[str]
) -> None:
    result = turnbuckle(
        "run", "-f", str(manifests), *login, "--bigip-partition=k8s", "--log-file", str(manifests / "no" / "log")
    )
    assert result.exit_code == 1
    assert "--log-file cannot be written" in result.stderr


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    """The program in a process of its own; ended, if need be, when the block is left."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BIGIP_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "turnbuckle", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for a condition; gives up at the deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


def test_run_once_exits_0_in_sync_and_1_when_an_object_is_wrong(
    manifests: Path, device: SimServer, login: list[str]
) -> None:
    words = ["run", "-f", str(manifests), *login, "--bigip-partition=k8s", "--once"]
    with running(*words) as process:
        assert process.wait(30) == 0
    assert device.box.tree.get(*VIRTUAL) is not None
    (manifests / "bad.yaml").write_text(resource("bad", "192.0.2.81", mod="http"))
    with running(*words) as process:
        _, log = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
    assert "TB1005" in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_follows_the_folder_and_stops_with_0(
    manifests: Path, device: SimServer, login: list[str], number: signal.Signals
) -> None:
    quiet = "--http-listen-address=off"
    with running("run", "-f", str(manifests), *login, "--bigip-partition=k8s", "--hubmode", quiet) as process:
        until(lambda: device.box.tree.get(*VIRTUAL) is not None, "publishing")
        (manifests / "more.yaml").write_text(resource("more", "192.0.2.81"))
        until(lambda: device.box.tree.get("ltm/virtual", "/k8s/default_more") is not None, "following")
        process.send_signal(number)
        _, log = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert log.count("--hubmode has no meaning here") == 1
    assert "Traceback" not in log
    assert all(line[4] == "-" and line[19] == "Z" for line in log.splitlines())


def test_run_takes_a_new_password_and_a_new_setting_from_its_file(
    manifests: Path, device: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "turnbuckle.yaml"
    settings = (
        f"bigip-url: {device.url}\nbigip-username: admin\nbigip-password: {{}}\ninsecure: true\n"
        f"bigip-partition: {{}}\nfolder: {manifests}\nlog-file: {tmp_path}/log\nlog-level: {{}}\n"
    )
    file.write_text(settings.format("not-that-one", "k8s", "INFO"))
    log = tmp_path / "log"
    with running("run", "--config", str(file), "--http-listen-address=off") as process:
        until(lambda: log.exists() and "TB3009" in log.read_text(), "the refusal")
        file.write_text(settings.format("admin", "other", "DEBUG"))
        until(lambda: device.box.tree.get(*VIRTUAL) is not None, "publishing with the new password")
        file.write_text("bigip-partition: Common\n")
        until(lambda: "The configuration stays as it was" in log.read_text(), "the mistake")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    text = log.read_text()
    assert "needs a restart: bigip-partition" in text
    assert "changed: bigip-password, log-level" in text
    assert "not-that-one" not in text


LEASED = """
kind: Service
apiVersion: v1
metadata: {name: leased, annotations: {cis.f5.com/ipamLabel: Dev}}
spec: {type: LoadBalancer, ports: [{port: 80, nodePort: 30080}]}
"""


def test_plan_and_apply_grant_addresses_of_a_pool_and_find_them_again(
    turnbuckle: Turnbuckle, manifests: Path, device: SimServer, login: list[str]
) -> None:
    (manifests / "leased.yaml").write_text(LEASED)
    flags = [*login, "--bigip-partition=k8s", '--ip-range={"Dev": "192.0.2.80-192.0.2.90"}']
    plan = turnbuckle("plan", "-f", str(manifests), *flags)
    # The first address is the ConfigMap's, which asks for it literally.
    assert "/k8s/Shared/vs_lb_svc_default_leased_192_0_2_81_80" in plan.stdout
    applied = turnbuckle("apply", "-f", str(manifests), *flags)
    assert applied.exit_code == 0, applied.output
    assert turnbuckle("plan", "-f", str(manifests), *flags).exit_code == 0
    without = turnbuckle("plan", "-f", str(manifests), *login, "--bigip-partition=k8s")
    assert without.exit_code == 0, without.output


def test_a_pool_that_nobody_has_is_told_by_plan(turnbuckle: Turnbuckle, manifests: Path) -> None:
    (manifests / "leased.yaml").write_text(LEASED)
    plan = turnbuckle("plan", "-f", str(manifests), "--bigip-partition=k8s", '--ip-range={"Def": "192.0.2.80"}')
    assert plan.exit_code == 1
    assert 'Did you mean "Def"?' in plan.stdout
