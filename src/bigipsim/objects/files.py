"""Certificates and keys as objects that others refer to, and what a device has only from the factory."""

from __future__ import annotations

from bigipsim.objects import shapes
from bigipsim.objects.model import Field, ObjectType, fields


def _file(kind: str, word: str) -> ObjectType:
    return ObjectType(
        collection=f"sys/file/{kind}",
        word=word,
        open=True,
        writable=False,
        creatable=False,
        fields=fields(Field("sourcePath", shapes.any_text)),
    )


def _given(collection: str, word: str) -> ObjectType:
    return ObjectType(
        collection=collection, word=word, open=True, writable=False, creatable=False, fields=fields(shapes.DESCRIPTION)
    )


TYPES = (
    _file("ssl-cert", "Certificate File"),
    _file("ssl-key", "Key File"),
    _file("data-group", "data group file"),
    _given("cm/traffic-group", "traffic group"),
    _given("cm/device-group", "device group"),
    _given("cm/device", "device"),
    _given("net/bwc/policy", "bandwidth controller policy"),
)
