"""The device's words: one constructor per error body, so that each text stands in one place.

`apiError` tells where the device refused: 1 in the REST layer, 2 in a transaction, 3 in the configuration database
(whose messages begin with eight hex digits), 26214401 in the grammar of its command language.
"""

from __future__ import annotations

import json
from typing import Any

from bigipsim.exchange import Refused

REST = 1
TRANSACTION = 2
DATABASE = 3
GRAMMAR = 26214401

NOT_IMPLEMENTED = 501


def refusal(status: int, message: str, api_error: int | None = None) -> Refused:
    """An error as the configuration processes of the device send it."""
    body: dict[str, Any] = {"code": status, "message": message, "errorStack": []}
    if api_error is not None:
        body["apiError"] = api_error
    return Refused(status, body)


def framework(status: int, message: str, peer: str) -> Refused:
    """An error of the REST framework in front of them, which says who asked."""
    body = {
        "code": status,
        "message": message,
        "referer": peer,
        "restOperationId": 1,
        "kind": ":resterrorresponse",
    }
    return Refused(status, body)


def not_found(word: str, path: str) -> Refused:
    """The object is missing, whether it was addressed or referred to."""
    return refusal(404, f"01020036:3: The requested {word} ({path}) was not found.", DATABASE)


def object_not_found(path: str) -> Refused:
    """A child is missing, or a monitor was asked for under the wrong type."""
    return refusal(404, f"Object not found - {path}", REST)


def already_exists(word: str, path: str, partition: str) -> Refused:
    """An object of that name is there."""
    message = f"01020066:3: The requested {word} ({path}) already exists in partition {partition}."
    return refusal(409, message, DATABASE)


def folder_not_found(path: str, status: int = 400) -> Refused:
    """The partition or folder is unknown."""
    return refusal(status, f"The requested folder ({path}) was not found.", GRAMMAR)


def folder_missing_for(what: str) -> Refused:
    """A pool member whose folder is unknown; `what` is "Pool Member (/P/pool /P/10.0.0.1 80)"."""
    return configuration(f"Can't associate {what} folder does not exist")


def configuration(text: str) -> Refused:
    """A generic refusal of the configuration database."""
    return refusal(400, f"01070734:3: Configuration error: {text}", DATABASE)


def in_use(word: str, path: str, user_word: str, user_path: str) -> Refused:
    """Another object refers to the one that is to be deleted."""
    message = f"01070265:3: The {word} ({path}) cannot be deleted because it is in use by a {user_word} ({user_path})."
    return refusal(400, message, DATABASE)


def node_in_use(path: str, pool: str) -> Refused:
    """A pool member stands on the node."""
    return refusal(400, f"01070110:3: Node address '{path}' is referenced by a member of pool '{pool}'.", DATABASE)


def virtual_address_in_use(path: str, virtual: str) -> Refused:
    """A virtual server listens on the address."""
    message = f"01070259:3: The requested Virtual Address ({path}) is currently in use by a virtual server ({virtual})."
    return refusal(400, message, DATABASE)


def partition_not_empty(name: str, type_id: int = 4032) -> Refused:
    """The partition still holds objects."""
    message = (
        "0107082a:3: You must remove all objects from a partition before removing the partition "
        f"({name}), type ID ({type_id})"
    )
    return refusal(400, message, DATABASE)


def same_listener(path: str, other: str) -> Refused:
    """Two virtual servers would receive the same packets."""
    message = (
        f"01070333:3: Virtual Server {path} illegally shares destination address, source address, service port, "
        f"ip-protocol, and vlan with Virtual Server {other}."
    )
    return refusal(400, message, DATABASE)


def address_taken(word: str, address: str) -> Refused:
    """Another Virtual Address or Node has the IP address."""
    return refusal(400, f"0107176c:3: Invalid {word}, the IP address {address} already exists.", DATABASE)


def unknown_property(word: str) -> Refused:
    """A key that the type does not have."""
    return refusal(400, f'"{word}" unknown property', GRAMMAR)


def unexpected(word: str) -> Refused:
    """A word that the grammar of the command language has no place for."""
    return refusal(400, f'"{word}" unexpected argument', GRAMMAR)


def invalid_value(name: str, value: Any) -> Refused:
    """A word outside of what the property accepts."""
    text = json.dumps(value, separators=(",", ":"))
    return refusal(400, f'invalid property value "{name}":{text}')


def create_only(name: str) -> Refused:
    """A property that can be given when the object is created and never again."""
    message = (
        f'"{name}" may not be specified in the context of the "modify" command. '
        f'"{name}" may be specified using the following commands: create, list'
    )
    return refusal(400, message, GRAMMAR)


def exclusive(one: str, other: str) -> Refused:
    """Two properties that exclude each other."""
    return refusal(400, f'"{one}" may not be specified with "{other}"', GRAMMAR)


def nothing_to_modify() -> Refused:
    """A PATCH without any property that could be changed."""
    return refusal(400, "one or more properties must be specified", GRAMMAR)


def identifier_needed() -> Refused:
    """A name, or an entry of a list that must have one, is missing."""
    return refusal(400, "one or more configuration identifiers must be provided", GRAMMAR)


def other_partition(word: str, path: str, partition: str, to_word: str, to_path: str, to_partition: str) -> Refused:
    """A reference into the partition of another user; only /Common can be referred to from everywhere."""
    message = (
        f"01070726:3: {word} {path} in partition {partition} cannot reference {to_word} {to_path} "
        f"in partition {to_partition}"
    )
    return refusal(400, message, DATABASE)


def not_creatable(word: str) -> Refused:
    """Objects of this type come and go with others."""
    return refusal(
        400, f'"create" may not be used with a {word}: it exists as long as the object it belongs to', GRAMMAR
    )


def not_writable(word: str) -> Refused:
    """The simulator has objects of this type from the factory and no more."""
    return not_implemented(f"changes to a {word}")


def source_needed() -> Refused:
    """A file without a content (words assumed)."""
    return refusal(400, '"source-path" must be specified', GRAMMAR)


def source_unreadable() -> Refused:
    """The file that was to be copied is not there: the exit code is that of curl, with which the device fetches it.

    Source: https://github.com/F5Networks/terraform-provider-bigip/issues/226.
    """
    return refusal(400, "Failed! exit_code (37).\n", GRAMMAR)


def not_loaded(what: str) -> Refused:
    """The content of a file is not of its sort."""
    return refusal(400, f"unable to load {what}", GRAMMAR)


def key_unreadable(key: str, profile: str) -> Refused:
    """A key is encrypted, and no passphrase opens it.

    Source: https://github.com/F5Networks/f5-ansible/issues/2131 (TMOS 12.1).
    """
    message = (
        f"01070313:3: Error reading key PEM file {key} for profile {profile}: "
        "error:0906A068:PEM routines:PEM_do_header:bad password read"
    )
    return refusal(400, message, DATABASE)


def pair_incomplete(profile: str, word: str) -> Refused:
    """A certificate without its key, or the other way round (code and words assumed)."""
    return refusal(400, f"01070315:3: profile {profile} requires a {word}", DATABASE)


def pair_mismatched(profile: str) -> Refused:
    """The key is another certificate's (code assumed)."""
    return refusal(400, f"01070317:3: profile {profile}'s key and certificate do not match", DATABASE)


def same_key_type(profile: str) -> Refused:
    """Two certificates with keys of one sort (words assumed)."""
    return configuration(
        f"Client SSL profile ({profile}) cannot contain more than one set of same certificate/key type."
    )


def both_chains(profile: str) -> Refused:
    """Certificates in both of the ways that there are.

    Source: https://github.com/F5Networks/terraform-provider-bigip/issues/449 (TMOS 15).
    """
    message = (
        f"01b4002a:3: Client SSL profile ({profile}):cert-key-chain and profile cert/key/chain/passphrase options "
        "cannot be specified together."
    )
    return refusal(400, message, DATABASE)


def several_sni_defaults(virtual: str) -> Refused:
    """Two profiles are for clients that name nobody known."""
    message = (
        f"01071809:3: Virtual Server {virtual} has more than one clientssl/serverssl profile that is default for SNI."
    )
    return refusal(400, message, DATABASE)


def no_sni_default(virtual: str) -> Refused:
    """Several profiles, and none is for clients that name nobody known (words assumed)."""
    return configuration(
        f"Virtual Server {virtual} has more than one clientssl/serverssl profile but none is default for SNI."
    )


def same_server_name(virtual: str) -> Refused:
    """Two profiles are for the same name."""
    message = (
        f"0107149e:3: Virtual server {virtual} has more than one clientssl/serverssl profile with same server name."
    )
    return refusal(400, message, DATABASE)


def incompatible_profiles(path: str) -> Refused:
    """Profiles of a virtual server that exclude each other, or its protocol."""
    return refusal(400, f"01070095:3: Virtual server {path} lists incompatible profiles.", DATABASE)


def invalid_json() -> Refused:
    """The body is no JSON object."""
    return refusal(400, "Found invalid JSON body in the request.", REST)


def reserved_name() -> Refused:
    """`example` asks for documentation and can be no object."""
    return refusal(
        400, '"example" is a reserved keyword of the REST interface and cannot be the name of a resource.', REST
    )


def invalid_address(text: str) -> Refused:
    """Not an IP address."""
    return refusal(400, f'invalid IPv4 or IPv6 address: "{text}"', GRAMMAR)


def unknown_service(text: str) -> Refused:
    """Neither a port number nor the name of a service."""
    return refusal(400, f'"{text}" unknown service name', GRAMMAR)


def not_registered(path: str, peer: str) -> Refused:
    """No process of the device answers to the path (as it stands after /mgmt)."""
    return framework(404, f"Public URI path not registered: {path}", peer)


def role_denied(user: str, method: str, path: str, peer: str) -> Refused:
    """The caller is known, and may not do this."""
    message = (
        f"Authorization failed: user=https://localhost/mgmt/shared/authz/users/{user} resource={path} "
        f"verb={method} uri:http://localhost:8100{path} referrer:{peer} sender:{peer}"
    )
    return framework(401, message, peer)


def not_implemented(what: str) -> Refused:
    """The real device has this; the simulator says so rather than pretend."""
    return refusal(NOT_IMPLEMENTED, f"bigipsim does not implement {what}", None)


def transaction_unknown(transaction_id: str) -> Refused:
    """The transaction was never opened, is over, or has expired."""
    return refusal(404, f"The transaction id {transaction_id} does not exist.", REST)


def transaction_failed(inner: str) -> Refused:
    """A commit that was rolled back; `inner` is the message of the command that failed."""
    return refusal(400, f"transaction failed:{inner}", TRANSACTION)


def dangling_policy(path: str, virtual: str) -> Refused:
    """A policy that goes in the transaction in which a virtual server lets go of it."""
    message = (
        f"01070712:3: Values ({path}) specified for virtual server policy ({virtual} {path}): foreign key index "
        "(policy_FK) do not point at an item that exists in the database."
    )
    return refusal(400, message, DATABASE)


def not_in_a_transaction(word: str) -> Refused:
    """A command that has something done and describes no object (the sentence is assumed)."""
    return refusal(400, f'the command "{word}" cannot be part of a transaction.', REST)


def transaction_empty() -> Refused:
    """A commit without commands."""
    return refusal(404, "there is no command to commit in the transaction.", REST)
