"""The command line as a whole: help, unknown words, the original's syntax, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from turnbuckle.cli.commands import commands as main
from turnbuckle.config.settings import SETTINGS

COMMANDS = ("demo", "run", "plan", "apply", "restore", "freeze", "check", "config")


def turnbuckle(*words: str, **environ: str) -> Result:
    return CliRunner().invoke(main, list(words), env=environ)


def shown(*words: str, **environ: str) -> dict[str, Any]:
    """The settings that `turnbuckle config` shows, by name."""
    result = turnbuckle("config", "-o", "json", *words, **environ)
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)["settings"]}


def test_help_fits_one_screen_and_names_every_command() -> None:
    result = turnbuckle("--help")
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for name in COMMANDS:
        assert any(line.split()[:1] == [name] and len(line.split()) > 3 for line in lines), name


def test_help_imports_neither_settings_nor_anything_that_talks() -> None:
    program = (
        "import sys\nfrom turnbuckle.cli.commands import commands\n"
        "try:\n    commands(['--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'aiohttp', 'yaml', 'msgspec', 'kubernetes_asyncio', 'cryptography', 'asyncio'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_command_the_help_is_shown() -> None:
    result = turnbuckle()
    assert result.exit_code == 1
    assert result.output.startswith("Usage: turnbuckle ")
    assert "turnbuckle: " not in result.output


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])
def test_the_help_of_a_command_names_every_setting_and_an_example(command: str) -> None:
    result = turnbuckle(command, "--help")
    assert result.exit_code == 0
    assert f"turnbuckle {command} " in result.output
    for setting in SETTINGS:
        assert f"--{setting.name}" in result.output
    assert "--gtm-bigip-username" not in result.output


def test_a_mistyped_command_is_refused_with_the_nearest() -> None:
    result = turnbuckle("chek")
    assert result.exit_code == 1
    assert 'Did you mean "check"?' in result.stderr


def test_every_wrong_word_is_told_at_once() -> None:
    result = turnbuckle("run", "--bigip-ur", "x", "--inscure", "stray", "--pool-member-type")
    assert result.exit_code == 1
    assert "Did you mean --bigip-url?" in result.stderr
    assert "Did you mean --insecure?" in result.stderr
    assert "--pool-member-type stands at the end without its value" in result.stderr


def test_a_word_after_an_unknown_flag_is_not_repeated_for_it_may_be_a_password() -> None:
    result = turnbuckle("run", "--bigip-passwort", "s3cret", "--bigip-passwrd=s3cret")
    assert result.exit_code == 1
    assert "s3cret" not in result.output
    assert result.stderr.count("Did you mean --bigip-password?") == 2


def test_one_dash_instead_of_two_is_refused_with_the_right_flag() -> None:
    assert "Did you mean --bigip-url?" in turnbuckle("run", "-bigip-url=x").stderr


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--insecure"], True),
        (["--insecure=true"], True),
        (["--insecure=false"], False),
        (["--insecure", "--adopt"], True),
        (["--insecure", "--insecure=false"], False),
    ],
)
def test_a_switch_is_written_as_the_original_takes_it(words: list[str], value: bool) -> None:
    assert shown(*words)["insecure"]["value"] is value


def test_a_switch_never_takes_the_next_word() -> None:
    result = turnbuckle("config", "--insecure", "false")
    assert result.exit_code == 1
    assert "Write --insecure=false" in result.stderr


def test_a_flag_with_a_value_takes_the_next_word_even_with_a_dash() -> None:
    assert shown("--bigip-username", "--insecure")["bigip-username"]["value"] == "--insecure"


def test_a_flag_may_be_repeated_and_written_both_ways() -> None:
    found = shown("--namespace=a", "--namespace", "b", "-f", "x", "--save", "never")
    assert found["namespace"]["value"] == ["a", "b"]
    assert found["folder"]["value"] == "x"
    assert found["save"]["value"] == "never"


@pytest.mark.parametrize("words", [["-fx"], ["-f=x"], ["-f", "x"], ["--folder=x"]])
def test_the_short_flag_is_written_in_each_usual_way(words: list[str]) -> None:
    assert shown(*words)["folder"]["value"] == "x"


def test_a_flag_of_the_original_that_may_stand_alone_does_not_take_the_next_word() -> None:
    found = shown("--resolve-ingress-names", "--insecure")
    assert found["resolve-ingress-names"]["value"] == "LOOKUP"
    assert found["insecure"]["value"] is True


@pytest.mark.parametrize("words", [["--version"], ["run", "--version"]])
def test_the_version_is_printed_by_the_program_and_by_run(words: list[str]) -> None:
    result = turnbuckle(*words)
    assert result.exit_code == 0
    assert result.output.startswith("turnbuckle ")


@pytest.mark.parametrize("output", ["xml", ""])
def test_an_unknown_output_is_a_mistake_with_exit_1(output: str) -> None:
    result = turnbuckle("plan", "-o", output)
    assert result.exit_code == 1
    assert "text" in result.stderr


# ---- turnbuckle config


def test_config_shows_each_setting_its_value_and_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("bigip-partition: [k8s, dev]\n")
    result = turnbuckle("config", "--config", str(file), "--insecure", BIGIP_URL="192.0.2.1")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert result.exit_code == 0
    assert (
        lines["bigip-partition"].endswith(f"k8s, dev                   file {file}:1")
        or f"file {file}:1" in lines["bigip-partition"]
    )
    assert lines["bigip-url"].endswith("environment BIGIP_URL")
    assert lines["insecure"].endswith("flag")
    assert lines["save"].endswith("default")


@pytest.mark.parametrize("output", ["text", "json", "yaml"])
def test_config_never_shows_a_secret(output: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret-of-the-file")
    for words in (["--bigip-password=s3cret-of-the-file"], ["--credentials-directory", str(tmp_path)]):
        result = turnbuckle("config", "-o", output, *words)
        assert "s3cret" not in result.output
        assert "***" in result.output


def test_config_as_yaml_can_be_given_back(tmp_path: Path) -> None:
    words = ["--bigip-url=bigip", "--namespace=a", "--namespace=no", "--insecure", "--vs-snat-pool-name=/Common/s"]
    result = turnbuckle("config", "-o", "yaml", *words)
    file = tmp_path / "again.yaml"
    file.write_text(result.stdout)
    found, expected = shown("--config", str(file)), shown(*words)
    for name in (setting.name for setting in SETTINGS if setting.name != "config"):
        assert found[name]["value"] == expected[name]["value"], name


def test_config_exits_1_on_a_mistake_and_still_shows_the_rest() -> None:
    result = turnbuckle("config", "--bigip-partition=Common", "--save=never")
    assert result.exit_code == 1
    assert "--bigip-partition is Common" in result.stderr
    assert "save" in result.stdout


def test_config_tells_mistakes_to_programs_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("\nbigip-ulr: x\n")
    result = turnbuckle("config", "-o", "json", "--config", str(file))
    (mistake,) = json.loads(result.stdout)["mistakes"]
    assert (mistake["setting"], mistake["file"], mistake["line"]) == ("bigip-ulr", str(file), 2)
    assert "bigip-url" in mistake["hint"]


def test_a_reader_who_goes_away_leaves_no_traceback() -> None:
    command = f"{sys.executable} -m turnbuckle config | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert "Traceback" not in done.stderr


def test_a_flag_that_is_far_from_every_known_one_is_not_compared_with_it() -> None:
    result = turnbuckle("check", "--foo", "--fil", "x")
    assert result.exit_code == 1
    assert "Did you mean" not in result.stderr


def test_a_folder_without_its_flag_is_told_which_flag_that_is() -> None:
    assert "Manifests are named with -f" in turnbuckle("check", "manifests").stderr


def test_a_wrong_word_is_refused_in_words_of_our_own() -> None:
    assert turnbuckle("plan", "-o", "xml").stderr == 'turnbuckle: --output is "xml". Write one of text, json, tmsh.\n'
    refused = turnbuckle("demo", "--port", "70000").stderr
    assert refused.startswith('turnbuckle: --port is "70000", which is no port. Write a port from 1 to 65535')
