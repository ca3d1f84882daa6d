"""Decides what the command `bigipsim` offers, what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, Final

import click

EXAMPLES: Final = """
\b
Examples:
  bigipsim serve
      A device on https://127.0.0.1:8443, user admin, password admin.
  bigipsim serve --listen 127.0.0.1:0 --partition k8s \\
      --map 198.51.100.0/24=127.1.0.0/24 --state lab.json
      On a free port, with a partition, pool members of 198.51.100.0/24
      looked for in 127.1.0.0/24, and `save sys config` kept in lab.json.
  bigipsim serve --device-group dg1
  bigipsim serve --listen 127.0.0.1:9443 --device-group dg1 \\
      --hostname bigip2.example.net --peer https://127.0.0.1:8443
      A pair: the first is active, the second its standby.
"""


class Plain(click.Group):
    """A group whose every mistake is a sentence on standard error and exit code 1."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command and ends the process."""
        extra["standalone_mode"] = False
        try:
            super().main(*args, **extra)
        except click.exceptions.Exit as end:
            sys.exit(end.exit_code)
        except click.Abort:
            sys.exit(130)
        except click.exceptions.NoArgsIsHelpError as asked:
            click.echo(asked.format_message(), err=True)
            sys.exit(1)
        except click.ClickException as mistake:
            click.echo(f"bigipsim: {mistake.format_message()}", err=True)
            sys.exit(1)
        sys.exit(0)


class Level(click.Choice[str]):
    """A word of --log-level."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word; raises UsageError when it is none of them."""
        if value not in self.choices:
            raise click.UsageError(f'--log-level is "{value}"; write one of {", ".join(self.choices)}')
        return str(value)


@click.group(name="bigipsim", cls=Plain, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="turnbuckle", message="bigipsim %(version)s")
def main() -> None:
    """Simulates an F5 BIG-IP: its REST interface, and traffic through its virtual servers."""


@main.command(epilog=EXAMPLES)
@click.option(
    "--listen",
    default="127.0.0.1:8443",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the REST interface listens; port 0 picks a free one.",
)
@click.option("--user", default="admin", show_default=True, help="Name of the administrator.")
@click.option("--password", default="admin", show_default=True, help="Password of the administrator.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Loads the saved configuration from this file at the start, and writes it when a client saves.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="CIDR=CIDR",
    help="Addresses of the first network really lie in the second one. May be repeated.",
)
@click.option(
    "--dataplane/--no-dataplane",
    default=True,
    show_default=True,
    help="Whether virtual servers pass traffic and monitors probe.",
)
@click.option("--version-of-tmos", default="16.1.3", show_default=True, metavar="V", help="The TMOS version to be.")
@click.option(
    "--partition",
    "partitions",
    multiple=True,
    metavar="P",
    help="Creates this partition at the start. May be repeated.",
)
@click.option(
    "--hostname",
    default="bigip1.example.net",
    show_default=True,
    metavar="NAME",
    help="What the device is called; units of a group need different names.",
)
@click.option(
    "--device-group",
    metavar="NAME",
    help="Makes the device a unit of this sync-failover group.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="URL",
    help="Where another unit of the group is; one that is known leads to the rest. May be repeated.",
)
@click.option("--auto-sync", is_flag=True, help="Gives each change to the group at once. For all units, or none.")
@click.option("--standby", is_flag=True, help="Becomes active only when no other unit of the group can.")
@click.option(
    "--log-level",
    type=Level(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="How much is logged to standard error.",
)
def serve(
    listen: str,
    user: str,
    password: str,
    state: Path | None,
    maps: tuple[str, ...],
    dataplane: bool,
    version_of_tmos: str,
    partitions: tuple[str, ...],
    hostname: str,
    device_group: str | None,
    peers: tuple[str, ...],
    auto_sync: bool,
    standby: bool,
    log_level: str,
) -> None:
    """Runs one simulated device until it is interrupted.

    Virtual servers whose address this machine does not have listen on a loopback address instead; the log,
    and /_sim/listeners, say on which.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    from bigipsim.box import Box
    from bigipsim.clock import SystemClock
    from bigipsim.dataplane.addresses import MapMistake, Mapping
    from bigipsim.server import SimServer

    host, port = parse_listen(listen)
    for name, value in (("user", user), ("password", password)):
        if not value.strip():
            raise click.ClickException(f"--{name} is empty; nobody could log in: give one, or leave the flag out")
    try:
        mappings = [Mapping.parse(text) for text in maps]
    except MapMistake as error:
        raise click.ClickException(str(error)) from error
    if not re.fullmatch(r"\d+\.\d+(\.\d+)*", version_of_tmos):
        raise click.ClickException(f'--version-of-tmos "{version_of_tmos}" is not a version; write it like 16.1.3')
    membership = read_membership(device_group, peers, auto_sync, standby)
    box = Box(SystemClock(), version_of_tmos, user, password, read_hostname(hostname), membership)
    if state is not None:
        load_state(box, state)
    for partition in partitions:
        create_partition(box, partition)
    asyncio.run(run(SimServer(box, host, port, dataplane=dataplane, mappings=mappings), user))


def parse_listen(text: str) -> tuple[str, int]:
    """Reads HOST:PORT, with an IPv6 host in brackets.

    Raises:
        click.ClickException: it is not of that form.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise click.ClickException(f'--listen "{text}" is not HOST:PORT; write it like 127.0.0.1:8443 or [::1]:8443')
    return host.strip("[]") or "0.0.0.0", int(port)


def read_hostname(text: str) -> str:
    """A host name, as the device is called by it.

    Raises:
        click.ClickException: it is none.
    """
    if not re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.(?!-)[A-Za-z0-9-]+)*", text):
        raise click.ClickException(f'--hostname "{text}" is not a host name; write it like bigip2.example.net')
    return text


def read_membership(name: str | None, peers: tuple[str, ...], auto_sync: bool, standby: bool) -> Any:
    """What the flags say of a device group, or None without one.

    Raises:
        click.ClickException: a flag needs a group and there is none, or the group cannot be.
    """
    from bigipsim.group.membership import GroupMistake, Membership

    if name is None:
        for flag, given in (("--peer", peers), ("--auto-sync", auto_sync), ("--standby", standby)):
            if given:
                raise click.ClickException(f"{flag} is of use in a device group only; add --device-group NAME")
        return None
    try:
        return Membership(name, peers, auto_sync, standby)
    except GroupMistake as error:
        raise click.ClickException(str(error)) from error


def create_partition(box: Any, name: str) -> None:
    """Makes a partition unless the saved configuration had it.

    Raises:
        click.ClickException: the device refuses the name.
    """
    from bigipsim.exchange import Refused

    if box.tree.get("auth/partition", name) is not None:
        return
    try:
        box.tree.create("auth/partition", {"name": name})
    except Refused as refused:
        raise click.ClickException(f'--partition "{name}" is refused by the device: {refused}') from refused


def load_state(box: Any, path: Path) -> None:
    """Starts the device from a saved configuration, when the file exists, and keeps the file up to date.

    Raises:
        click.ClickException: the file is there but cannot be read, or its folder is not there.
    """
    if not path.parent.is_dir():
        raise click.ClickException(f"--state {path}: there is no folder {path.parent}; create it first")
    if path.exists():
        try:
            box.load(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise click.ClickException(
                f"--state {path} cannot be read as a saved configuration ({error}); name another file or remove it"
            ) from error
        box.save()
    box.on_save(lambda saved: write_state(path, saved))


def write_state(path: Path, saved: Any) -> None:
    """Replaces the file in one step, so that an interrupted write leaves the former one; it is for this user only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(saved), encoding="utf-8")
    draft.replace(path)


async def run(server: Any, user: str) -> None:
    """Serves until SIGINT or SIGTERM, then closes everything."""
    from bigipsim.server import PortTaken

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await server.start()
    except PortTaken as error:
        raise click.ClickException(error.strerror or str(error)) from error
    try:
        click.echo(f"BIG-IP      {server.url}  (TMOS {server.box.version})")
        click.echo(f"user        {user}")
        click.echo(f"fingerprint {server.fingerprint}  (SHA-256 of its certificate)")
        if server.box.group is not None:
            click.echo(f"group       {server.box.group.membership.name}, as {server.box.hostname}")
        click.echo(f"control     {server.control_url}")
        await ended.wait()
    finally:
        await server.stop()
