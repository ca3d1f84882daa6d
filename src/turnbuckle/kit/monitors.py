"""Health monitors from what users write: defaults, and text in the form in which the device keeps it."""

from __future__ import annotations

DEFAULT_INTERVAL_S = 5

ONE_IS_ENOUGH = 1
"""How many monitors of a Service or an Ingress have to say that a member is up, as AS3 has it where nothing is said.

Source: AS3, Pool, minimumMonitors.
"""

DEFAULT_SEND = {"http": r"GET /\r\n", "https": r"GET /\r\n", "tcp": "", "udp": "default send string"}
"""What the device's own parent monitors send, so that leaving it out reads back equal.

Source: BIG-IP 14.1, /Common/http, /Common/tcp, /Common/udp.
"""


def timeout_s_for(interval_s: int) -> int:
    """Seconds after which a silent member is marked down: three probes and a second, BIG-IP's usual rule."""
    return 3 * interval_s + 1


def device_text(text: str) -> str:
    r"""A send or receive string as the device keeps it: line ends are the two characters \r and \n.

    Real line ends would be stored in another form than they were sent, and differ for ever.
    """
    return text.replace("\r", r"\r").replace("\n", r"\n").replace("\t", r"\t")
