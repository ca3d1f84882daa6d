"""Client-SSL and server-SSL profiles. The device tells all that a profile inherits; only what we set is read."""

from __future__ import annotations

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import DESCRIPTION, Body, Change, Codec, Field, Scene
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.tls import ClientSsl, ServerSsl

_PAIR = "certificate"
_SEVERAL = "several"
"""What the certificate of a profile is called that has more than one; none of ours has."""

_PARTS = (("certificate", "cert"), ("key", "key"), ("chain", "chain"))


def _pair(raw: Wire) -> Wire:
    pairs = values.listed(raw.get("certKeyChain"))
    return pairs[0] if len(pairs) == 1 else dict.fromkeys(("cert", "key", "chain"), _SEVERAL) if pairs else raw


def _write_pair(profile: ClientSsl, _: Change) -> Body:
    told = {key: getattr(profile, name) or "none" for name, key in _PARTS}
    return {"certKeyChain": [{"name": _PAIR, **told}]}


def _part(name: str, key: str) -> Field:
    return Field(
        name,
        ("certKeyChain", *(key for _, key in _PARTS)),
        lambda raw, _: values.text(_pair(raw).get(key)),
        _write_pair,
    )


def _text(name: str, key: str) -> Field:
    """A row for a text that is "none" when it is empty."""

    def write(profile: object, change: Change) -> Body:
        found = getattr(profile, name)
        return {key: found or "none"} if found or change.before is not None else {}

    return Field(name, (key,), lambda raw, _: values.text(raw.get(key)), write)


def _parent(default: str) -> Field:
    return Field(
        "parent",
        ("defaultsFrom",),
        lambda raw, _: values.text(raw.get("defaultsFrom")) or default,
        lambda profile, _: {"defaultsFrom": profile.parent},
    )


def _read_default(raw: Wire, _: Scene) -> bool:
    return str(raw.get("sniDefault")).lower() == "true"


def _write_ca(profile: ServerSsl, change: Change) -> Body:
    if not profile.ca and change.before is None:
        return {}
    return {"caFile": profile.ca or "none", "peerCertMode": "require" if profile.ca else "ignore"}


def _read_ca(raw: Wire, _: Scene) -> str:
    return values.text(raw.get("caFile")) if raw.get("peerCertMode") == "require" else ""


CLIENT_SSL = Codec(
    kind=ClientSsl.KIND,
    type=ClientSsl,
    fields=(
        DESCRIPTION,
        _parent("/Common/clientssl"),
        *(_part(name, key) for name, key in _PARTS),
        _text("server_name", "serverName"),
        Field("sni_default", ("sniDefault",), _read_default, lambda p, _: {"sniDefault": str(p.sni_default).lower()}),
    ),
)

SERVER_SSL = Codec(
    kind=ServerSsl.KIND,
    type=ServerSsl,
    fields=(
        DESCRIPTION,
        _parent("/Common/serverssl"),
        Field("ca", ("caFile", "peerCertMode"), _read_ca, _write_ca),
        _text("server_name", "serverName"),
    ),
)
