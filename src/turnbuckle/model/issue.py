"""What people are told: every issue that exists, one constructor each.

A message says what is wrong and what was found, a hint what to write or do instead. Codes never change their meaning.
TB1xxx: the object is wrong by itself. TB2xxx: against what else is there. TB3xxx: the device. TB9xxx: our own fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from turnbuckle.model.ref import Age, Ref

_LONGEST_QUOTE = 80

INGRESS_CONTROLLER = "f5.com/cntr-ingress-svcs"
"""What spec.controller of our IngressClasses is. Source: k8s-bigip-ctlr 2.x."""


class Severity(StrEnum):
    """ERROR: wrong by itself or against an object that is there. PENDING: refers to something that is not there (yet).

    WARNING: works, but is hardly what was meant.
    """

    ERROR = "ERROR"
    PENDING = "PENDING"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """One mistake or obstacle.

    field: path into the object, through embedded JSON (`data.data.virtualServer.frontend.partition`); may be empty.
    found: the value that was found, as text; may be empty.
    """

    about: Ref
    field: str
    code: str
    severity: Severity
    message: str
    hint: str
    found: str = ""

    @property
    def text(self) -> str:
        """The sentences that a person reads."""
        return f"{self.message} {self.hint}".rstrip()


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def quoted(value: object) -> str:
    """A value as it is shown in a sentence: shortened, on one line."""
    text = _printable(str(value))
    return f'"{text}"' if len(text) <= _LONGEST_QUOTE else f'"{text[:_LONGEST_QUOTE]}…" ({len(text)} characters)'


def shortened(json: str) -> str:
    """A value in JSON as it is shown in a sentence: on one line, with its own quotes where it has some."""
    text = _printable(json)
    if len(text) <= _LONGEST_QUOTE:
        return text
    end = '"' if text.startswith('"') else ""
    return f"{text[:_LONGEST_QUOTE]}…{end} ({len(text) - 2 * len(end)} characters)"


def key(name: str) -> str:
    """A name that somebody else chose as it is shown within a field path: shortened, on one line."""
    text = _printable(name)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def _error(about: Ref, field: str, code: str, message: str, hint: str, found: object = "") -> Issue:
    return Issue(about, field, code, Severity.ERROR, message, hint, _printable(str(found)[:200]))


def _warning(about: Ref, field: str, code: str, message: str, hint: str, found: object = "") -> Issue:
    return Issue(about, field, code, Severity.WARNING, message, hint, _printable(str(found)[:200]))


def _pending(about: Ref, field: str, code: str, message: str, hint: str, found: object = "") -> Issue:
    return Issue(about, field, code, Severity.PENDING, message, hint, _printable(str(found)[:200]))


# ---- TB10xx: text and shape


def not_json(
    about: Ref, field: str, reason: str, line: int, column: int, *, found: str | None = None, wanted: str = ""
) -> Issue:
    """The text that should be JSON does not parse. found: the text, where it is short enough to be shown."""
    is_not = f"{field} is {quoted(found)}, which is not JSON" if found is not None else f"{field} is not JSON"
    return _error(
        about,
        field,
        "TB1001",
        f"{is_not}: {reason} at its line {line}, column {column}.",
        f"Write {wanted or 'one JSON object'}; quotes, commas and braces must match.",
        found or "",
    )


def not_an_object(about: Ref, field: str, found: str) -> Issue:
    """JSON, but no object."""
    return _error(
        about, field, "TB1002", f"{field} is {shortened(found)}, not a JSON object.", 'Write {"…": …} there.', found
    )


def missing_field(about: Ref, field: str, meaning: str, example: str) -> Issue:
    """A required field is absent."""
    return _error(about, field, "TB1003", f"{field} is missing: {meaning}.", f"Add it, for example {example}.")


def unknown_schema(about: Ref, field: str, found: str, known: Iterable[str]) -> Issue:
    """A schema version that does not exist."""
    newest = list(known)[-1]
    return _error(
        about,
        field,
        "TB1004",
        f"{field} names {quoted(found)}, which is no F5 resource schema.",
        f"Write f5schemadb://bigip-virtual-server_v{newest}.json, or an older one down to v0.1.0.",
        found,
    )


def unknown_field(about: Ref, field: str, name: str, known: Iterable[str]) -> Issue:
    """A field that the schema does not have."""
    known = sorted(known)
    meant = nearest(name, known)
    hint = f'Did you mean "{meant}"?' if meant else f"Known here: {', '.join(known)}."
    return _error(about, field, "TB1005", f"{field} is not a known field.", hint, name)


def field_of_later_schema(about: Ref, field: str, since: str, used: str) -> Issue:
    """A field that only later schema versions have."""
    return _error(
        about,
        field,
        "TB1006",
        f"{field} exists since schema v{since}, and this object says v{used}.",
        f"Write f5schemadb://bigip-virtual-server_v{since}.json or later in data.schema, or take the field out.",
        used,
    )


def field_of_earlier_schema(about: Ref, field: str, until: str, used: str, instead: str) -> Issue:
    """A field that only earlier schema versions have."""
    return _error(
        about,
        field,
        "TB1007",
        f"{field} exists up to schema v{until}, and this object says v{used}.",
        f"Use {instead} instead.",
        used,
    )


def wrong_type(about: Ref, field: str, found: object, wanted: str) -> Issue:
    """A value of another type; found: as JSON, so that "80" and 80 can be told apart."""
    return _error(about, field, "TB1008", f"{field} is {shortened(str(found))}.", f"Write {wanted}.", found)


def out_of_range(about: Ref, field: str, found: object, low: int, high: int) -> Issue:
    """A number outside its range."""
    return _error(
        about,
        field,
        "TB1009",
        f"{field} is {shortened(str(found))}, which is outside {low} to {high}.",
        f"Write a number from {low} to {high}.",
        found,
    )


def not_one_of(about: Ref, field: str, found: object, known: Iterable[str]) -> Issue:
    """A word that is not in the list."""
    known = list(known)
    meant = nearest(str(found), known)
    guess = f'Did you mean "{meant}"? ' if meant else ""
    return _error(
        about,
        field,
        "TB1010",
        f"{field} is {quoted(found)}, which is not known there.",
        f"{guess}Write one of: {', '.join(known)}.",
        found,
    )


def empty_text(about: Ref, field: str) -> Issue:
    """A text that must not be empty."""
    return _error(
        about, field, "TB1011", f"{field} is empty.", "Write a value, or leave the field out if it is optional."
    )


def bad_address(about: Ref, field: str, found: object, extended: bool = True) -> Issue:
    """No IP address. extended: a route domain may follow."""
    domain = "; a route domain follows as %2" if extended else ""
    return _error(
        about,
        field,
        "TB1012",
        f"{field} is {quoted(found)}, which is no IP address.",
        f"Write an IPv4 or IPv6 address, for example 203.0.113.7 or 2001:db8::7{domain}.",
        found,
    )


def bad_key(about: Ref, field: str, found: str) -> Issue:
    """A name of an iApp option, variable or table with characters that are not allowed."""
    return _error(
        about,
        field,
        "TB1013",
        f"{field} has the name {quoted(found)}.",
        "Use letters, digits, underscores and hyphens only.",
        found,
    )


def too_big(about: Ref, field: str, size: int, limit: int) -> Issue:
    """More data than the device could take."""
    return _error(
        about,
        field,
        "TB1014",
        f"{field} has {size} bytes; more than {limit} are not read.",
        "An F5 resource needs a few hundred bytes: check what was pasted there.",
        size,
    )


def not_utf8(about: Ref, field: str, reason: str) -> Issue:
    """Bytes that are not text."""
    return _error(about, field, "TB1015", f"{field or 'The file'} is not UTF-8: {reason}.", "Save it as UTF-8 text.")


def not_yaml(about: Ref, reason: str) -> Issue:
    """A file that does not parse; about names the file."""
    return _error(about, "", "TB1016", f"The file is not YAML: {reason}.", "Mend it; what it said before stays.")


def not_a_manifest(about: Ref, field: str, reason: str) -> Issue:
    """YAML, but no Kubernetes object."""
    return _error(
        about,
        field,
        "TB1017",
        f"This is no Kubernetes object: {reason}.",
        "Write apiVersion, kind and metadata.name.",
    )


def duplicate_object(about: Ref, where: str) -> Issue:
    """The same object twice in a folder."""
    return _error(
        about,
        "metadata.name",
        "TB1018",
        f"{about} stands in this folder twice; it is also in {where}.",
        "Keep one of them. The first one is used.",
        about.name,
    )


def both_forms(about: Ref, field: str) -> Issue:
    """Fields of the virtual server and of the iApp form mixed."""
    return _error(
        about,
        field,
        "TB1019",
        f"{field} has fields of a virtual server (mode, balance, virtualAddress, sslProfile) and of an iApp.",
        "Write either the one or the other.",
    )


def both_fields(about: Ref, field: str, first: str, second: str) -> Issue:
    """Two fields that mean the same; both count."""
    message = f"{field} has both {first} and {second}; all the profiles named are attached."
    return _warning(about, field, "TB1020", message, f"Keep {second}, which takes a list.")


def unknown_annotation(about: Ref, name: str, known: Iterable[str]) -> Issue:
    """An annotation in our namespace, or in the original's, that nobody reads."""
    known = sorted(known)
    meant = nearest(name, known)
    hint = f'Did you mean "{meant}"?' if meant else f"Known here: {', '.join(known)}."
    shown = key(name)
    return _warning(
        about, f"metadata.annotations[{shown}]", "TB1021", f"The annotation {shown} is not known.", hint, name
    )


def bad_pool_path(about: Ref, field: str, found: str) -> Issue:
    """turnbuckle/pool is not a full path."""
    return _error(
        about,
        field,
        "TB1022",
        f"{field} is {quoted(found)}, which is no full path of a pool.",
        "Write /partition/name, for example /Common/shop_pool.",
        found,
    )


def timeout_too_short(about: Ref, field: str, timeout_s: int, interval_s: int) -> Issue:
    """A monitor that would mark members down between two probes."""
    return _warning(
        about,
        field,
        "TB1023",
        f"{field} is {timeout_s} s with an interval of {interval_s} s: members flap between two probes.",
        f"Write {3 * interval_s + 1} (three probes and a second), the usual rule on BIG-IP.",
        timeout_s,
    )


def ignored_field(about: Ref, field: str, why: str, hint: str) -> Issue:
    """A field without effect here."""
    return _warning(about, field, "TB1024", f"{field} has no effect: {why}.", hint)


def unpublishable_name(about: Ref, found: str, limit: int) -> Issue:
    """A name that the device would not take."""
    return _error(
        about,
        "metadata.name",
        "TB1025",
        f"The name on the BIG-IP would be {quoted(found)}, longer than its {limit} characters.",
        "Shorten the object's name, its namespace's or its Service's.",
        found,
    )


def bad_setting(about: Ref, name: str, message: str, hint: str, found: str) -> Issue:
    """A setting of ours that is wrong; about names the configuration file."""
    return _error(about, name, "TB1040", message, hint, found)


def unreadable(about: Ref, reason: str) -> Issue:
    """A file or folder of manifests that cannot be read; about names it."""
    return _error(
        about,
        "",
        "TB1026",
        f"{about.name} cannot be read: {reason}.",
        "Mend that; what it said before stays in force.",
    )


def duplicate_key(about: Ref, field: str, line: int = 0, first_line: int = 0) -> Issue:
    """A key twice in one mapping: readers differ in which one they take. Lines are 0 where they are not known."""
    where = f"stands on line {first_line} and again on line {line}" if line else "stands there twice"
    return _error(about, field, "TB1027", f"{field} {where}.", "Keep one of the two.")


def in_broken_file(about: Ref, file: str) -> Issue:
    """An object that a file seems to hold which cannot be read as a whole."""
    return _error(
        about,
        "",
        "TB1028",
        f"{about} seems to stand in {file}, which cannot be read as it is now.",
        "Mend the file; what is on the BIG-IP because of this object stays until then.",
        file,
    )


def prefix_ignored(about: Ref, field: str, found: str, used: str) -> Issue:
    """An address with a prefix length: a virtual server listens on one address."""
    message = f"{field} is {quoted(found)}; the prefix length is ignored, the virtual server listens on {used} only."
    return _warning(about, field, "TB1029", message, f"Write {used}.", found)


def bad_partition(about: Ref, field: str, found: str, allowed: str) -> Issue:
    """A text that no partition can be called."""
    message = f"{field} is {quoted(found)}, which is no name of a partition."
    return _error(about, field, "TB1030", message, allowed, found)


def unknown_balance(about: Ref, field: str, found: str, known: Iterable[str]) -> Issue:
    """A load balancing method of which only the device can know whether it exists."""
    known = list(known)
    meant = nearest(found, known)
    hint = f'Did you mean "{meant}"?' if meant else f"Known here: {', '.join(known)}."
    message = f"{field} is {quoted(found)}, which is no method known here; the BIG-IP may refuse it."
    return _warning(about, field, "TB1031", message, hint, found)


def not_labelled(about: Ref, field: str, instead: str) -> Issue:
    """An F5 resource that nobody looks at, for want of the label. instead: a clause about what there is of it."""
    message = f"data.schema names an F5 resource, but {instead}: nothing is published."
    return _warning(about, field, "TB1032", message, "Write the label f5type: virtual-server.")


def odd_text(about: Ref, field: str, found: str) -> Issue:
    """A label or annotation that is no text, or labels that are no mapping; Kubernetes would refuse the object."""
    message = f"{field} is {shortened(found)}, which Kubernetes does not take."
    return _warning(about, field, "TB1033", message, 'Write texts there, in quotes: name: "text".', found)


def bad_name(about: Ref, field: str, found: str, allowed: str) -> Issue:
    """A name that no Kubernetes object can have."""
    message = f"{field} is {quoted(found)}, which Kubernetes does not take as a name."
    return _error(about, field, "TB1034", message, f"Use {allowed}.", found)


def other_kind(about: Ref, field: str, message: str, hint: str, found: str) -> Issue:
    """An object that is not read, and is nearly one that is; about names the file."""
    return _warning(about, field, "TB1035", message, hint, found)


def nothing_to_read(about: Ref, reason: str, kinds: Iterable[str]) -> Issue:
    """A folder or file without any object; about names it."""
    hint = f"Name the folder of the manifests; {', '.join(kinds)} are read."
    return _warning(about, "", "TB1036", f"There was nothing to check in {about.name}: {reason}.", hint)


def bad_network(about: Ref, field: str, found: str, items: bool = False) -> Issue:
    """An item of a list of networks that is none. items: whether the list has items, not commas."""
    message = f"{field} has the item {quoted(found)}, which is no network."
    how = "one for each item, as 10.0.0.0/8 or" if items else "with commas between, as 10.0.0.0/8,"
    return _error(about, field, "TB1041", message, f"Write networks {how} 2001:db8::/32.", found)


def bad_device_path(about: Ref, field: str, found: str) -> Issue:
    """A text that names no object of the device."""
    message = f"{field} is {quoted(found)}, which is no full path on the BIG-IP."
    hint = "Write /partition/name in letters, digits, dots, hyphens and underscores, for example /Common/shop."
    return _error(about, field, "TB1042", message, hint, found)


def taken_as_true(about: Ref, field: str, found: str) -> Issue:
    """A brake that says neither yes nor no: it holds, since somebody wanted to stop something."""
    message = f"{field} is {quoted(found)}; it counts as true, so that nothing is written on this object's account."
    return _warning(about, field, "TB1051", message, 'Write "true" or "false".', found)


def more_to_say(about: Ref, count: int, severity: Severity) -> Issue:
    """There are more mistakes than are told at once. severity: the worst of theirs."""
    message = f"There {'is' if count == 1 else 'are'} {count} more of these."
    return Issue(about, "", "TB1052", severity, message, "Mend those that are told first.")


def bad_rewrite(about: Ref, field: str, found: str, why: str, example: str) -> Issue:
    """An item of a rewrite annotation that cannot be read."""
    message = f"{field} has the item {quoted(found)}: {why}."
    return _error(about, field, "TB1043", message, f"Write it like {example}.", found)


def bad_path(about: Ref, field: str, found: str) -> Issue:
    """A path of an Ingress that could never match, or not as it is meant."""
    if "*" in found:
        return _error(
            about,
            field,
            "TB1044",
            f"{field} is {quoted(found)}; a path has no wildcards.",
            "Write the path without *, with pathType: Prefix, which matches everything below it.",
            found,
        )
    message = f"{field} is {quoted(found)}, which does not begin with a slash."
    return _error(about, field, "TB1044", message, "Write an absolute path, for example /shop.", found)


def path_twice(about: Ref, field: str, host: str, path: str) -> Issue:
    """One Ingress names the same host and path twice."""
    message = f"{field} is {path} of {host or 'every host'} once more; the first one counts."
    return _warning(about, field, "TB1045", message, "Keep one of the two.", path)


def bad_host(about: Ref, field: str, found: str) -> Issue:
    """A text that is no host of an Ingress."""
    message = f"{field} is {quoted(found)}, which is no name of a host."
    hint = "Write a name in small letters, or *. and a name for all that are one label longer; no address, no port."
    return _error(about, field, "TB1046", message, hint, found)


def equal_ports(about: Ref, field: str, port: int) -> Issue:
    """HTTP and HTTPS on the same port."""
    message = f"{field} is {port}, and so is the port for HTTP."
    return _error(about, field, "TB1047", message, "Give the two different ports, such as 80 and 443.", port)


def health_path(about: Ref, field: str, found: str) -> Issue:
    """The path of a health monitor names no path of an Ingress."""
    message = f"{field} is {quoted(found)}, which is not host/path."
    hint = "Write the host and the path of a rule of this Ingress, such as www.example.com/shop; * is every host."
    return _error(about, field, "TB1048", message, hint, found)


def no_secret_named(about: Ref, field: str) -> Issue:
    """TLS without anything that says which certificate."""
    message = f"{field} names no Secret, so there is no certificate to show."
    hint = "Write secretName, or a profile of the BIG-IP in the annotation virtual-server.f5.com/clientssl."
    return _error(about, field, "TB1049", message, hint)


def two_monitors(about: Ref, field: str, pool: str, kind: str) -> Issue:
    """A pool has one monitor of a type."""
    message = f"{field} is a second {kind} monitor for {pool}; the first one counts."
    return _warning(about, field, "TB1050", message, "Keep one, or give one of the two paths another Service.", kind)


# ---- TB20xx: against what else is there


def partition_not_ours(about: Ref, field: str, found: str, ours: Iterable[str]) -> Issue:
    """A partition that this controller does not manage."""
    ours = list(ours)
    allowed = ", ".join(ours)
    return _error(
        about,
        field,
        "TB2001",
        f"{field} is {quoted(found)}; this controller writes to {allowed} only.",
        f"Write {ours[0]}, or start the controller with --bigip-partition={found}.",
        found,
    )


def partition_common(about: Ref, field: str) -> Issue:
    """Common belongs to the whole device."""
    return _error(
        about,
        field,
        "TB2002",
        f"{field} is Common, which belongs to the whole device.",
        "Write a partition of its own, for example k8s.",
        "Common",
    )


def service_missing(about: Ref, field: str, namespace: str, name: str) -> Issue:
    """The Service is not there yet."""
    return _pending(
        about,
        field,
        "TB2003",
        f"There is no Service {namespace}/{name}: the pool has no members.",
        "Create it, or correct the name; nothing else is needed then.",
        name,
    )


def needs_flawed(about: Ref, other: str) -> Issue:
    """What the object refers to is there and cannot be understood, and never was since the start."""
    message = f"{other} is needed here and cannot be understood, so what the BIG-IP has stays as it is."
    return _error(about, "", "TB2017", message, "Mend that one first; nothing else is needed then.", other)


def port_missing(
    about: Ref, field: str, namespace: str, name: str, port: int | str, ports: Iterable[int | str]
) -> Issue:
    """The Service has no such port."""
    has = ", ".join(str(p) for p in ports) or "none"
    return _error(
        about,
        field,
        "TB2004",
        f"Service {namespace}/{name} has no port {port}; it has {has}.",
        "Write one of the Service's ports (not the target port of the pods).",
        port,
    )


def no_node_port(about: Ref, field: str, namespace: str, name: str, service_type: str) -> Issue:
    """Node port mode with a Service that opens none."""
    return _error(
        about,
        field,
        "TB2005",
        f"Service {namespace}/{name} is of type {service_type}, which opens no port on the nodes.",
        "Make it a NodePort Service, or run with --pool-member-type=cluster where the BIG-IP reaches the pods.",
        service_type,
    )


def no_node_port_yet(about: Ref, field: str, namespace: str, name: str, port: int | str) -> Issue:
    """Node port mode, a Service of the right type, and no number: the server gives one, a manifest may not have one."""
    return _error(
        about,
        field,
        "TB2018",
        f"Port {port} of Service {namespace}/{name} has no nodePort.",
        "Write spec.ports[].nodePort in its manifest; in a cluster, look whether the Service allocates node ports.",
        port,
    )


def external_name(about: Ref, field: str, namespace: str, name: str) -> Issue:
    """A Service that is only another name in DNS."""
    return _error(
        about,
        field,
        "TB2019",
        f"Service {namespace}/{name} is of type ExternalName: it stands for a name in DNS and has no endpoints.",
        "Publish a Service that selects pods.",
        "ExternalName",
    )


OLDER = "is older"
USUAL = "wants what is usual on that port"
BY_NAME = "comes first by name"
"""Why one of two objects comes before the other; the second where they have no times to compare."""


def why_first(first: Age, other: Age) -> str:
    """Why one of two comes before the other, from their SourceObject.age_key()s."""
    untimed, created, _ = first
    return BY_NAME if untimed or created == other[1] else OLDER


def address_taken(about: Ref, field: str, destination: str, holder: str, why: str = OLDER) -> Issue:
    """Two want one destination; the first keeps it."""
    return _error(
        about,
        field,
        "TB2006",
        f"{destination} belongs to {holder}, which {why}.",
        "Choose another address or port, or delete the other.",
        destination,
    )


def address_kept(about: Ref, path: str, holder: str) -> Issue:
    """Somebody older who errs has the destination on the device, and keeps it while the mistake lasts."""
    return _error(
        about,
        "",
        "TB2020",
        f"{path} is not written: its destination is {holder}'s, which was there first and, wrong as it is, keeps"
        " what it had.",
        f"Correct or delete {holder}, or choose another address or port.",
        path,
    )


def host_kept(about: Ref, path: str, holder: str) -> Issue:
    """Somebody older who errs has rules for the host on the device, and keeps it while the mistake lasts."""
    return _error(
        about,
        "",
        "TB2055",
        f"{path} is not written: its host, or its path there, is {holder}'s, which was there first and keeps what it"
        " had while something is wrong with it.",
        f"See what is said about {holder}, and correct or delete one of the two, or choose another host or path.",
        path,
    )


def address_in_other_partition(
    about: Ref, field: str, address: str, partition: str, holder: str, why: str = OLDER
) -> Issue:
    """A BIG-IP has an address in one partition only."""
    return _error(
        about,
        field,
        "TB2007",
        f"The address {address} lives in partition {partition} already, because of {holder}, which {why}.",
        f"Choose another address, or publish in partition {partition}.",
        address,
    )


def no_address_yet(about: Ref, field: str) -> Issue:
    """A virtual address without an address: somebody will annotate one."""
    return _pending(
        about,
        field,
        "TB2008",
        f"{field} is not given: the pool is there, a virtual server is not.",
        "Write the address, or let an address manager set the annotation virtual-server.f5.com/ip.",
    )


def two_addresses(about: Ref, field: str, used: str, ignored: str) -> Issue:
    """An address in the text and another one in the annotation."""
    return _warning(
        about,
        field,
        "TB2009",
        f"The annotation virtual-server.f5.com/ip says {ignored}, bindAddr says {used}: bindAddr counts.",
        "Take one of the two out.",
        ignored,
    )


def no_endpoints(about: Ref, field: str, namespace: str, name: str) -> Issue:
    """Nothing answers behind the Service."""
    return _warning(
        about,
        field,
        "TB2010",
        f"Service {namespace}/{name} has no ready endpoint: the pool is empty.",
        "Look at the Service's pods: kubectl get endpoints.",
        name,
    )


def no_nodes(about: Ref, field: str) -> Issue:
    """No eligible node in node port mode."""
    return _warning(
        about,
        field,
        "TB2011",
        "No node is ready and selected: the pool is empty.",
        "Look at kubectl get nodes, --node-label-selector and --use-node-internal.",
    )


def name_taken(about: Ref, path: str, holder: str, why: str = OLDER) -> Issue:
    """Two objects make one name on the device."""
    return _error(
        about,
        "metadata.name",
        "TB2012",
        f"It would be {path} on the BIG-IP, and so is {holder}, which {why}.",
        "Rename one of the two.",
        path,
    )


def members_only(about: Ref) -> Issue:
    """The controller is limited to members of designated pools."""
    return _warning(
        about,
        "metadata.annotations[turnbuckle/pool]",
        "TB2013",
        "This controller runs with --members-only, and the object names no pool.",
        "Add the annotation turnbuckle/pool with the full path of a pool that exists.",
    )


def port_protocol(about: Ref, field: str, namespace: str, name: str, port: int, found: str, wanted: str) -> Issue:
    """The virtual server and the Service's port speak different protocols."""
    return _warning(
        about,
        field,
        "TB2014",
        f"Port {port} of Service {namespace}/{name} is {found}, the virtual server's mode needs {wanted}.",
        "Write mode udp for a UDP Service, tcp or http for a TCP one.",
        found,
    )


def settings_differ(about: Ref, field: str, pool: str, holder: str, why: str = OLDER) -> Issue:
    """Two owners of one pool want it different."""
    return _warning(
        about,
        field,
        "TB2015",
        f"{pool} is shared with {holder}, which {why}; its settings count.",
        "Make the two equal, or give them pools of their own.",
    )


def not_supported(about: Ref, field: str, what: str, hint: str) -> Issue:
    """Something of the original that does not exist here."""
    return _warning(about, field, "TB2016", f"{what} is not supported.", hint)


def class_missing(about: Ref, field: str, name: str) -> Issue:
    """An Ingress of our class, and nobody has said that the class is ours."""
    return _pending(
        about,
        field,
        "TB2040",
        f"There is no IngressClass {name}: nothing is published.",
        f"Create it with spec.controller: {INGRESS_CONTROLLER}.",
        name,
    )


def class_of_other(about: Ref, field: str, name: str, controller: str) -> Issue:
    """The class that we are told to serve says that it is another's."""
    return _warning(
        about,
        field,
        "TB2041",
        f"IngressClass {name} is of controller {quoted(controller)}, not of this one: nothing is published.",
        f"Write spec.controller: {INGRESS_CONTROLLER} there, or name another class with --ingress-class.",
        controller,
    )


def no_class(about: Ref, ours: str) -> Issue:
    """An Ingress with annotations for us, and no class."""
    return _warning(
        about,
        "spec.ingressClassName",
        "TB2042",
        f"No class is named, and {ours} is not the default class: nothing is published.",
        f"Write ingressClassName: {ours}.",
    )


def no_ingress_address(about: Ref, field: str) -> Issue:
    """An Ingress without an address to listen on."""
    return _pending(
        about,
        field,
        "TB2043",
        f"{field} is not given, and there is no --default-ingress-ip: the pools are there, a virtual server is not.",
        "Write the address there, or start with --default-ingress-ip.",
    )


def host_taken(about: Ref, field: str, host: str, where: str, namespace: str, holder: str, why: str = OLDER) -> Issue:
    """Two namespaces want one host; the oldest keeps it."""
    return _error(
        about,
        field,
        "TB2044",
        f"{host or 'Every host'} at {where} belongs to namespace {namespace}, because of {holder}, which {why}.",
        "Choose another host or address, or move one of the two.",
        host,
    )


def path_taken(about: Ref, field: str, host: str, path: str, where: str, holder: str, why: str = OLDER) -> Issue:
    """Two want one path of a host; the oldest keeps it."""
    return _error(
        about,
        field,
        "TB2045",
        f"{path} of {host or 'every host'} at {where} belongs to {holder}, which {why}.",
        "Choose another path, or delete one of the two.",
        path,
    )


def default_taken(about: Ref, field: str, where: str, holder: str, why: str, alone: bool) -> Issue:
    """Two want what nobody else wants at a destination. alone: whether the owner wants nothing else there."""
    say = _error if alone else _warning
    return say(
        about,
        field,
        "TB2046",
        f"What no rule matches at {where} goes to the default backend of {holder}, which {why}.",
        "Write rules with a host or a path, or choose another address.",
        where,
    )


def port_speaks_otherwise(about: Ref, field: str, where: str, holder: str, secure: bool, why: str = OLDER) -> Issue:
    """Two of whom one wants TLS want one listener. secure: the holder does."""
    theirs, this = ("TLS", "plain HTTP") if secure else ("plain HTTP", "TLS")
    return _error(
        about,
        field,
        "TB2057",
        f"{where} speaks {theirs} for {holder}, which {why}, and this one wants {this} there.",
        "Choose another port, or another address.",
        where,
    )


def profile_missing(about: Ref, field: str, sort: str, path: str) -> Issue:
    """A profile of the device that is not there. sort: as in the device's collection, such as "client-ssl"."""
    return _error(
        about,
        field,
        "TB2056",
        f"The BIG-IP has no {sort} profile {path}.",
        f"Make it there (tmsh create ltm profile {sort} {path}), or correct the name; it is looked for again.",
        path,
    )


def listener_differs(about: Ref, field: str, where: str, holder: str, why: str = OLDER) -> Issue:
    """Two who share a virtual server want it different."""
    return _warning(
        about,
        field,
        "TB2047",
        f"{field} is for the whole of {where}, where {holder}, which {why}, has it otherwise; that counts.",
        "Make the two equal, or choose another address.",
    )


def secret_missing(about: Ref, field: str, namespace: str, name: str) -> Issue:
    """The Secret is not there yet."""
    return _pending(
        about,
        field,
        "TB2048",
        f"There is no Secret {namespace}/{name}: its certificate cannot be shown.",
        "Create it, or correct the name; nothing is served without a certificate where one is wanted.",
        name,
    )


SECRET_FLAWS = {
    "type": ("is not of a type that holds a certificate", "Name one of type kubernetes.io/tls."),
    "entries": ("lacks tls.crt or tls.key", "Put both in: kubectl create secret tls NAME --cert=FILE --key=FILE."),
    "base64": ("is not base64 where it has to be", "Encode the entries of data, or write them under stringData."),
    "certificate": ("has no certificate in PEM form in tls.crt", "Put in the certificate, then those that lead on."),
    "key": ("has no private key in PEM form in tls.key", "Put in the key that belongs to the certificate."),
    "encrypted": (
        "has an encrypted key in tls.key",
        "Put it in without a passphrase: openssl pkey -in FILE -out FILE.",
    ),
    "mismatch": ("has a key that does not belong to its certificate", "Put in the two that were made together."),
}
"""What can be wrong with a Secret that should hold a certificate: a clause about it, and what to do."""


def secret_unusable(about: Ref, field: str, namespace: str, name: str, flaw: str) -> Issue:
    """A Secret whose certificate cannot be used. flaw: one of SECRET_FLAWS."""
    why, hint = SECRET_FLAWS[flaw]
    return _error(about, field, "TB2049", f"Secret {namespace}/{name} {why}.", hint, name)


def certificate_ends(about: Ref, field: str, secret: str, date: str, days: int) -> Issue:
    """The certificate ends soon, or has ended. date: its last day; days: how many are left, 0 or less: none."""
    if days > 0:
        left = "1 day" if days == 1 else f"{days} days"
        message = f"The certificate of Secret {secret} ends on {date}, in {left}."
    else:
        message = (
            f"The certificate of Secret {secret} ended on {date}; it is shown all the same, and clients refuse it."
        )
    return _warning(about, field, "TB2050", message, "Renew it: replace tls.crt and tls.key in the Secret.", date)


def certificate_for_others(about: Ref, field: str, secret: str, host: str, names: Iterable[str]) -> Issue:
    """The certificate is not for the host that it is to be shown for."""
    known = ", ".join(names) or "no name at all"
    message = f"The certificate of Secret {secret} is for {known}; clients of {host} refuse it."
    return _warning(
        about, field, "TB2051", message, f"Have {host} put into the certificate, or name another Secret.", host
    )


def no_such_rule(about: Ref, field: str, found: str) -> Issue:
    """An annotation is about a host and path that the Ingress does not have."""
    message = f"{field} is about {quoted(found)}, and no rule of this Ingress has that host and path; it has no effect."
    return _warning(about, field, "TB2052", message, "Write host and path as they stand in spec.rules.", found)


def name_asked_for(about: Ref, field: str, host: str) -> Issue:
    """A host is being looked up; the answer comes by itself."""
    return _pending(
        about,
        field,
        "TB2053",
        f"The address of {host} has been asked for and is not there yet.",
        "Nothing needs to be done; what was published before stays.",
        host,
    )


def name_unknown(about: Ref, field: str, host: str, why: str, address: str) -> Issue:
    """A host cannot be looked up. why: a clause; address: what it was before, if it ever was."""
    hint = "Mend the name in DNS, or write the address in the annotation virtual-server.f5.com/ip."
    if address:
        message = f"The address of {host} cannot be found any more: {why}; it stays {address}."
        return _warning(about, field, "TB2054", message, hint, host)
    message = f"The address of {host} cannot be found: {why}."
    return _error(about, field, "TB2054", message, hint, host)


def no_balancer_address(about: Ref, field: str) -> Issue:
    """A Service of type LoadBalancer for us that gives no address."""
    return _pending(
        about,
        field,
        "TB2030",
        "The Service gives no address: nothing is published.",
        "Write one in the annotation cis.f5.com/ip, or the label of a pool of addresses in cis.f5.com/ipamLabel.",
    )


def address_asked_for(about: Ref, field: str, pool: str) -> Issue:
    """No lease yet; it comes by itself."""
    return _pending(
        about,
        field,
        "TB2031",
        f"An address of pool {quoted(pool)} has been asked for and is not there yet.",
        "Nothing needs to be done; what was published before stays.",
        pool,
    )


def pool_exhausted(about: Ref, field: str, pool: str, family: str, size: str, served: bool) -> Issue:
    """Every address is granted or in use. size: how many there are; served: whether it has one of the other family."""
    return (_warning if served else _error)(
        about,
        field,
        "TB2032",
        f"Pool {quoted(pool)} has no free {family} address left; all {size} are in use.",
        "Add a range to --ip-range, or delete a Service that has one; its address is free a minute later.",
        pool,
    )


def no_such_pool(about: Ref, field: str, pool: str, known: Iterable[str]) -> Issue:
    """A label that --ip-range does not have."""
    known = sorted(known)
    meant = nearest(pool, known)
    hint = "Give ranges of addresses with --ip-range."
    if known:
        hint = f'Did you mean "{meant}"?' if meant else f"Known here: {', '.join(known)}."
    return _error(about, field, "TB2033", f"{field} is {quoted(pool)}, and --ip-range has no such label.", hint, pool)


def no_such_family(about: Ref, field: str, pool: str, family: str, served: bool) -> Issue:
    """A pool without ranges of a family. served: whether there is an address of the other one."""
    return (_warning if served else _error)(
        about,
        field,
        "TB2034",
        f"Pool {quoted(pool)} has no range of {family} addresses, and spec.ipFamilies asks for one.",
        "Add a range to the label in --ip-range, or take the family out of spec.ipFamilies.",
        family,
    )


def address_outside(about: Ref, field: str, pool: str, address: str) -> Issue:
    """The ranges were changed under an address that is in use."""
    return _warning(
        about,
        field,
        "TB2035",
        f"The address {address} is in no range of pool {quoted(pool)} any more; it stays as long as it is used.",
        "Put it back into --ip-range, or make the Service anew to give it another one.",
        address,
    )


def several_source_ranges(about: Ref, field: str, ranges: Iterable[str], port: str, protocol: str) -> Issue:
    """Such a virtual server serves one prefix of source addresses: policies look at who connects by TCP only."""
    ranges = list(ranges)
    return _error(
        about,
        field,
        "TB2036",
        f"{field} comes to {len(ranges)} ranges of one family ({', '.join(ranges)});"
        f" {protocol}, as in {port}, takes one.",
        f"Write one prefix for each family that has them all, or give the {protocol} port a Service of its own.",
        ", ".join(ranges),
    )


def nobody_served(about: Ref, field: str, address: str) -> Issue:
    """Source ranges of the other family only."""
    return _warning(
        about,
        field,
        "TB2037",
        f"{field} has no range of {address}'s family, so nobody could reach it: there is no virtual server for it.",
        "Add a range of that family, for example 0.0.0.0/0 or ::/0.",
        address,
    )


def policy_unread(about: Ref, field: str, namespace: str, policy: str) -> Issue:
    """A reference to a Policy (cis.f5.com), which this version does not read."""
    named = quoted(f"{namespace}/{policy}")
    return _pending(
        about,
        field,
        "TB2038",
        f"{field} names Policy {named}, and Policies are not read: its settings are not applied.",
        "Take the annotation out if they are not needed.",
        policy,
    )


def no_partition(about: Ref, field: str) -> Issue:
    """Nobody says in which partition to publish."""
    return _error(
        about,
        field,
        "TB2039",
        "Neither the Service nor this controller names a partition.",
        f"Start with --bigip-partition, or write {field}.",
    )


def balancer_members_only(about: Ref) -> Issue:
    """The controller is limited to members of designated pools."""
    return _warning(
        about,
        "spec.type",
        "TB2013",
        "This controller runs with --members-only, which publishes no virtual servers.",
        "Nothing needs to be done if another controller publishes the Service.",
    )


# ---- TB30xx: the device


def refused_by_device(about: Ref, path: str, answer: str) -> Issue:
    """The device said no."""
    return _error(
        about,
        "",
        "TB3001",
        f"The BIG-IP refuses {path}: {answer.rstrip('.')}.",
        "What was there before stays in force; everything else is applied.",
        answer,
    )


def not_ours(about: Ref, path: str) -> Issue:
    """A wanted path exists without our mark."""
    return _error(
        about,
        "",
        "TB3002",
        f"{path} exists on the BIG-IP and bears no mark of this controller; it is left as it is.",
        "Delete or rename it there, rename yours, or take it over with --adopt.",
        path,
    )


def needs_refused(about: Ref, path: str, culprit: str) -> Issue:
    """Something that it needs was refused."""
    return _error(
        about,
        "",
        "TB3003",
        f"{path} waits, because it needs {culprit}, which could not be written.",
        "Mend that one first; nothing else is needed then.",
        culprit,
    )


def needs_spared(about: Ref, path: str, culprit: str) -> Issue:
    """Something that it needs, or whose place it takes, is left for later."""
    return _pending(
        about,
        "",
        "TB3020",
        f"{path} waits for {culprit}, which is held back for now.",
        "It follows by itself once that one is let go.",
        culprit,
    )


def mass_removal(device: Ref, step: str, confirmable: bool) -> Issue:
    """One step would take too much away. step: what, in words; confirmable: whether a second list is enough."""
    if confirmable:
        hint = "A second list that says the same confirms it; --allow-mass-delete does so at once."
    else:
        hint = "If it is meant, start with --allow-mass-delete, or set turnbuckle/allow-mass-delete on the Lease."
    return _error(device, "", "TB3021", f"{step} It is held back; everything else goes on.", hint, step)


def drifted(owner: Ref, path: str, what: str, mended: bool) -> Issue:
    """Somebody changed an object of ours on the device. what: in words, for example "members: -10.0.0.1:80"."""
    hint = (
        "It is put right again; change the object in the cluster instead."
        if mended
        else "It stays as it is (--drift report); change it back, or change the object in the cluster."
    )
    return _warning(owner, "", "TB3022", f"{path} was changed on the BIG-IP by somebody else: {what}.", hint)


def not_kept(device: Ref, reason: str) -> Issue:
    """No restore file could be written before a change."""
    hint = "Name a directory that can be written to with --restore-directory."
    return _warning(device, "", "TB3025", f"No restore file could be kept: {reason}.", hint, reason)


def election_troubled(device: Ref, reason: str) -> Issue:
    """What is in the way of electing a leader among the replicas."""
    hint = "Replicas need get, create and update for leases of coordination.k8s.io; a single one does without."
    return _warning(device, "", "TB3024", reason, hint, reason)


def frozen(owner: Ref, path: str, what: str) -> Issue:
    """A write that waits because somebody stopped writes. what: what is frozen, in words."""
    return _pending(
        owner, "", "TB3023", f"{path} waits, because {what} is frozen.", "turnbuckle freeze --lift lets it go.", what
    )


def owned_by_other(about: Ref, path: str, controller_id: str, owner: str) -> Issue:
    """Another controller made it; one of a folder may be ours, from before the folder was moved."""
    hint = "Give the two controllers different partitions, or rename one of the objects."
    if controller_id.startswith("files:"):
        hint = (
            f"If that is the same folder under its former path, write --controller-id={controller_id}; "
            "else give the two different partitions, or rename one of the objects."
        )
    return _error(
        about,
        "",
        "TB3004",
        f"{path} on the BIG-IP belongs to controller {controller_id} ({owner}); it is left as it is.",
        hint,
        controller_id,
    )


def node_held(about: Ref, path: str, address: str, holder: str, answer: str) -> Issue:
    """A member's address is another partition's node: a BIG-IP has each address in one node."""
    return _error(
        about,
        "",
        "TB3011",
        f"{path} needs a node for {address}, and the BIG-IP has that address as node {holder}.",
        "Start every controller of this BIG-IP with --share-nodes (nodes live in /Common then), or delete that node.",
        answer,
    )


def destination_held(about: Ref, path: str, what: str, answer: str) -> Issue:
    """A virtual server that is not ours is where one is to be. what: a clause about it."""
    return _error(
        about,
        "",
        "TB3013",
        f"The BIG-IP refuses {path}, for {what} already: {answer.rstrip('.')}.",
        "Choose another address or port, or delete what the BIG-IP has there.",
        answer,
    )


def partition_held(about: Ref, path: str, claim: str, controller_id: str, cluster_id: str) -> Issue:
    """Another controller has claimed the partition; one of a folder may be ours, from before the folder was moved.

    controller_id, cluster_id: empty for a claim that does not say whose it is.
    """
    holder = f"controller {controller_id} of cluster {cluster_id}" if controller_id else "a claim that names nobody"
    moved = "that is the same folder under its former path, or " if controller_id.startswith("files:") else ""
    same = f"If {moved}both are meant to be one, give this one --controller-id={controller_id}; else use"
    return _error(
        about,
        "",
        "TB3012",
        f"{path} is not written: its partition is held by {holder}.",
        f"{same if controller_id else 'Use'} another partition. If whoever made {claim} is gone for good, delete that "
        f"(tmsh delete ltm data-group internal {claim}).",
        controller_id,
    )


def save_failed(about: Ref, answer: str) -> Issue:
    """The running configuration could not be saved."""
    return _warning(
        about,
        "",
        "TB3005",
        f"The BIG-IP could not save its configuration: {answer.rstrip('.')}.",
        "Traffic is served, but a reboot of the BIG-IP would lose the changes; saving is tried again.",
        answer,
    )


def newer_elsewhere(device: Ref, units: str, group: str) -> Issue:
    """A sync of the device group would undo what somebody wrote to another unit."""
    return _error(
        device,
        "",
        "TB3026",
        f"Device group {group} is not synchronised, since that would undo changes of {units}.",
        f"Decide which side counts, and there run: tmsh run cm config-sync force-full-load-push to-group {group}",
        units,
    )


def sync_failed(device: Ref, reason: str) -> Issue:
    """The other units of the device group did not get what was written."""
    return _warning(
        device,
        "",
        "TB3027",
        f"The device group could not be synchronised: {reason.rstrip('.')}.",
        "Traffic is served, but a failover would bring back what was there before; it is tried again.",
        reason,
    )


def designated_pool_missing(about: Ref, path: str) -> Issue:
    """The pool that turnbuckle/pool names is not on the device."""
    return _pending(
        about,
        "metadata.annotations[turnbuckle/pool]",
        "TB3006",
        f"There is no pool {path} on the BIG-IP.",
        "Create it there, or correct the path; members follow then.",
        path,
    )


def member_taken(about: Ref, path: str, member: str) -> Issue:
    """Somebody else put this member into a designated pool."""
    return _warning(
        about,
        "metadata.annotations[turnbuckle/pool]",
        "TB3007",
        f"{member} is a member of {path} already, and bears no mark of this controller; it is left as it is.",
        "Nothing needs to be done if that is meant.",
        member,
    )


def partition_missing(about: Ref, partition: str) -> Issue:
    """The partition is not on the device."""
    return _error(
        about,
        "",
        "TB3008",
        f"There is no partition {partition} on the BIG-IP.",
        f"Create it (tmsh create auth partition {partition}), or start with --create-partition.",
        partition,
    )


def device_failing(about: Ref, reason: str, hint: str) -> Issue:
    """The device does not answer, or not as it should."""
    return _error(about, "", "TB3009", f"{reason.rstrip('.')}.", hint, reason)


def not_converging(about: Ref, path: str, times: int) -> Issue:
    """The device accepts a write and then reads back differently, or somebody undoes it each time."""
    return _error(
        about,
        "",
        "TB3010",
        f"{path} was written {times} times and still differs on the BIG-IP.",
        "It is tried again in five minutes. See who else writes there; if nobody does, please report it with the output"
        " of turnbuckle plan.",
        path,
    )


def content_missing(about: Ref, path: str) -> Issue:
    """A certificate or a key is to be made, and nobody has what is to be in it."""
    return _error(
        about,
        "",
        "TB3030",
        f"{path} is not on the BIG-IP as it was, and what was in it is not kept in restore files.",
        "Let the controller make it from the Secret: start it, or lift the freeze.",
        path,
    )


# ---- TB90xx: us


def program_fault(about: Ref, what: str) -> Issue:
    """A bug of ours; it concerns this object only."""
    return _error(
        about,
        "",
        "TB9001",
        f"Turnbuckle failed on this object ({what}).",
        "Its last good version stays in force. Please report it with the object's text.",
        what,
    )
