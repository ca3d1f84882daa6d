"""What the text of a setting may be: parsers from text to a value, or to the flaw that a person reads.

A parser is given every text that one place holds for the setting (a flag may stand on the command line
twice). A form for one value reads the last of them, as the original's command line does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from turnbuckle.kit import partition as partitions
from turnbuckle.kit import selector
from turnbuckle.kit.addresses import bigip_address
from turnbuckle.model.issue import nearest, quoted

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a text; `message` follows the setting's name: `is 0, which is below 1.`"""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret that no print, log or traceback shows; `reveal` is for the code that sends it."""

    _text: str = ""

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***" if self._text else "''"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Form(Generic[T_co]):
    """How a setting is written.

    placeholder: what stands for the value in help. bare: the text that the flag alone stands for; a flag that
    has one never takes the next word for its value. many: each place may hold several. secret: the value is
    never shown.
    """

    placeholder: str
    parse: Callable[[Sequence[str]], T_co | Flaw]
    bare: str = ""
    many: bool = False
    secret: bool = False


def _single(placeholder: str, parse: Callable[[str], T | Flaw]) -> Form[T]:
    def last(texts: Sequence[str]) -> T | Flaw:
        if len(texts[-1]) > _LONGEST_TEXT:
            return Flaw(
                f"has {len(texts[-1])} characters; more than {_LONGEST_TEXT} are not read.",
                "Check what was pasted there.",
            )
        return parse(texts[-1])

    return Form(placeholder, last)


def _unprintable(text: str) -> Flaw | None:
    if all(c.isprintable() for c in text):
        return None
    return Flaw(f"is {quoted(text)} and holds control characters.", "Write it on one line, without them.")


def text(placeholder: str = "TEXT") -> Form[str]:
    """Any text on one line."""
    return _single(placeholder, lambda given: _unprintable(given) or given)


def secret() -> Form[Sealed]:
    """A text that is never shown. A newline at its end, as `echo` leaves one, does not belong to it."""

    def seal(texts: Sequence[str]) -> Sealed:
        return Sealed(texts[-1].rstrip("\r\n"))

    return Form("SECRET", seal, secret=True)


TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


def boolean(given: str) -> bool | Flaw:
    """True or false, in the words that the original's command line takes."""
    if given in TRUE:
        return True
    if given in FALSE:
        return False
    return Flaw(f"is {quoted(given)}, which is neither true nor false.", "Write true or false.")


def yes_no() -> Form[bool]:
    """A switch."""
    return Form("true|false", lambda texts: boolean(texts[-1]), bare="true")


def whole_number(low: int, high: int) -> Form[int]:
    """A whole number from low to high."""

    def parse(given: str) -> int | Flaw:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", given):
            return Flaw(f"is {quoted(given)}, which is not a whole number.", f"Write one from {low} to {high}.")
        number = int(given)
        if not low <= number <= high:
            return Flaw(f"is {number}, which is outside {low} to {high}.", f"Write a number from {low} to {high}.")
        return number

    return _single("NUMBER", parse)


def one_of(
    known: Sequence[str],
    *,
    aliases: Mapping[str, str] | None = None,
    refused: Mapping[str, Flaw] | None = None,
    fold: Callable[[str], str] = str,
) -> Form[str]:
    """One word of a list; `refused`: words of the original that are not taken here, and what is said then."""

    def parse(given: str) -> str | Flaw:
        word = fold(given)
        word = (aliases or {}).get(word, word)
        if word in known:
            return word
        if refused and word in refused:
            return refused[word]
        meant = nearest(word, known)
        guess = f'Did you mean "{meant}"? ' if meant else ""
        return Flaw(f"is {quoted(given)}, which is not known there.", f"{guess}Write one of: {', '.join(known)}.")

    return _single("|".join(known), parse)


def many(form: Form[str]) -> Form[tuple[str, ...]]:
    """Several of a form; what stands there twice counts once."""

    def parse(texts: Sequence[str]) -> tuple[str, ...] | Flaw:
        values: list[str] = []
        for given in texts:
            value = form.parse([given])
            if isinstance(value, Flaw):
                return value
            values.append(value)
        return tuple(dict.fromkeys(values))

    return Form(form.placeholder, parse, many=True)


def partition() -> Form[str]:
    """The name of a BIG-IP partition that a controller may fill."""

    def parse(given: str) -> str | Flaw:
        if given == "Common":
            return Flaw(
                "is Common, which belongs to the whole device.",
                "Write a partition of its own, for example k8s.",
            )
        if "," in given:
            return Flaw(f"is {quoted(given)}, which has a comma.", "Write each partition on its own.")
        if not partitions.is_name(given):
            return Flaw(f"is {quoted(given)}, which is no name of a partition.", partitions.ALLOWED)
        return given

    return _single("NAME", parse)


def namespace() -> Form[str]:
    """The name of a Kubernetes namespace."""

    def parse(given: str) -> str | Flaw:
        if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", given):
            return given
        return Flaw(
            f"is {quoted(given)}, which is no name of a namespace.",
            "Use up to 63 small letters, digits and hyphens; give each namespace on its own.",
        )

    return _single("NAME", parse)


def label_selector() -> Form[str]:
    """A Kubernetes label selector."""

    def parse(given: str) -> str | Flaw:
        try:
            selector.parse(given)
        except ValueError as error:
            return Flaw(f"is {quoted(given)}: {error}.", "Write for example app=web,tier in (front, back),!old.")
        return given

    return _single("SELECTOR", parse)


def identifier() -> Form[str]:
    """A name that fits into the ownership mark: no blanks."""

    def parse(given: str) -> str | Flaw:
        if re.fullmatch(r"[A-Za-z0-9_.:@/-]{1,128}", given):
            return given
        return Flaw(
            f"is {quoted(given)}, which does not fit into an ownership mark.",
            "Use up to 128 letters, digits and the characters _ . : @ / -, without blanks.",
        )

    return _single("ID", parse)


def device_path() -> Form[str]:
    """The full path of an object on the BIG-IP; the first slash may be left out, as the original allows."""

    def parse(given: str) -> str | Flaw:
        path = "/" + given.removeprefix("/")
        if re.fullmatch(r"(/[A-Za-z0-9_.:-]+){2,}", path):
            return path
        return Flaw(
            f"is {quoted(given)}, which is no full path.",
            "Write /partition/name, for example /Common/egress.",
        )

    return _single("/PARTITION/NAME", parse)


def is_path(given: str) -> bool:
    """Whether a text can be a path: arguments that are not UTF-8 come as lone surrogates, which nobody can print."""
    return "\0" not in given and not any(0xD800 <= ord(c) <= 0xDFFF for c in given)


def path(must_be: str = "") -> Form[Path | None]:
    """A path in the file system. must_be: "file" or "directory"; empty: nobody looks whether it is there."""

    def parse(given: str) -> Path | Flaw:
        if not is_path(given):
            return Flaw("holds bytes that are no text, or a NUL character.", "Write a path in UTF-8.")
        place = Path(given)
        if must_be == "file" and not place.is_file():
            there = "is a directory" if place.is_dir() else "is not there"
            return Flaw(f"is {quoted(given)}, which {there}.", "Write the path of a file.")
        if must_be == "directory" and not place.is_dir():
            there = "is a file" if place.exists() else "is not there"
            return Flaw(f"is {quoted(given)}, which {there}.", "Write the path of a directory.")
        return place

    return _single({"file": "FILE", "directory": "DIR"}.get(must_be, "PATH"), parse)


def certificates() -> Form[Path | None]:
    """A file of certificates in PEM form."""
    file = path("file")

    def parse(given: str) -> Path | Flaw | None:
        place = file.parse([given])
        if not isinstance(place, Path):
            return place
        try:
            pem = place.read_bytes()
        except OSError as error:
            return Flaw(f"is {quoted(given)}, which cannot be read: {error.strerror}.", "Mend its permissions.")
        if b"-----BEGIN CERTIFICATE-----" not in pem:
            return Flaw(
                f"is {quoted(given)}, which holds no certificate in PEM form.",
                "It must have -----BEGIN CERTIFICATE----- lines.",
            )
        return place

    return _single("FILE", parse)


def port_flaw(number: int | None) -> Flaw | None:
    """What is wrong with a port."""
    if number is not None and not 1 <= number <= 65535:
        return Flaw(f"has port {number}, which is outside 1 to 65535.", "Write a port from 1 to 65535.")
    return None


def host() -> Form[str]:
    """A host by its name or its address, without scheme, port and path."""

    def parse(given: str) -> str | Flaw:
        if _is_host(given):
            return f"[{given}]" if ":" in given else given
        return Flaw(
            f"is {quoted(given)}, which is no host.", "Write its name or its address alone, as grid.example.com."
        )

    return _single("HOST", parse)


def address() -> Form[str]:
    """An address that a virtual server can have, with its route domain where that is not 0."""

    def parse(given: str) -> str | Flaw:
        return bigip_address(given) or Flaw(
            f"is {quoted(given)}, which is no IP address.",
            "Write an IPv4 or IPv6 address, for example 203.0.113.7; a route domain follows as %2.",
        )

    return _single("ADDRESS", parse)


def listen_address() -> Form[str]:
    """HOST:PORT; an empty host means every address."""

    def parse(given: str) -> str | Flaw:
        host, colon, port = given.rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,9}", port):
            return Flaw(f"is {quoted(given)}, which is not HOST:PORT.", "Write for example 0.0.0.0:8080.")
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            return Flaw(f"is {quoted(given)}, an IPv6 address without brackets.", "Write [ADDRESS]:PORT.")
        return port_flaw(int(port)) or given

    return _single("HOST:PORT", parse)


def _split_url(given: str) -> SplitResult | Flaw:
    try:
        parts = urlsplit(given if "://" in given else f"https://{given}")
        port = parts.port
    except ValueError:
        return Flaw(
            "is no URL: its host or port cannot be read.",
            "Write https://HOST or https://HOST:PORT, an IPv6 address in brackets, a port 1 to 65535.",
        )
    return port_flaw(port) or parts


def bigip_url(given: str) -> str | Flaw:
    """The URL of a BIG-IP: https, a host, perhaps a port, and no path; a flaw never repeats a password."""
    parts = _split_url(given)
    if isinstance(parts, Flaw):
        return parts
    if "@" in parts.netloc:
        return Flaw(
            "holds a user name or a password.",
            "Take them out; give --bigip-username and --bigip-password instead.",
        )
    checks: Iterable[tuple[bool, str, str]] = (
        (
            parts.scheme != "https",
            f"is {quoted(given)}, which does not begin with https://.",
            "A BIG-IP speaks HTTPS.",
        ),
        (not _is_host(parts.hostname), f"is {quoted(given)}, which names no host.", "Write https://HOST."),
        (
            parts.path not in ("", "/") or bool(parts.query or parts.fragment),
            f"is {quoted(given)}, which goes on after the host.",
            f"Write https://{parts.netloc}, without a path.",
        ),
    )
    for wrong, message, hint in checks:
        if wrong:
            return Flaw(message, hint)
    return f"https://{parts.netloc}"


def _is_host(host: str | None) -> bool:
    if not host:
        return False
    if ":" in host:
        try:
            return bool(ipaddress.IPv6Address(host))
        except ValueError:
            return False
    return re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})", host) is not None


def url() -> Form[str]:
    """The URL of a BIG-IP."""
    return _single("URL", bigip_url)
