"""Health monitors: a collection for each type, all alike but for the strings that they send."""

from __future__ import annotations

from typing import get_args

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import DESCRIPTION, Body, Change, Codec, Field, plain
from turnbuckle.model.ltm import Monitor, MonitorType

_SILENT = frozenset({"gateway-icmp"})
_PARENT_SENDS = {"http": r"GET /\r\n", "https": r"GET /\r\n", "tcp": "", "udp": "default send string"}
"""What a new monitor sends when it is not told: it inherits from the parent.

Source: BIG-IP 14.1, /Common/http, /Common/https, /Common/tcp, /Common/udp.
"""


def _string(name: str) -> Field:
    def write(monitor: Monitor, change: Change) -> Body:
        wanted = getattr(monitor, name)
        inherited = _PARENT_SENDS[monitor.type] if name == "send" else ""
        return {} if change.before is None and wanted == inherited else {name: wanted}

    return Field(name, (name,), lambda raw, _: values.monitor_text(raw.get(name)), write)


def _write_ssl_profile(monitor: Monitor, change: Change) -> Body:
    if not monitor.ssl_profile and change.before is None:
        return {}
    return {"sslProfile": monitor.ssl_profile or "none"}


_SSL_PROFILE = Field(
    "ssl_profile", ("sslProfile",), lambda raw, _: values.text(raw.get("sslProfile")), _write_ssl_profile
)


def _codec(monitor_type: str) -> Codec:
    parent = f"/Common/{monitor_type.replace('-', '_')}"
    strings = () if monitor_type in _SILENT else (_string("send"), _string("recv"))
    return Codec(
        kind=f"ltm/monitor/{monitor_type}",
        type=Monitor,
        fields=(
            DESCRIPTION,
            plain("interval_s", "interval", 5),
            plain("timeout_s", "timeout", 16),
            *strings,
            *((_SSL_PROFILE,) if monitor_type == "https" else ()),
        ),
        constants={"type": monitor_type},
        extra=lambda _: {"defaultsFrom": parent},
    )


MONITORS = tuple(_codec(monitor_type) for monitor_type in get_args(MonitorType))
