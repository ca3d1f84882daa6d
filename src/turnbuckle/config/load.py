"""From flags, environment and file to a Config: who wins, what excludes what, and every mistake at once.

A flag wins over the environment, that over the configuration file, that over the default. What is given empty
counts as not given, and so does $(NAME), which Kubernetes leaves in an argument when the variable is not set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from turnbuckle.config import file as config_file
from turnbuckle.config.credentials import read_credential
from turnbuckle.config.forms import Flaw, Sealed, bigip_url, is_path
from turnbuckle.config.originals import KNOWN
from turnbuckle.config.settings import SETTINGS, Config, Setting

DEFAULT = "default"
_UNSET_VARIABLE = re.compile(r"\$\([A-Za-z_][A-Za-z0-9_.-]*\)")
_CREDENTIALS = ("bigip-url", "bigip-username", "bigip-password")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a setting; file and line are where a file says it (line 0: no particular one)."""

    setting: str
    message: str
    hint: str
    found: str = ""
    file: str = ""
    line: int = 0

    @property
    def text(self) -> str:
        """The sentences that a person reads."""
        # A file's name may hold anything, even what a terminal would take for a command.
        file = "".join(c if c.isprintable() else "?" for c in self.file)
        place = f"{file}:{self.line}: " if self.line else f"{file}: " if file else ""
        return f"{place}{self.message} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class Value:
    """A setting in force. origin: "default", "flag", "environment NAME", "file FILE:LINE" or "file FILE".

    file, line: where the configuration file says it; empty and 0 for what comes from elsewhere.
    """

    setting: Setting
    value: Any
    origin: str
    file: str = ""
    line: int = 0

    @property
    def given(self) -> bool:
        """Whether somebody gave it."""
        return self.origin != DEFAULT


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force. With mistakes, config has the defaults in the places of what is wrong.

    notes: what is said once and stops nothing.
    """

    config: Config
    values: Mapping[str, Value]
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[str, ...] = ()

    def given(self, name: str) -> bool:
        """Whether somebody gave this setting."""
        return name in self.values and self.values[name].given

    def mistake(self, name: str, message: str, hint: str) -> Mistake:
        """A mistake in a setting whose text is right by itself, at its place in the configuration file."""
        return _at(self.values, name, message, hint)


def _at(values: Mapping[str, Value], name: str, message: str, hint: str) -> Mistake:
    value = values.get(name)
    return Mistake(name, message, hint, file=value.file if value else "", line=value.line if value else 0)


@dataclass(frozen=True, slots=True)
class _Given:
    texts: tuple[str, ...]
    origin: str
    called: str
    file: str = ""
    line: int = 0


@dataclass(slots=True)
class _Desk:
    """What gathers while settings are read."""

    values: dict[str, Value] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    from_directory: set[str] = field(default_factory=set)

    def wrong(self, setting: str, message: str, hint: str) -> None:
        """Notes down a mistake that is not of one text alone."""
        self.mistakes.append(_at(self.values, setting, message, hint))


def load(flags: Mapping[str, Sequence[str]], environ: Mapping[str, str]) -> Loaded:
    """The settings in force, given the texts of each flag by its name without dashes."""
    desk = _Desk()
    path = _config_path(flags)
    content = config_file.read(path) if path else config_file.FileContent({}, ())
    for mistake in content.mistakes:
        desk.mistakes.append(_of_file(str(path), mistake))
    for name, setting in KNOWN.items():
        for given in _places(setting, flags, environ, content.entries, str(path)):
            _take(setting, given, desk)
            break
        else:
            if setting.meaning:
                desk.values[name] = Value(setting, setting.default, DEFAULT)
    _complete(desk)
    _check(desk)
    # The login is left to CredentialSource, which reads the directory again when it changes.
    left = desk.from_directory - {"bigip-url"}
    chosen = {s.attribute: desk.values[s.name].value for s in SETTINGS if s.name not in left}
    return Loaded(Config(**chosen), desk.values, tuple(desk.mistakes), tuple(desk.notes))


def _config_path(flags: Mapping[str, Sequence[str]]) -> Path | None:
    texts = [text for text in flags.get("config", ()) if _is_given(text)]
    return Path(texts[-1]) if texts and is_path(texts[-1]) else None


def _of_file(path: str, mistake: config_file.FileMistake) -> Mistake:
    called = mistake.setting or "The file"
    return Mistake(
        mistake.setting,
        f"{called} {mistake.flaw.message}",
        mistake.flaw.hint,
        mistake.found,
        path,
        mistake.line,
    )


def _is_given(text: str) -> bool:
    return bool(text.strip()) and not _UNSET_VARIABLE.fullmatch(text)


def _places(
    setting: Setting,
    flags: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    entries: Mapping[str, config_file.Entry],
    path: str,
) -> Iterator[_Given]:
    """Where the setting is given, the place that wins first."""
    texts = tuple(text for text in flags.get(setting.name, ()) if _is_given(text))
    if texts:
        yield _Given(texts, "flag", f"--{setting.name}")
    text = environ.get(setting.environment, "") if setting.environment else ""
    if _is_given(text):
        yield _Given((text,), f"environment {setting.environment}", setting.environment)
    entry = entries.get(setting.name)
    if entry and any(_is_given(text) for text in entry.texts):
        kept = tuple(text for text in entry.texts if _is_given(text))
        yield _Given(kept, f"file {path}:{entry.line}", setting.name, path, entry.line)


def _take(setting: Setting, given: _Given, desk: _Desk) -> None:
    value = setting.form.parse(given.texts)
    if isinstance(value, Flaw):
        found = "" if setting.form.secret or "@" in given.texts[-1] else given.texts[-1]
        desk.mistakes.append(
            Mistake(
                setting.name,
                f"{given.called} {value.message}",
                value.hint,
                found[:200],
                given.file,
                given.line,
            )
        )
        desk.values[setting.name] = Value(setting, setting.default, DEFAULT)
        return
    desk.values[setting.name] = Value(setting, value, given.origin, given.file, given.line)
    if not setting.meaning:
        desk.notes.append(f"{given.called} has no meaning here. {setting.doc}")


def _complete(desk: _Desk) -> None:
    """Fills in what follows from others: the files of the credentials directory, the way to a cluster."""
    directory = desk.values["credentials-directory"].value
    if directory is not None:
        for name in _CREDENTIALS:
            if not desk.values[name].given:
                _from_directory(desk, KNOWN[name], directory)
    kubeconfig, in_cluster = desk.values["kubeconfig"], desk.values["running-in-cluster"]
    if kubeconfig.given and in_cluster.value:
        if in_cluster.given:
            desk.notes.append("--kubeconfig is given, so --running-in-cluster=true has no effect.")
        origin = DEFAULT if not in_cluster.given else in_cluster.origin
        desk.values["running-in-cluster"] = replace(in_cluster, value=False, origin=origin)


def _from_directory(desk: _Desk, setting: Setting, directory: Path) -> None:
    place = directory / setting.name.removeprefix("bigip-")
    try:
        text = read_credential(directory, place.name)
    except FileNotFoundError:
        return
    except OSError as error:
        desk.mistakes.append(
            Mistake(
                setting.name,
                f"The file cannot be read: {error.strerror}.",
                "Mend its permissions.",
                file=str(place),
            )
        )
        return
    except ValueError as error:
        desk.mistakes.append(
            Mistake(setting.name, f"The file {error}.", "Write the value alone into it.", file=str(place))
        )
        return
    if not _is_given(text):
        return
    value: object = Sealed(text) if setting.form.secret else text
    if setting.name == "bigip-url":
        value = bigip_url(text)
        if isinstance(value, Flaw):
            desk.mistakes.append(Mistake(setting.name, f"The URL {value.message}", value.hint, file=str(place)))
            return
    desk.values[setting.name] = Value(setting, value, f"file {place}")
    desk.from_directory.add(setting.name)


def _check(desk: _Desk) -> None:
    """What holds between settings."""
    values = desk.values
    if values["namespace"].given and values["namespace-label"].given:
        desk.wrong(
            "namespace-label",
            "--namespace and --namespace-label exclude each other, and both are given.",
            "Keep one: a list of namespaces, or the labels that they bear.",
        )
    if values["insecure"].value and values["trusted-certs"].given:
        desk.notes.append("--trusted-certs has no effect, because --insecure verifies nothing.")
    if values["members-only"].value and values["create-partition"].value:
        desk.notes.append("--create-partition has no effect with --members-only, which writes into existing pools.")
