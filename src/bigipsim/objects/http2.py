"""The http2 profile: which values the device takes.

Source: the AS3 schema's HTTP2_Profile, whose ranges are the device's; the sentence on two modes is assumed.
"""

from __future__ import annotations

from typing import Final

from bigipsim.objects import shapes
from bigipsim.objects.model import JSON, Field, Site
from bigipsim.rest import errors

COLLECTION: Final = "ltm/profile/http2"
MODES: Final = ("alpn", "always")


def _modes(name: str, value: JSON, site: Site) -> JSON:
    """What makes a connection an HTTP/2 one: the TLS handshake, or nothing else than the profile."""
    listed = value if isinstance(value, list) else [value]
    if not listed or any(one not in MODES for one in listed):
        raise errors.invalid_value(name, value)
    if len(set(listed)) > 1:
        raise errors.configuration(
            f"http2 profile ({site.full_path}) activation modes alpn and always exclude each other"
        )
    return listed[:1]


FIELDS: Final = (
    Field("activationModes", _modes),
    Field("concurrentStreamsPerConnection", shapes.integer(1, 256)),
    Field("connectionIdleTimeout", shapes.integer(1, 2**32 - 1)),
    Field("frameSize", shapes.integer(1024, 16384)),
    Field("headerTableSize", shapes.integer(0, 65535)),
    Field("receiveWindow", shapes.integer(16, 128)),
    Field("writeSize", shapes.integer(2048, 32768)),
)
