"""Certificates, keys and tables as files that others refer to, and what a device has only from the factory.

A file is made from an upload (`sourcePath`). The object holds what the device tells of the content; the content itself
lies in the file store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bigipsim import filestore, pem
from bigipsim.objects import data_group, shapes, ssl_profile
from bigipsim.objects.model import JSON, Field, ObjectType, Site, fields
from bigipsim.objects.ssl_profile import CERT, KEY
from bigipsim.objects.stamps import utc_text
from bigipsim.rest import errors

_SOURCE: Final = re.compile(r"file:(?://)?(?P<path>/.*)")
_REMOTE: Final = ("http:", "https:", "ftp:", "scp:")

PUBLIC_MODE: Final = 0o100644
PRIVATE_MODE: Final = 0o100640
MAKER: Final = "admin"
"""Who is said to have made a file (assumed: a write does not carry who asked)."""

FILE_FACTS: Final = (
    "checksum", "createTime", "createdBy", "lastUpdateTime", "mode", "revision", "size", "systemPath", "updatedBy",
)  # fmt: skip
CERT_FACTS: Final = (
    "certificateKeyCurveName", "certificateKeySize", "email", "expirationDate", "expirationString", "fingerprint",
    "isBundle", "issuer", "keyType", "serialNumber", "subject", "subjectAlternativeName", "version",
)  # fmt: skip
KEY_FACTS: Final = ("curveName", "keySize", "keyType", "securityType")


def _fetched(site: Site, values: Mapping[str, JSON], given: frozenset[str]) -> bytes | None:
    """The content that a request names; None when it names none and there is one already."""
    if "sourcePath" not in given:
        if site.before is None:
            raise errors.source_needed()
        return None
    source = str(values["sourcePath"])
    if source.startswith(_REMOTE):
        scheme = source.partition(":")[0]
        raise errors.not_implemented(f'a file from "{scheme}:"; upload it and name it by "file:"')
    found = _SOURCE.fullmatch(source)
    folder, _, name = found["path"].rpartition("/") if found is not None else ("", "", "")
    content = site.tree.files.uploaded(name) if folder == filestore.FOLDER else None
    if content is None:
        raise errors.source_unreadable()
    return content


def _store(site: Site, values: dict[str, JSON], content: bytes, private: bool = False) -> None:
    """Keeps a content and says so in the values."""
    now = utc_text(site.tree.clock)
    before: Mapping[str, Any] = site.before.values if site.before is not None else {}
    values.update(
        checksum=site.tree.files.keep(content, private),
        createTime=before.get("createTime", now),
        createdBy=before.get("createdBy", MAKER),
        lastUpdateTime=now,
        mode=PRIVATE_MODE if private else PUBLIC_MODE,
        revision=before.get("revision", 0) + 1,
        size=len(content),
        updatedBy=MAKER,
    )


def _settle_certificate(site: Site, values: dict[str, JSON], children: object, given: frozenset[str]) -> None:
    content = _fetched(site, values, given)
    if content is None:
        return
    try:
        facts = pem.certificate_facts(content)
    except pem.NotPem:
        raise errors.not_loaded("certificate") from None
    _store(site, values, content)
    _renew(values, CERT_FACTS, facts)


def _settle_key(site: Site, values: dict[str, JSON], children: object, given: frozenset[str]) -> None:
    content = _fetched(site, values, given)
    if content is not None:
        _store(site, values, content, private=True)
    elif "passphrase" in given:
        content = site.tree.files.content(str(values.get("checksum")))
    if content is None:
        return
    passphrase = site.tree.files.unseal(str(values.get("passphrase")))
    try:
        facts = pem.key_facts(content, passphrase)
    except pem.NotPem:
        raise errors.not_loaded("Private Key") from None
    _renew(values, KEY_FACTS, facts)


def _settle_table(site: Site, values: dict[str, JSON], children: object, given: frozenset[str]) -> None:
    content = _fetched(site, values, given)
    if "type" not in values:
        raise errors.identifier_needed()
    if content is not None:
        data_group.in_file(content, values["type"], values["separator"])
        _store(site, values, content)


def _renew(values: dict[str, JSON], names: Iterable[str], facts: Mapping[str, JSON]) -> None:
    for name in names:
        values.pop(name, None)
    values.update(facts)


def _told(*names: str) -> tuple[Field, ...]:
    """Properties that only the device sets."""
    return tuple(Field(name, shapes.opaque, access="server") for name in names)


SOURCE: Final = Field("sourcePath", shapes.any_text)

CERTIFICATE = ObjectType(
    collection=CERT,
    word="Certificate File",
    fields=fields(SOURCE, *_told(*FILE_FACTS, *CERT_FACTS)),
    settle=_settle_certificate,
    together=ssl_profile.check_users,
)

PRIVATE_KEY = ObjectType(
    collection=KEY,
    word="Key File",
    fields=fields(SOURCE, ssl_profile.PASSPHRASE, *_told(*FILE_FACTS, *KEY_FACTS)),
    settle=_settle_key,
    together=ssl_profile.check_users,
)

TABLE = ObjectType(
    collection=data_group.FILE,
    word="data group file",
    fields=fields(
        SOURCE,
        Field("type", shapes.one_of("string", "ip", "integer"), access="create-or-same"),
        Field("separator", shapes.any_text, ":="),
        *_told(*FILE_FACTS),
    ),
    settle=_settle_table,
)


def _given(collection: str, word: str) -> ObjectType:
    return ObjectType(
        collection=collection, word=word, open=True, writable=False, creatable=False, fields=fields(shapes.DESCRIPTION)
    )


TYPES = (
    CERTIFICATE,
    PRIVATE_KEY,
    TABLE,
    _given("cm/traffic-group", "traffic group"),
    _given("cm/device-group", "device group"),
    _given("cm/device", "device"),
    _given("net/bwc/policy", "bandwidth controller policy"),
)
