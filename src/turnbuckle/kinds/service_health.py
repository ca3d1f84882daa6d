"""The annotation cis.f5.com/health of a Service: one health monitor, or a list of them, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnbuckle.kit import annotations as annotated
from turnbuckle.kit import json_text, monitors
from turnbuckle.kit.partition import path_in
from turnbuckle.kit.shape import FLAW, Field, Reader, as_json, integer, one_of, record, text
from turnbuckle.model import issue as issues_of

_EXAMPLE = '{"interval": 10, "timeout": 31}'
TYPES = ("http", "https", "tcp", "udp", "gateway-icmp")


@dataclass(frozen=True, slots=True)
class Probe:
    """A monitor that is asked for; an empty type is that of the port's protocol, and send None what the type has."""

    type: str
    interval_s: int
    timeout_s: int
    send: str | None
    recv: str

    def type_for(self, protocol: str) -> str:
        """Its type for a port of that protocol ("TCP"); where there is none of that name, whether the host answers."""
        own = protocol.lower()
        return self.type or (own if own in TYPES else "gateway-icmp")

    def send_for(self, protocol: str) -> str:
        """What it sends to a member of such a port, as the device keeps it."""
        default = monitors.DEFAULT_SEND.get(self.type_for(protocol), "")
        return default if self.send is None else monitors.device_text(self.send)


@dataclass(frozen=True, slots=True)
class Existing:
    """A monitor that the BIG-IP has already. path: its full path; field: where it is named."""

    path: str
    field: str


def _anything(reader: Reader, path: str, value: Any) -> Any:
    return value


_ENTRY = record(
    (
        Field("type", one_of(lambda _: TYPES)),
        Field("interval", integer(1, 86400)),
        Field("timeout", integer(1, 86400)),
        Field("send", text()),
        Field("recv", text()),
        Field("name", text()),
        Field("reference", one_of(lambda _: ("bigip",))),
        Field("targetPort", _anything),
        Field("sslProfile", _anything),
        Field("timeUntilUp", _anything),
    )
)
_WITHOUT_EFFECT = {
    "targetPort": "a monitor probes the port of each member",
    "sslProfile": "monitors of type https use the BIG-IP's own profile",
    "timeUntilUp": "a member is up with the first answer",
    "name": "the monitor's name follows from the Service",
}
_OF_NO_EXISTING = ("type", "interval", "timeout", "send", "recv", "targetPort", "sslProfile", "timeUntilUp")


def read(reader: Reader, path: str, given: str) -> Any:
    """A tuple of Probe and Existing, or FLAW after what is wrong was reported."""
    try:
        said, twice = json_text.parse(given, path)
    except json_text.NotJson as error:
        where = error.reason, error.line, error.column
        return reader.flaw(issues_of.not_json(reader.about, path, *where, found=given, wanted=f"JSON like {_EXAMPLE}"))
    except UnicodeEncodeError:
        return reader.flaw(issues_of.not_utf8(reader.about, path, "it holds one half of a character"))
    for field in twice:
        reader.flaw(issues_of.duplicate_key(reader.about, field))
    if isinstance(said, dict):
        entries = [(path, said)]
    elif isinstance(said, list):
        entries = [(f"{path}[{number}]", entry) for number, entry in enumerate(said)]
    else:
        wanted = f"an object or a list of them, for example {_EXAMPLE}"
        return reader.flaw(issues_of.wrong_type(reader.about, path, as_json(said), wanted))
    before = len(reader.issues)
    found = [probe for at, entry in entries if (probe := _probe(reader, at, entry)) is not None]
    return FLAW if any(issue.severity == "ERROR" for issue in reader.issues[before:]) else tuple(found)


def _probe(reader: Reader, path: str, entry: Any) -> Probe | Existing | None:
    said = _ENTRY(reader, path, entry)
    if said is FLAW:
        return None
    if said.get("reference") == "bigip":
        return _existing(reader, path, said)
    for name, why in _WITHOUT_EFFECT.items():
        if said.get(name):
            reader.issues.append(issues_of.ignored_field(reader.about, f"{path}.{name}", why, "Take it out."))
    interval_s = said.get("interval", monitors.DEFAULT_INTERVAL_S)
    timeout_s = said.get("timeout", monitors.timeout_s_for(interval_s))
    if timeout_s <= interval_s:
        reader.issues.append(issues_of.timeout_too_short(reader.about, f"{path}.timeout", timeout_s, interval_s))
    recv = monitors.device_text(said.get("recv", ""))
    return Probe(said.get("type", ""), interval_s, timeout_s, said.get("send"), recv)


def _existing(reader: Reader, path: str, said: Mapping[str, Any]) -> Existing | None:
    name = said.get("name", "")
    if not name:
        meaning = "which monitor of the BIG-IP"
        reader.flaw(issues_of.missing_field(reader.about, f"{path}.name", meaning, '"name": "/Common/tcp"'))
        return None
    if annotated.object_name(reader, f"{path}.name", name) is FLAW:
        return None
    for other in _OF_NO_EXISTING:
        if other in said:
            why = f"{name} has settings of its own on the BIG-IP"
            reader.issues.append(issues_of.ignored_field(reader.about, f"{path}.{other}", why, "Take it out."))
    return Existing(path_in(name, "Common"), f"{path}.name")
