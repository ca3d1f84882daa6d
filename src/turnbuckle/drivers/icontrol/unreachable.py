"""Why no answer came, in sentences for people: what happened, and what to look at."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp

_TOOK_NO_CONNECTION = "Check the address and the port, and that no firewall lies in between."
_TURNED_AWAY = "Check the port (its management interface usually has 443) and that the device has finished starting."

_BY_NUMBER = {
    errno.ECONNREFUSED: ("cannot be reached: it refuses the connection", _TURNED_AWAY),
    errno.EHOSTUNREACH: ("cannot be reached: there is no route to it", _TOOK_NO_CONNECTION),
    errno.ENETUNREACH: ("cannot be reached: there is no route to its network", _TOOK_NO_CONNECTION),
    errno.ETIMEDOUT: ("cannot be reached: nothing there takes the connection", _TOOK_NO_CONNECTION),
    errno.ECONNRESET: ("broke the connection off", "Look whether it is restarting, and what lies in between."),
    errno.EPIPE: ("broke the connection off", "Look whether it is restarting, and what lies in between."),
}


def sentence(url: str, error: Exception, connect_s: float, reply_s: float) -> str:
    """What is said of a request that got no answer. connect_s, reply_s: how long each was waited for."""
    what, hint = _what(error, connect_s, reply_s)
    return f"The BIG-IP at {url} {what}. {hint}"


def _what(error: Exception, connect_s: float, reply_s: float) -> tuple[str, str]:
    cause = getattr(error, "os_error", error)
    number = getattr(cause, "errno", None)
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"does not take a connection within {connect_s:g} s", _TOOK_NO_CONNECTION
        case TimeoutError() if number is None:
            return (
                f"does not answer within {reply_s:g} s",
                "Look whether it is overloaded or restarting (tmsh show sys service restjavad).",
            )
        case aiohttp.ClientPayloadError():
            return "broke off in the middle of an answer", "Look whether it is restarting."
        case aiohttp.ServerDisconnectedError():
            return "closed the connection without an answer", "Look whether it is restarting."
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return (
                "does not speak TLS as a BIG-IP does",
                "Check that the port is that of its management interface, usually 443.",
            )
    if isinstance(cause, socket.gaierror) or isinstance(error, aiohttp.ClientConnectorDNSError):
        return "cannot be reached: nobody knows that name", "Check how it is written, and the name server."
    return _BY_NUMBER.get(number or 0, ("cannot be reached", _TOOK_NO_CONNECTION))
