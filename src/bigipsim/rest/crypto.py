"""`sys crypto`: the other way to certificates and keys, which installs local files as objects of `sys file`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from bigipsim import pem
from bigipsim.exchange import Request, Response
from bigipsim.objects.model import Item
from bigipsim.objects.ssl_profile import CERT, KEY
from bigipsim.rest import errors, listing
from bigipsim.rest.accounts import Caller
from bigipsim.rest.commands import body_of
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

FILES: Final = {"cert": CERT, "key": KEY}
NAMED: Final = (
    ("commonName", NameOID.COMMON_NAME),
    ("organization", NameOID.ORGANIZATION_NAME),
    ("ou", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("city", NameOID.LOCALITY_NAME),
    ("state", NameOID.STATE_OR_PROVINCE_NAME),
    ("country", NameOID.COUNTRY_NAME),
)


def _install(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    body, kind = body_of(request), FILES[match["sort"]]
    name = str(body.get("name") or "")
    path = body.get("from-local-file", body.get("fromLocalFile"))
    if body.get("command") != "install" or not isinstance(path, str):
        raise errors.not_implemented(f"this command of sys crypto {match['sort']}; install from-local-file is the one")
    full_path = name if name.startswith("/") else f"/Common/{name}"
    if not caller.may_write(full_path[1:].partition("/")[0], kind, request.method):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    given = {"sourcePath": f"file:{path}", **{key: body[key] for key in ("passphrase",) if key in body}}
    if box.tree.get(kind, full_path) is None:
        box.tree.create(kind, {"name": name, **given})
    else:
        box.tree.modify(kind, full_path, given)
    reply = {key: value for key, value in body.items() if key != "passphrase"}
    return Response.json(200, {"kind": f"tm:sys:crypto:{match['sort']}:installstate", **reply})


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    uri = f"sys/crypto/{match['sort']}"
    return listing.listing(box, request, uri, [listing.item(box, uri, one) for one in _facts(box, caller, match)])


def _one(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    uri = f"sys/crypto/{match['sort']}"
    fact = listing.one_of(uri, match["name"], _facts(box, caller, match))
    return listing.single(box, request, listing.item(box, uri, fact))


def _facts(box: Box, caller: Caller, match: re.Match[str]) -> list[dict[str, Any]]:
    found = [item for item in box.tree.items(FILES[match["sort"]]) if caller.may_read(item.partition)]
    if match["sort"] == "key":
        return [_key(item) for item in found]
    return [_certificate(item, box.tree.files.content(str(item.values.get("checksum")))) for item in found]


def _key(item: Item) -> dict[str, Any]:
    values = item.values
    told = {name: str(values[name]) for name in ("keySize", "keyType", "securityType") if name in values}
    return {"name": item.full_path, "fullPath": item.full_path, **told}


def _certificate(item: Item, content: bytes | None) -> dict[str, Any]:
    values = item.values
    raw = {
        "certificateKeySize": str(values.get("certificateKeySize", "")),
        "expiration": str(values.get("expirationString", "")),
        "issuer": str(values.get("issuer", "")),
        "publicKeyType": str(values.get("keyType", "")).removesuffix("-public").upper(),
    }
    parts = _parts(pem.certificates(content)[0]) if content is not None else {}
    told = {"fingerprint": values["fingerprint"]} if "fingerprint" in values else {}
    return {"name": item.full_path, "fullPath": item.full_path, "apiRawValues": raw, **parts, **told}


def _parts(certificate: x509.Certificate) -> dict[str, str]:
    found = ((name, certificate.subject.get_attributes_for_oid(oid)) for name, oid in NAMED)
    return {name: str(listed[0].value) for name, listed in found if listed}


_SORT: Final = r"tm/sys/crypto/(?P<sort>cert|key)"

ROUTES: Final = (
    Route("GET", _SORT, _list),
    Route("GET", rf"{_SORT}/(?P<name>[^/]+)", _one),
    Route("POST", _SORT, _install),
)
