"""Decides which rules of a virtual server hear an event, in which order, and what becomes of an error in one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from bigipsim.dataplane.irule import vocabulary
from bigipsim.dataplane.irule.compiler import compile_rule
from bigipsim.dataplane.irule.functions import FUNCTIONS, NATIVE, missing
from bigipsim.dataplane.irule.interpreter import INTERNAL, UNFIT, Interpreter, ScriptFault
from bigipsim.dataplane.irule.messages import DnsMessage
from bigipsim.dataplane.irule.rule import Rule
from bigipsim.dataplane.irule.session import Device, Failed, Result, Session, candidates
from bigipsim.dataplane.traffic import Connection, Event, Handler, Reset, Traffic
from bigipsim.objects.model import Item

logger = logging.getLogger(__name__)

INITIAL: Final = "RULE_INIT"


@dataclass(frozen=True, slots=True)
class Armed:
    """One `when` of one attached rule: the rule's full path and the number of its body in the interpreter."""

    rule: str
    priority: int
    body: int


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A rule in the interpreter: the bodies of its events, and where its procedures are."""

    item: Item
    armed: Mapping[str, tuple[Armed, ...]]
    procedures: Mapping[str, str]


def rule_text(item: Item) -> str:
    """The text of a rule."""
    return str(item.values.get("apiAnonymous") or "")


def notes(item: Item) -> Iterator[str]:
    """Words on what a rule asks for and does not get here."""
    rule = compile_rule(rule_text(item))
    lacking = sorted((rule.commands - vocabulary.TCL.keys() - FUNCTIONS.keys() - NATIVE) | rule.commands & UNFIT)
    if lacking:
        yield (
            f"iRule {item.full_path} uses {', '.join(lacking)}, which bigipsim does not implement: "
            "a connection that comes to it is reset"
        )
    silent = sorted({one.event for one in rule.handlers} - vocabulary.FIRED)
    if silent:
        yield f"iRule {item.full_path} waits for {', '.join(silent)}, which never happens in bigipsim"


class Engine:
    """All rules of one device and the interpreter that they share; made in the thread that serves the traffic.

    Raises:
        ImportError: Python has no tkinter.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._session = Session(device)
        known = vocabulary.COMMANDS.keys() - NATIVE
        self._interpreter = Interpreter(self._perform, sorted(known))
        self._rules: dict[str, _Loaded] = {}
        self._fresh: list[_Loaded] = []
        self._numbers = count(1)

    def session(self) -> Session:
        """What rules see of a new connection."""
        return Session(self._device)

    def attached(self, items: Sequence[Item]) -> Rules:
        """The rules of one virtual server, in the order in which they are attached."""
        loaded = [self._load(item) for item in items]
        self._initiate()
        found: dict[str, list[Armed]] = {}
        for one in loaded:
            for event, armed in one.armed.items():
                found.setdefault(event, []).extend(armed)
        ordered = {event: tuple(sorted(armed, key=lambda one: one.priority)) for event, armed in found.items()}
        return Rules(self, ordered)

    def _load(self, item: Item) -> _Loaded:
        """Puts a rule into the interpreter unless it is there, with the rules whose procedures it calls."""
        path = item.full_path
        known = self._rules.get(path)
        if known is not None and known.item is item:
            return known
        rule = compile_rule(rule_text(item))
        for name in rule.commands - vocabulary.TCL.keys() - NATIVE:
            self._interpreter.provide(name)
        armed: dict[str, list[Armed]] = {}
        for one in rule.handlers:
            body = self._interpreter.body(one.body)
            armed.setdefault(one.event, []).append(Armed(path, one.priority, body))
        loaded = _Loaded(item, {event: tuple(listed) for event, listed in armed.items()}, self._procedures(path, rule))
        self._rules[path] = loaded
        self._fresh.append(loaded)
        for library in rule.libraries:
            for other in self._items(path, library):
                self._load(other)
        return loaded

    def _procedures(self, path: str, rule: Rule) -> dict[str, str]:
        """Defines the procedures of a rule; answers where each is."""
        scope, found = str(next(self._numbers)), {}
        for one in rule.procedures:
            try:
                found[one.name] = self._interpreter.procedure(scope, one.name, one.arguments, one.body)
            except ScriptFault as fault:
                self._told(path, INITIAL, fault)
        return found

    def _items(self, rule: str, name: str) -> Iterator[Item]:
        """The rule that another one names, if it is there."""
        for path in candidates(rule, name):
            item = self._device.tree.get("ltm/rule", path)
            if item is not None:
                yield item
                return

    def _initiate(self) -> None:
        """Fires RULE_INIT of the rules that are new; of those that were met in a running rule, when that is done."""
        while self._fresh:
            loaded = self._fresh.pop(0)
            if INITIAL in loaded.armed:
                session = self.session()
                session.enter(INITIAL, None)
                namespace = self.namespace()
                self._run(session, namespace, loaded.armed[INITIAL])
                self.forget(namespace)

    def namespace(self, before: str = "") -> str:
        """A new place for the variables of a connection, with those of another one if one is named."""
        made = f"::connection::{next(self._numbers)}"
        if before and not self._interpreter.closed:
            self._interpreter.copy(before, made)
        return made

    def give(self, namespace: str, name: str, value: str) -> None:
        """Sets a variable of a connection."""
        if not self._interpreter.closed:
            self._interpreter.assign(namespace, name, value)

    def forget(self, namespace: str) -> None:
        """Drops the variables of a connection that is over."""
        if not self._interpreter.closed:
            self._interpreter.forget(namespace)

    def fire(self, session: Session, namespace: str, armed: Sequence[Armed]) -> None:
        """Runs bodies one after another. One that errs is logged, resets the connection, and is the last."""
        self._run(session, namespace, armed)
        self._initiate()

    def _run(self, session: Session, namespace: str, armed: Sequence[Armed]) -> None:
        self._session = session
        for one in armed if not self._interpreter.closed else ():
            if session.muted & {"", session.event}:
                return
            session.rule = one.rule
            try:
                self._interpreter.run(namespace, one.body)
            except ScriptFault as fault:
                self._told(one.rule, session.event, fault)
                if session.current is not None:
                    session.current.verdict = Reset()
                return

    def _told(self, rule: str, event: str, fault: ScriptFault) -> None:
        logger.error("01220001:3: TCL error: %s <%s> - %s", rule, event, fault.told)

    def _perform(self, name: str, words: Sequence[str]) -> Result:
        """What the interpreter calls for every command of F5."""
        if name in INTERNAL:
            return self._side(words[0]) if name == "f5_side" else self._procedure(words[0])
        function = FUNCTIONS.get(name)
        if function is None:
            raise Failed(missing(name))
        usage = vocabulary.COMMANDS.get(name)
        if usage is not None and (len(words) < usage.least or (usage.most is not None and len(words) > usage.most)):
            raise Failed(f'wrong # args: should be "{name} ..."')
        return function(self._session, words)

    def _side(self, side: str) -> str:
        """Changes whose end of the proxy is meant ("" for no change); answers whose it was."""
        before = self._session.side
        if side in ("client", "server"):
            self._session.side = "client" if side == "client" else "server"
        return before

    def _procedure(self, name: str) -> str:
        """Where a procedure is that a rule calls by its name, with another rule's name before it if it is there."""
        rule, _, plain = name.rpartition("::")
        for item in self._items(self._session.rule, rule or self._session.rule):
            procedures = self._load(item).procedures
            if plain in procedures:
                return procedures[plain]
        raise Failed(f"undefined procedure: {name}")

    def close(self) -> None:
        """Frees the interpreter."""
        self._interpreter.close()


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of one virtual server: a part that has a say in its traffic."""

    engine: Engine
    armed: Mapping[str, tuple[Armed, ...]]

    def handler(self, connection: Connection) -> Handler:
        """What hears the events of one connection."""
        before = connection.before.get(self)
        return Conversation(self, before if isinstance(before, Conversation) else None)


class Conversation:
    """One connection as the rules of its virtual server see it; their variables live as long.

    A stream of a connection begins with the variables that are set by then; what it sets is its own. Source: F5's page
    on the iRules commands HTTP2, for releases from 14.1 on.
    """

    def __init__(self, rules: Rules, before: Conversation | None = None) -> None:
        self._rules = rules
        self._before = before
        self._session = rules.engine.session()
        self._session.muted |= before._session.muted if before is not None else set()
        self._namespace = ""

    def __call__(self, event: Event, traffic: Traffic) -> None:
        """Fires an event."""
        self.fire(event, traffic)
        if event in (Event.CLIENT_CLOSED, Event.STREAM_CLOSED):
            self.over()

    def fire(self, event: Event, traffic: Traffic, dns: DnsMessage | None = None) -> None:
        """Fires an event that may be about a DNS message."""
        armed = self._rules.armed.get(event.value)
        if not armed:
            return
        if not self._namespace:
            self._namespace = self._rules.engine.namespace(self._before._namespace if self._before else "")
        self._session.enter(event.value, traffic, dns)
        while traffic.variables:
            self._rules.engine.give(self._namespace, *traffic.variables.popitem())
        self._rules.engine.fire(self._session, self._namespace, armed)

    def over(self) -> None:
        """Drops the variables."""
        if self._namespace:
            self._rules.engine.forget(self._namespace)
            self._namespace = ""
