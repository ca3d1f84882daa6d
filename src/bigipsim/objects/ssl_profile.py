"""What client-ssl and server-ssl profiles hold beyond the properties of any profile, and which of them fit together.

Whether a key belongs to its certificate, and which profiles of a virtual server answer to which name, is checked when
all commands of a transaction are carried out: a certificate and its key are renewed together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from bigipsim import pem
from bigipsim.objects import shapes
from bigipsim.objects.model import JSON, Field, Item, Ref, Site, View
from bigipsim.rest import errors

if TYPE_CHECKING:
    from bigipsim.tree import Tree

CERT: Final = "sys/file/ssl-cert"
KEY: Final = "sys/file/ssl-key"
CLIENT: Final = "ltm/profile/client-ssl"
SERVER: Final = "ltm/profile/server-ssl"

CHAIN_PARTS: Final = (("cert", CERT, "Certificate File"), ("key", KEY, "Key File"), ("chain", CERT, "Certificate File"))
SHORT: Final = frozenset({"cert", "key", "chain", "passphrase"})
NO_FILE: Final = (None, "", "none")


PASSPHRASE: Final = Field("passphrase", shapes.secret)


def _cert_key_chain(name: str, value: JSON, site: Site) -> JSON:
    """The pairs of a client-ssl profile: certificate, key and chain by name."""
    chain = []
    for entry in shapes.objects(name, value, site) if value not in shapes.NOTHING else []:
        if not isinstance(entry.get("name"), str):
            raise errors.identifier_needed()
        stored = {"name": entry["name"], "appService": "none", "chain": "none", "usage": entry.get("usage", "SERVER")}
        for key, family, word in CHAIN_PARTS:
            written = entry.get(key)
            stored[key] = "none" if written in shapes.NOTHING else site.resolve(family, word, written)
        if entry.get("passphrase"):
            stored["passphrase"] = shapes.secret("passphrase", entry["passphrase"], site)
        chain.append(stored)
    return chain


def _chain_refs(value: JSON) -> Iterable[Ref]:
    entries = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    return [
        ref for entry in entries for key, family, _ in CHAIN_PARTS for ref in shapes.path_refs(family, entry.get(key))
    ]


LINKS: Final = (
    *(shapes.pointer_or_none(name, family, word) for name, family, word in CHAIN_PARTS),
    shapes.pointer_or_none("caFile", CERT, "Certificate File"),
    shapes.pointer_or_none("clientCertCa", CERT, "Certificate File"),
    PASSPHRASE,
)

CLIENT_FIELDS: Final = (*LINKS, Field("certKeyChain", _cert_key_chain, refs=_chain_refs))


def settle_client(site: Site, values: dict[str, JSON], children: object, given: frozenset[str]) -> None:
    """Keeps the short form (cert, key, chain) and the list of pairs in step.

    Raises:
        Refused: both forms are given and differ, or two ways of choosing ciphers.
    """
    parent = site.tree.get(CLIENT, str(values.get("defaultsFrom")))
    if "certKeyChain" in given:
        first = values["certKeyChain"][0] if values["certKeyChain"] else {}
        for key, _, _ in CHAIN_PARTS:
            # A client that puts back what it read says the same in both ways, which is let through (assumed).
            if key in given and values[key] != first.get(key, "none") and site.tree.major >= 15:
                raise errors.both_chains(site.full_path)
            values[key] = first.get(key, "none")
    elif given & SHORT:
        name = str(values.get("cert", "none")).rpartition("/")[2].removesuffix(".crt")
        pair = {key: values.get(key, "none") for key, _, _ in CHAIN_PARTS}
        entry = {"name": f"{name}_0", "appService": "none", **pair, "usage": "SERVER"}
        if "passphrase" in values:
            entry["passphrase"] = values["passphrase"]
        values["certKeyChain"] = [entry]
    elif "inheritCertkeychain" in given and values["inheritCertkeychain"] == "true" and parent is not None:
        for key in ("certKeyChain", "cert", "key", "chain"):
            values[key] = parent.values.get(key, "none")
    if "inheritCertkeychain" in values:
        inherited = parent is not None and values.get("certKeyChain") == parent.values.get("certKeyChain")
        values["inheritCertkeychain"] = "true" if inherited else "false"
    settle_ciphers(site, values, children, given)


def settle_ciphers(site: Site, values: dict[str, JSON], children: object, given: frozenset[str]) -> None:
    """Checks that ciphers are chosen in one way.

    Raises:
        Refused: there is a list of ciphers and a group of them.
    """
    chosen = [values.get(name) not in NO_FILE for name in ("ciphers", "cipherGroup")]
    if all(chosen) and given & {"ciphers", "cipherGroup"}:
        raise errors.exclusive("ciphers", "cipher-group")


def show_client(view: View, item: Item, parent: Item | None, shown: dict[str, JSON]) -> None:
    """Gives the pairs of a profile links to their files."""
    entries = shown.get("certKeyChain")
    if isinstance(entries, list):
        shown["certKeyChain"] = [_linked_entry(view, entry) for entry in entries]


def _linked_entry(view: View, entry: Mapping[str, JSON]) -> dict[str, JSON]:
    linked = dict(entry)
    for key, family, _ in CHAIN_PARTS:
        if str(entry.get(key, "")).startswith("/"):
            linked[f"{key}Reference"] = {"link": view.link(family, entry[key])}
    return linked


def pairs(item: Item) -> list[Mapping[str, Any]]:
    """The pairs of certificate and key (and chain, and passphrase) of a profile, by the paths of their files."""
    values = item.values
    listed = values.get("certKeyChain")
    if isinstance(listed, list):
        return [entry for entry in listed if isinstance(entry, dict)]
    return [values] if values.get("cert") not in NO_FILE or values.get("key") not in NO_FILE else []


def content(tree: Tree, family: str, path: Any) -> bytes | None:
    """What is in the file of that full path; None where the simulator does not have it."""
    item = tree.get(family, str(path))
    return tree.files.content(str(item.values.get("checksum"))) if item is not None else None


def sealed_passphrase(tree: Tree, pair: Mapping[str, Any], profile: Item) -> str:
    """What opens the key of a pair, sealed: said in the pair, in the profile, or with the key itself; "" if nowhere."""
    key = tree.get(KEY, str(pair.get("key")))
    holders: tuple[Mapping[str, Any], ...] = (pair, profile.values, key.values if key is not None else {})
    return next((str(one["passphrase"]) for one in holders if "passphrase" in one), "")


def check_profile(tree: Tree, profile: Item) -> None:
    """Compares certificates and keys, as far as their contents are known.

    Raises:
        Refused: one of a pair is missing, a key cannot be read or is not that of its certificate, or two pairs are for
            the same sort of key.
    """
    sorts: set[str] = set()
    for pair in pairs(profile):
        for missing, other, word in (("key", "cert", "key"), ("cert", "key", "certificate")):
            if pair.get(missing) in NO_FILE and pair.get(other) not in NO_FILE:
                raise errors.pair_incomplete(profile.full_path, word)
        certificate, key = (content(tree, family, pair.get(name)) for name, family, _ in CHAIN_PARTS[:2])
        if certificate is None or key is None:
            continue
        leaf = pem.certificates(certificate)[0]
        try:
            private = pem.private_key(key, tree.files.unseal(sealed_passphrase(tree, pair, profile)))
        except pem.NotPem:
            raise errors.key_unreadable(str(pair["key"]), profile.full_path) from None
        if not pem.belong(leaf, private):
            raise errors.pair_mismatched(profile.full_path)
        if pem.key_sort(leaf) in sorts:
            raise errors.same_key_type(profile.full_path)
        sorts.add(pem.key_sort(leaf))


def check_users(tree: Tree, file: Item) -> None:
    """Checks the profiles that use a file.

    Raises:
        Refused: they cannot work with it.
    """
    for referrer in tree.referrers(file.type.kin, file.full_path):
        profile = tree.get(referrer.kind, referrer.path)
        if referrer.kind in (CLIENT, SERVER) and profile is not None:
            check_profile(tree, profile)


def check(tree: Tree, profile: Item) -> None:
    """Checks a profile by itself, and with the others on its virtual servers.

    Raises:
        Refused: it does not work, or they do not agree on who answers to which name.
    """
    check_profile(tree, profile)
    for referrer in tree.referrers(profile.type.kin, profile.full_path):
        virtual = tree.get(referrer.kind, referrer.path)
        if referrer.kind == "ltm/virtual" and virtual is not None:
            check_server_names(tree, virtual)


def check_server_names(tree: Tree, virtual: Item) -> None:
    """Checks that exactly one of several profiles on one side is for clients that name nobody known.

    Raises:
        Refused: none or several are, or two of them are for the same name.
    """
    for kind in (CLIENT, SERVER):
        bound = (tree.get(kind, path) for path in virtual.children.get("profiles", {}))
        found = [profile.values for profile in bound if profile is not None]
        defaults = sum(values.get("sniDefault") == "true" for values in found)
        names = [str(values["serverName"]).lower() for values in found if values.get("serverName") not in NO_FILE]
        if defaults > 1:
            raise errors.several_sni_defaults(virtual.full_path)
        if len(set(names)) < len(names):
            raise errors.same_server_name(virtual.full_path)
        if len(found) > 1 and not defaults:
            raise errors.no_sni_default(virtual.full_path)
