"""The configuration file: YAML, one mapping from names of settings to values, read with the line of each.

Values are taken as the text that stands in the file, so that a password 0123 or a namespace `no` needs no
quotes and one parser serves flags and file. All mistakes are found at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from turnbuckle.config.forms import Flaw
from turnbuckle.config.originals import KNOWN
from turnbuckle.config.settings import Setting
from turnbuckle.model.issue import nearest, quoted

LARGEST_BYTES = 262_144
# libyaml's parser, where the installed PyYAML has it, is ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of a setting: texts, and the line where it says so, counted from 1."""

    texts: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class FileMistake:
    """A mistake in the file's form. setting: the key, empty when it concerns the file."""

    line: int
    setting: str
    flaw: Flaw
    found: str = ""


@dataclass(frozen=True, slots=True)
class FileContent:
    """What was read; entries hold what could be understood."""

    entries: Mapping[str, Entry]
    mistakes: tuple[FileMistake, ...]


def read(path: Path) -> FileContent:
    """The content of a configuration file; what is wrong with it comes back as mistakes."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        return _unreadable(0, f"cannot be read: {error.strerror}.", "Name a YAML file with --config.")
    if len(raw) > LARGEST_BYTES:
        return _unreadable(
            0, f"has more than {LARGEST_BYTES} bytes.", "A configuration needs a few hundred: check the path."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _unreadable(line, f"is not UTF-8: byte 0x{raw[error.start]:02x}.", "Save it as UTF-8 text.")
    return parse(text)


def parse(text: str) -> FileContent:
    """The content of a configuration text."""
    try:
        documents = list(yaml.compose_all(text, Loader=_LOADER))
    except RecursionError:
        return _unreadable(0, "is nested too deep.", "Write one mapping: a name, a colon and a value on each line.")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return _unreadable(line, f"is not YAML: {error.problem or error.context}.", "Mend it.")
    except yaml.YAMLError as error:
        return _unreadable(0, f"is not YAML: {str(error).splitlines()[0]}.", "Mend it.")
    if not documents:
        return FileContent({}, ())
    if len(documents) > 1:
        line = documents[1].start_mark.line + 1
        return _unreadable(line, "holds more than one document.", "Keep one, without --- between the settings.")
    if isinstance(documents[0], yaml.ScalarNode) and documents[0].tag == _NULL:
        return FileContent({}, ())
    if not isinstance(documents[0], yaml.MappingNode):
        line = documents[0].start_mark.line + 1
        return _unreadable(line, "is no mapping.", "Write a setting's name, a colon and its value on each line.")
    return _settings(documents[0])


def _unreadable(line: int, message: str, hint: str) -> FileContent:
    return FileContent({}, (FileMistake(line, "", Flaw(message, hint)),))


def _settings(mapping: yaml.MappingNode) -> FileContent:
    entries: dict[str, Entry] = {}
    mistakes: list[FileMistake] = []
    again: dict[str, list[int]] = {}
    for key, node in mapping.value:
        line = key.start_mark.line + 1
        name = key.value if isinstance(key, yaml.ScalarNode) else "…"
        setting = KNOWN.get(name)
        if setting is None or not setting.in_file:
            mistakes.append(FileMistake(line, name, _not_here(name, setting), name))
        elif name in entries:
            again.setdefault(name, [entries[name].line]).append(line)
        else:
            texts = _texts(setting, node)
            if isinstance(texts, Flaw):
                mistakes.append(FileMistake(node.start_mark.line + 1, name, texts))
            else:
                entries[name] = Entry(texts, line)
    mistakes += (FileMistake(lines[0], name, _repeated(lines)) for name, lines in again.items())
    return FileContent(entries, tuple(mistakes))


def _repeated(lines: Sequence[int]) -> Flaw:
    places = ", ".join(map(str, lines[:-1]))
    return Flaw(f"stands there {len(lines)} times: on lines {places} and {lines[-1]}.", "Keep one of them.")


def _not_here(name: str, setting: Setting | None) -> Flaw:
    if setting is not None:
        return Flaw("cannot stand in a configuration file.", f"Give it on the command line, as --{name}.")
    meant = nearest(name, known_names())
    hint = f'Did you mean "{meant}"?' if meant else "turnbuckle config shows the settings there are."
    return Flaw("is no setting.", hint)


def known_names() -> Iterator[str]:
    """The names that may stand in a file."""
    return (name for name, setting in KNOWN.items() if setting.in_file)


def _texts(setting: Setting, node: yaml.Node) -> tuple[str, ...] | Flaw:
    if isinstance(node, yaml.ScalarNode):
        return () if node.tag == _NULL else (node.value,)
    if isinstance(node, yaml.SequenceNode) and setting.form.many:
        if all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return tuple(item.value for item in node.value if item.tag != _NULL)
        return Flaw("is a list that holds more than texts.", f"Write a list of {setting.form.placeholder}.")
    found = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
    wanted = f"{quoted(setting.form.placeholder)}" if not setting.form.many else "a text or a list of texts"
    return Flaw(f"is {found}.", f"Write {wanted} there.")
