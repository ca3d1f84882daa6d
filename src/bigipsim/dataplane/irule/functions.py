"""Decides which of F5's commands the simulator has: one table of functions by name, made of those of each field."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from typing import Final

from bigipsim.dataplane.irule import balance, connection, cookies, dns, http, lookup, text
from bigipsim.dataplane.irule.session import Failed, Functions, Result, Session, bad_option, wrong_arguments

logger = logging.getLogger(__name__)

LEVELS: Final = {
    "emerg": logging.CRITICAL, "alert": logging.CRITICAL, "crit": logging.CRITICAL, "err": logging.ERROR,
    "error": logging.ERROR, "warning": logging.WARNING, "warn": logging.WARNING, "notice": logging.INFO,
    "info": logging.INFO, "debug": logging.DEBUG,
}  # fmt: skip


def _log(session: Session, words: Sequence[str]) -> Result:
    rest = list(words)
    named = True
    if rest[0] == "-noname":
        named = False
        rest.pop(0)
    where = rest.pop(0) if len(rest) > 1 else "local0."
    if len(rest) != 1:
        raise Failed(f"invalid '{where}'; expected:-noname")
    level = LEVELS.get(where.partition(".")[2] or "notice")
    if level is None:
        raise bad_option(where.partition(".")[2], tuple(LEVELS), "level")
    prefix = f"Rule {session.rule} <{session.event}>: " if named else ""
    logger.log(level, "%s%s", prefix, rest[0])
    return ""


def _event(session: Session, words: Sequence[str]) -> Result:
    """`event disable` stops this event for later rules, `event disable all` every event of the connection."""
    if words and words[-1] in ("enable", "disable"):
        names = [session.event]
        verb = words[-1]
        if len(words) == 2:
            names = [words[0]]
    elif len(words) == 2 and words[0] in ("enable", "disable"):
        verb, names = words[0], ["" if words[1] == "all" else words[1]]
    else:
        raise wrong_arguments("event ?name? enable|disable ?all?")
    for name in names:
        session.muted.discard(name) if verb == "enable" else session.muted.add(name)
    return ""


def _one(session: Session, words: Sequence[str]) -> Result:
    return 1


def _zero(session: Session, words: Sequence[str]) -> Result:
    return 0


def _whoami(session: Session, words: Sequence[str]) -> Result:
    return platform.node()


def _off(session: Session, words: Sequence[str]) -> Result:
    """Switches off what is not there anyway."""
    return ""


WITHOUT_EFFECT: Final = (
    "ASM::disable", "AVR::disable", "BOTDEFENSE::disable", "CACHE::disable", "COMPRESS::disable", "DOSL7::disable",
    "HTML::disable", "REWRITE::disable", "STREAM::disable", "WAM::disable",
)  # fmt: skip

FUNCTIONS: Final[Functions] = {
    **dict.fromkeys(WITHOUT_EFFECT, _off),
    "log": _log,
    "event": _event,
    "whoami": _whoami,
    "TMM::cmp_count": _one,
    "TMM::cmp_unit": _zero,
    **text.FUNCTIONS,
    **http.FUNCTIONS,
    **cookies.FUNCTIONS,
    **connection.FUNCTIONS,
    **balance.FUNCTIONS,
    **lookup.FUNCTIONS,
    **dns.FUNCTIONS,
}

NATIVE: Final = frozenset({"call", "clientside", "serverside", "priority", "timing", "proc"})
"""Commands that are made of Tcl, in `interpreter`, or are gone when a rule runs."""


def missing(name: str) -> str:
    """What a rule is told that uses a command which the device has and the simulator has not."""
    return f"bigipsim does not implement {name}"
