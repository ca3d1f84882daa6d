"""Decides what the commands answer that look things up: `class` in data groups, `table` in the session table."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bigipsim.dataplane.irule.groups import BadOperand, Group
from bigipsim.dataplane.irule.session import (
    Failed,
    Functions,
    Result,
    Session,
    bad_option,
    number,
    wrong_arguments,
)
from bigipsim.dataplane.irule.table import TIMEOUT_S, Entry, Table
from bigipsim.dataplane.irule.vocabulary import OPERATORS

CLASS_OPTIONS: Final = ("-all", "-index", "-element", "-list", "-name", "-value")
TABLE_FLAGS: Final = ("-notouch", "-mustexist", "-excl", "-remaining", "-count", "-all")
INDEFINITE: Final = frozenset({"indef", "indefinite", "inf", "infinite"})


class _Options(NamedTuple):
    """What `class match` is to answer: "" for whether there is a hit, else "index", "name", "value", "element"."""

    what: str
    every: bool


def _options(words: list[str]) -> _Options:
    """Takes the options off the words."""
    what, every = "", False
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option not in CLASS_OPTIONS:
            raise bad_option(option, CLASS_OPTIONS)
        if option in ("-all", "-list"):
            every = True
        else:
            what = option[1:]
    return _Options(what, every)


def _group(session: Session, name: str) -> Group:
    found = session.group(name)
    if found is None:
        raise Failed(f'class "{name}" does not exist')
    return found


def _shown(hit: tuple[int, str, str], what: str) -> str:
    index, key, value = hit
    return {"index": str(index), "name": key, "value": value}.get(what, f"{{{key}}} {{{value}}}")


def _found(group: Group, item: str, operator: str, reverse: bool = False) -> list[tuple[int, str, str]]:
    try:
        return list(group.hits(item, operator, reverse))
    except BadOperand as fault:
        raise Failed(str(fault)) from None


def _hits(group: Group, item: str, operator: str, options: _Options, reverse: bool) -> Result:
    if operator not in OPERATORS:
        raise bad_option(operator, sorted(OPERATORS), "operator")
    found = _found(group, item, operator, reverse)
    if options.every:
        return [_shown(hit, options.what) for hit in found]
    if not options.what:
        return int(bool(found))
    return _shown(found[0], options.what) if found else ""


def _match(session: Session, words: list[str]) -> Result:
    options = _options(words)
    if len(words) != 3:
        raise wrong_arguments("class match ?options? ?--? item operator class")
    item, operator, name = words
    return _hits(_group(session, name), item, operator, options, reverse=False)


def _search(session: Session, words: list[str]) -> Result:
    options = _options(words)
    if len(words) != 3:
        raise wrong_arguments("class search ?options? ?--? class operator item")
    name, operator, item = words
    return _hits(_group(session, name), item, operator, options, reverse=True)


def _lookup(session: Session, words: list[str]) -> Result:
    if len(words) != 2:
        raise wrong_arguments("class lookup item class")
    return next((value for _, _, value in _found(_group(session, words[1]), words[0], "equals")), "")


def _exists(session: Session, words: list[str]) -> Result:
    return int(session.group(words[-1]) is not None)


def _size(session: Session, words: list[str]) -> Result:
    return len(_group(session, words[-1]).records)


def _type(session: Session, words: list[str]) -> Result:
    return _group(session, words[-1]).sort


def _names(session: Session, words: list[str]) -> Result:
    fold = words[:1] == ["-nocase"]
    rest = words[1:] if fold else words
    keys = list(_group(session, rest[0]).records)
    if len(rest) < 2:
        return keys
    if fold:
        return [key for key in keys if fnmatch.fnmatchcase(key.lower(), rest[1].lower())]
    return [key for key in keys if fnmatch.fnmatchcase(key, rest[1])]


def _get(session: Session, words: list[str]) -> Result:
    pattern = words[1] if len(words) > 1 else "*"
    found = _group(session, words[0]).records.items()
    return [_shown((0, key, value), "element") for key, value in found if fnmatch.fnmatchcase(key, pattern)]


def _element(session: Session, words: list[str]) -> Result:
    options = _options(words)
    if len(words) != 2:
        raise wrong_arguments("class element ?options? index class")
    records = list(_group(session, words[1]).records.items())
    place = number(words[0])
    return _shown((place, *records[place]), options.what) if 0 <= place < len(records) else ""


def _startsearch(session: Session, words: list[str]) -> Result:
    """Begins to go through a group; answers the number of the search."""
    _group(session, words[0])
    session.searches.append(0)
    return len(session.searches) - 1


def _search_at(session: Session, words: list[str]) -> tuple[int, list[tuple[str, str]]]:
    """The number of a search and the records that it goes through."""
    if len(words) != 2:
        raise wrong_arguments("class anymore|nextelement|donesearch class search")
    search = number(words[1])
    if not 0 <= search < len(session.searches):
        raise Failed(f'no such search: "{words[1]}"')
    return search, list(_group(session, words[0]).records.items())


def _anymore(session: Session, words: list[str]) -> Result:
    search, records = _search_at(session, words)
    return int(session.searches[search] < len(records))


def _nextelement(session: Session, words: list[str]) -> Result:
    options = _options(words)
    search, records = _search_at(session, words)
    place = session.searches[search]
    session.searches[search] += 1
    return _shown((place, *records[place]), options.what) if place < len(records) else ""


def _donesearch(session: Session, words: list[str]) -> Result:
    _search_at(session, words)
    return ""


CLASS: Final[dict[str, Callable[[Session, list[str]], Result]]] = {
    "match": _match, "search": _search, "lookup": _lookup, "exists": _exists, "size": _size, "type": _type,
    "names": _names, "get": _get, "element": _element, "startsearch": _startsearch, "anymore": _anymore,
    "nextelement": _nextelement, "donesearch": _donesearch,
}  # fmt: skip


def _class(session: Session, words: Sequence[str]) -> Result:
    verb, rest = words[0], list(words[1:])
    if verb not in CLASS:
        raise bad_option(verb, tuple(CLASS))
    if not rest:
        raise wrong_arguments(f"class {verb} ...")
    return CLASS[verb](session, rest)


class _Call:
    """One `table` command with its options taken off."""

    def __init__(self, session: Session, words: list[str]) -> None:
        self.table: Table = session.device.table
        self.subtable = ""
        self.flags: set[str] = set()
        while words and words[0].startswith("-"):
            option = words.pop(0)
            if option == "--":
                break
            if option == "-subtable" and words:
                self.subtable = words.pop(0)
            elif option in TABLE_FLAGS:
                self.flags.add(option)
            else:
                raise bad_option(option, ("-subtable", *TABLE_FLAGS))
        self.words = words

    @property
    def key(self) -> str:
        """The first word that is no option."""
        if not self.words:
            raise wrong_arguments("table subcommand ?options? key ...")
        return self.words[0]

    def entry(self) -> Entry | None:
        """The entry that is meant, if it is there."""
        return self.table.get(self.subtable, self.key, touch="-notouch" not in self.flags)

    def word(self, place: int, otherwise: str) -> str:
        """A word behind the key."""
        return self.words[place] if len(self.words) > place else otherwise

    def duration(self, place: int, otherwise: float | None) -> float | None:
        """Seconds in a word; None for an indefinite time."""
        text = self.word(place, "")
        if not text:
            return otherwise
        return None if text in INDEFINITE else float(number(text))

    def put(self, value: str) -> str:
        """Stores a new entry with the times in the words behind it."""
        return self.table.put(self.subtable, self.key, value, self.duration(2, TIMEOUT_S), self.duration(3, None)).value


def _table_set(call: _Call) -> Result:
    entry = call.entry()
    if (entry is None and "-mustexist" in call.flags) or (entry is not None and "-excl" in call.flags):
        return entry.value if entry is not None else ""
    return call.put(call.word(1, ""))


def _table_add(call: _Call) -> Result:
    entry = call.entry()
    return entry.value if entry is not None else call.put(call.word(1, ""))


def _table_replace(call: _Call) -> Result:
    return call.put(call.word(1, "")) if call.entry() is not None else ""


def _table_lookup(call: _Call) -> Result:
    entry = call.entry()
    return entry.value if entry is not None else ""


def _table_incr(call: _Call) -> Result:
    entry = call.entry()
    if entry is None:
        if "-mustexist" in call.flags:
            return ""
        entry = call.table.put(call.subtable, call.key, "0")
    entry.value = str(number(entry.value) + number(call.word(1, "1")))
    return entry.value


def _table_append(call: _Call) -> Result:
    entry = call.entry()
    if entry is None:
        return "" if "-mustexist" in call.flags else call.put(call.word(1, ""))
    entry.value += call.word(1, "")
    return entry.value


def _table_delete(call: _Call) -> Result:
    if "-all" in call.flags:
        call.table.clear(call.subtable)
    else:
        call.table.delete(call.subtable, call.key)
    return ""


def _table_keys(call: _Call) -> Result:
    found = call.table.keys(call.subtable)
    return len(found) if "-count" in call.flags else found


def _told(seconds: float | None) -> Result:
    return "indefinite" if seconds is None else int(seconds)


def _table_timeout(call: _Call) -> Result:
    entry = call.table.get(call.subtable, call.key, touch=False)
    if entry is None:
        return -1
    if len(call.words) > 1:
        entry.timeout_s, entry.touched = call.duration(1, None), call.table.now
    elif "-remaining" in call.flags and entry.timeout_s is not None:
        return int(entry.touched + entry.timeout_s - call.table.now)
    return _told(entry.timeout_s)


def _table_lifetime(call: _Call) -> Result:
    entry = call.table.get(call.subtable, call.key, touch=False)
    if entry is None:
        return -1
    if len(call.words) > 1:
        entry.lifetime_s, entry.created = call.duration(1, None), call.table.now
    elif "-remaining" in call.flags and entry.lifetime_s is not None:
        return int(entry.created + entry.lifetime_s - call.table.now)
    return _told(entry.lifetime_s)


TABLE: Final[dict[str, Callable[[_Call], Result]]] = {
    "set": _table_set, "add": _table_add, "replace": _table_replace, "lookup": _table_lookup, "incr": _table_incr,
    "append": _table_append, "delete": _table_delete, "keys": _table_keys, "timeout": _table_timeout,
    "lifetime": _table_lifetime,
}  # fmt: skip


def _table(session: Session, words: Sequence[str]) -> Result:
    if words[0] not in TABLE:
        raise bad_option(words[0], tuple(TABLE))
    return TABLE[words[0]](_Call(session, list(words[1:])))


def _matchclass(session: Session, words: Sequence[str]) -> Result:
    """What `class match` was before it."""
    return _match(session, list(words))


def _findclass(session: Session, words: Sequence[str]) -> Result:
    """The record whose key begins the item, or its value when a separator is given."""
    for _, key, value in _found(_group(session, words[1]), words[0], "starts_with"):
        return value if len(words) > 2 else f"{key} {value}".strip()
    return ""


FUNCTIONS: Final[Functions] = {"class": _class, "table": _table, "matchclass": _matchclass, "findclass": _findclass}
