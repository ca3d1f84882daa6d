"""JSON that stands as text in a field: strictly what JSON is, with the keys that stand twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from turnbuckle.model.issue import key


class NotJson(Exception):
    """Why a text is not JSON, and where: line and column count from 1."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


def parse(text: str, root: str) -> tuple[Any, tuple[str, ...]]:
    """The value, and the paths below `root` of keys that stand twice in one object.

    Raises:
        NotJson: it is not JSON.
        UnicodeEncodeError: it holds half a surrogate pair, which no text can hold that is sent to a device.
    """
    twice: dict[int, list[str]] = {}
    kept: list[dict[str, Any]] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            kept.append(made)
            twice[id(made)] = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        return made

    try:
        value = json.loads(text, object_pairs_hook=mapping, parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode()
        paths = tuple(_paths(value, root, twice)) if twice else ()
    except UnicodeEncodeError:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(error.msg[:1].lower() + error.msg[1:], error.lineno, error.colno) from error
    except ValueError as error:
        raise NotJson("a number has too many digits") from error
    except RecursionError as error:
        raise NotJson("it is nested too deeply") from error
    return value, paths


def _no_number(word: str) -> NoReturn:
    raise NotJson(f"{word} is no number in JSON")


def _paths(value: Any, path: str, twice: dict[int, list[str]]) -> Iterator[str]:
    yield from (f"{path}.{key(name)}" for name in twice.get(id(value), ()))
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _paths(part, f"{path}.{key(name)}", twice)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _paths(part, f"{path}[{number}]", twice)
