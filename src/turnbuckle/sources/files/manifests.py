"""One file of manifests: which objects it holds, what is wrong with it, and what it seems to hold when it is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from turnbuckle.engine.protocol import Kind
from turnbuckle.kit import selector
from turnbuckle.kit.shape import as_json
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.ref import Flawed, Origin, Put, Ref
from turnbuckle.sources.base import decoded
from turnbuckle.sources.files import json_text, nearly, yaml_text
from turnbuckle.sources.files.document import Document, TextFlaw, child

LARGEST_FILE = 5_000_000

_ITEM = re.compile(r"items\[(\d+)\]\.?(.*)", re.DOTALL)
_KIND = re.compile(r'^ {0,4}"?kind"?:\s*"?([\w.-]+)', re.MULTILINE)
_METADATA = re.compile(r'^ {0,4}"?metadata"?:[^\n]*\n((?:[ \t]+[^\n]*\n?|\s*\n)+)', re.MULTILINE)
_NAME = re.compile(r'^\s+"?name"?:\s*["\']?([\w.-]+)', re.MULTILINE)
_NAMESPACE = re.compile(r'^\s+"?namespace"?:\s*["\']?([\w.-]+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Item:
    """An object in a file. guessed: the file is broken, and seems to hold it."""

    event: Put | Flawed
    origin: Origin
    guessed: bool = False

    @property
    def ref(self) -> Ref:
        """Its name."""
        return self.event.obj.ref if isinstance(self.event, Put) else self.event.ref


@dataclass(frozen=True, slots=True)
class FileReading:
    """What a file holds.

    whole: nothing in it was left out for being wrong; else objects that it held before may still be meant.
    known: its text could be read; else nothing at all is known of it.
    lines: line of each issue's field about the file itself.
    others: how many objects it holds that are not read.
    """

    items: tuple[Item, ...] = ()
    issues: tuple[Issue, ...] = ()
    whole: bool = True
    known: bool = True
    lines: Mapping[str, int] = field(default_factory=dict)
    others: int = 0


def file_ref(name: str) -> Ref:
    """How a file is called in issues."""
    return Ref("", "File", "", name)


def read_text(name: str, body: bytes, kinds: Sequence[Kind], size: int = 0) -> FileReading:
    """The reading of a file's bytes; name: its path relative to the folder; size: bytes on the disk, if more."""
    about = file_ref(name)
    if len(body) > LARGEST_FILE:
        reason = f"it has {max(size, len(body))} bytes, and more than {LARGEST_FILE} are not read"
        return _broken(name, body.decode(errors="replace"), issues_of.unreadable(about, reason), 1, kinds)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        reason = f"byte 0x{body[error.start]:02x} at line {line} cannot stand there"
        return _broken(name, body.decode(errors="replace"), issues_of.not_utf8(about, "", reason), line, kinds)
    is_json = name.endswith(".json")
    try:
        documents = _json(text) if is_json else list(yaml_text.documents(text))
    except TextFlaw as flaw:
        found = (
            issues_of.unreadable(about, f"it is not JSON, {flaw.reason}")
            if is_json
            else issues_of.not_yaml(about, flaw.reason)
        )
        return _broken(name, text, found, flaw.line, kinds)
    return _Reading(name, documents, kinds).reading()


def _json(text: str) -> list[Document]:
    return [json_text.document(text)] if text.strip() else []


class _Reading:
    """One pass over the documents of a file."""

    def __init__(self, name: str, documents: Sequence[Document], kinds: Sequence[Kind]) -> None:
        self._name = name
        self._documents = documents
        self._kinds = kinds
        self._names = frozenset(kind.name for kind in kinds)
        self._items: list[Item] = []
        self._issues: list[Issue] = []
        self._lines: dict[str, int] = {}
        self._others = 0

    def reading(self) -> FileReading:
        for number, document in enumerate(self._documents):
            place = f"[{number}]" if len(self._documents) > 1 else ""
            for part, where in _flattened(document, place):
                self._object(part, where)
        whole = all(issue.severity is not Severity.ERROR for issue in self._issues)
        return FileReading(tuple(self._items), tuple(self._issues), whole, lines=self._lines, others=self._others)

    def _wrong(self, document: Document, place: str, field_path: str, reason: str) -> None:
        where = child(place, field_path) if field_path else place
        self._lines[where] = document.lines.get(field_path, document.line)
        self._issues.append(issues_of.not_a_manifest(file_ref(self._name), where, reason))

    def _object(self, document: Document, place: str) -> None:
        raw = document.value
        if raw is None:
            return
        if not isinstance(raw, dict):
            what = "a list" if isinstance(raw, list) else f"the text {issues_of.quoted(raw)}"
            self._wrong(document, place, "", f"it is {what} at line {document.line}")
            return
        name = raw.get("kind")
        if not isinstance(name, str) or not name:
            self._wrong(document, place, "kind", f"kind is {_shown(name)} at line {document.line}")
            return
        version = raw.get("apiVersion")
        if name in self._names and (not isinstance(version, str) or not version):
            self._wrong(document, place, "apiVersion", f"apiVersion is {_shown(version)}")
            return
        kinds = [kind for kind in self._kinds if kind.name == name and nearly.api_version(kind) == version]
        if kinds:
            self._known(document, place, raw, kinds)
            return
        self._others += 1
        meant = nearly.meant_kind(file_ref(self._name), place, name, version, self._kinds)
        if meant is not None:
            part = meant.field.rpartition(".")[2]
            self._lines[meant.field] = document.lines.get(part, document.line)
            self._issues.append(meant)

    def _known(self, document: Document, place: str, raw: dict[str, Any], kinds: Sequence[Kind]) -> None:
        metadata = raw.get("metadata")
        if not isinstance(metadata, dict):
            self._wrong(document, place, "metadata", f"metadata is {_shown(metadata)}")
            return
        for key in ("name", "namespace"):
            value = metadata.get(key)
            if not isinstance(value, str) and not (value is None and key == "namespace"):
                self._wrong(document, place, f"metadata.{key}", f"metadata.{key} is {_shown(value)}")
                return
        labels = metadata.get("labels")
        texts = {key: value for key, value in labels.items() if isinstance(value, str)} if _is_map(labels) else {}
        for kind in kinds:
            namespace = (metadata.get("namespace") or "default") if kind.resource.namespaced else ""
            named = {**raw, "metadata": {**metadata, "namespace": namespace}}
            ref = Ref("", kind.name, namespace, metadata["name"])
            if selector.matches(kind.resource.selector, texts):
                self._decode(document, kind, named, ref)
            else:
                self._left_out(document, kind, named, ref)

    def _decode(self, document: Document, kind: Kind, raw: dict[str, Any], ref: Ref) -> None:
        twice = [issues_of.duplicate_key(ref, one.field, one.line, one.first_line) for one in document.twice]
        wrong = (*twice, *nearly.bad_names(ref))
        event = Flawed(ref, wrong) if wrong else decoded(kind, raw, ref)
        if isinstance(event, Put | Flawed):
            self._item(document, event)
            self._issues.extend(nearly.odd_texts(ref, raw["metadata"]))

    def _left_out(self, document: Document, kind: Kind, raw: dict[str, Any], ref: Ref) -> None:
        """An object without the labels that its kind asks for: unless they were meant, it does not concern us."""
        self._others += 1
        labels = raw["metadata"].get("labels")
        if labels is not None and not _is_map(labels):
            self._item(document, Flawed(ref, tuple(nearly.odd_texts(ref, {"labels": labels}))))
            return
        event = decoded(kind, raw, ref)
        if isinstance(event, Flawed):
            self._item(document, event)

    def _item(self, document: Document, event: Put | Flawed) -> None:
        origin = Origin(self._name, document.line, {**_embedded(document), **document.lines})
        if isinstance(event, Put):
            event = Put(replace(event.obj, origin=origin))
        self._items.append(Item(event, origin))


def _is_map(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _shown(value: object) -> str:
    return "missing" if value is None else f"{as_json(value)}, not a text" if value != "" else "empty"


def _flattened(document: Document, place: str) -> Iterator[tuple[Document, str]]:
    """The document, or the items of a `kind: List`, each with its path in the file."""
    raw = document.value
    if not (isinstance(raw, dict) and raw.get("kind") == "List" and isinstance(raw.get("items"), list)):
        yield document, place
        return
    parts = [Document(value, document.line) for value in raw["items"]]
    for path, line in document.lines.items():
        found = _ITEM.fullmatch(path)
        if found and found[2]:
            parts[int(found[1])].lines[found[2]] = line
        elif found:
            parts[int(found[1])].line = line
    for path, line in document.literal.items():
        if found := _ITEM.fullmatch(path):
            parts[int(found[1])].literal[found[2]] = line
    for twice in document.twice:
        if found := _ITEM.fullmatch(twice.field):
            parts[int(found[1])].twice.append(replace(twice, field=found[2]))
    for number, part in enumerate(parts):
        yield from _flattened(part, child(place, f"items[{number}]"))


def _embedded(document: Document) -> dict[str, int]:
    """Lines of the fields in JSON that stands as text in a ConfigMap; only a literal block keeps its lines."""
    lines: dict[str, int] = {}
    texts = document.value.get("data")
    if not isinstance(texts, dict):
        return lines
    for key, text in texts.items():
        path = child("data", key)
        first = document.literal.get(path)
        if first is not None and isinstance(text, str) and text.lstrip()[:1] in ("{", "["):
            lines.update(json_text.lines_of(text, path, first).lines)
    return lines


def _broken(name: str, text: str, found: Issue, line: int, kinds: Sequence[Kind]) -> FileReading:
    """A file that cannot be read as a whole; the objects that it seems to hold must not count as deleted."""
    origin = Origin(name, line)
    guesses = dict.fromkeys(_guessed(text[:LARGEST_FILE], kinds))
    items = [Item(Flawed(ref, (issues_of.in_broken_file(ref, name),)), origin, guessed=True) for ref in guesses]
    return FileReading(tuple(items), (found,), whole=False, lines={"": line})


def _guessed(text: str, kinds: Sequence[Kind]) -> Iterator[Ref]:
    by_name = {kind.name: kind for kind in kinds}
    for part in re.split(r"^---.*$", text, flags=re.MULTILINE):
        kind, metadata = _KIND.search(part), _METADATA.search(part)
        if kind is None or metadata is None or kind[1] not in by_name:
            continue
        name, namespace = _NAME.search(metadata[1]), _NAMESPACE.search(metadata[1])
        if name is not None:
            inside = namespace[1] if namespace else "default"
            yield Ref("", kind[1], inside if by_name[kind[1]].resource.namespaced else "", name[1])
