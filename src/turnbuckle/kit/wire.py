"""Objects as Kubernetes sends them, checked against structs: the values of a good one, every mistake of a bad one.

A struct says all: names, types, ranges, and in `Meta(description, examples)` what is said when a field is missing. A
good object is checked by msgspec alone; only for a bad one the struct is walked again to find all that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import inspect

from turnbuckle.kit.shape import Reader, as_json, integer
from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Flawed, Ref


class Wire(msgspec.Struct, rename="camel"):
    """A struct of fields by their names in Kubernetes; fields that it does not have are not looked at."""


PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535, description="the number of the port", examples=["80"])]

T = TypeVar("T", bound=Wire)


def read(struct: type[T], raw: Mapping[str, Any], about: Ref) -> T | Flawed:
    """The object's values, or all that is wrong with it."""
    try:
        return msgspec.convert(raw, struct)
    except msgspec.ValidationError as error:
        found = tuple(_mistakes(_type_of(struct), raw, "", about))
        return Flawed(about, found or (issues_of.wrong_type(about, "", as_json(raw), str(error)),))


@lru_cache
def _type_of(struct: type[Wire]) -> inspect.Type:
    return inspect.type_info(struct)


def _mistakes(kind: inspect.Type, value: Any, path: str, about: Ref) -> Iterator[Issue]:
    """Every place below a path where a value is not of its type."""
    match kind:
        case inspect.Metadata():
            yield from _mistakes(kind.type, value, path, about)
        case inspect.UnionType():
            # Kubernetes writes null for what is not given.
            if value is not None:
                yield from _mistakes(_given(kind), value, path, about)
        case inspect.StructType():
            yield from _in_fields(kind, value, path, about)
        case inspect.ListType():
            if isinstance(value, list):
                for index, item in enumerate(value):
                    yield from _mistakes(kind.item_type, item, f"{path}[{index}]", about)
            else:
                yield issues_of.wrong_type(about, path, as_json(value), "a list, […]")
        case inspect.IntType():
            reader = Reader(about, 0)
            integer(kind.ge or 0, kind.le or 0)(reader, path, value)
            yield from reader.issues
        case inspect.BoolType():
            if not isinstance(value, bool):
                yield issues_of.wrong_type(about, path, as_json(value), "true or false, without quotes")
        case _:
            if not isinstance(value, str):
                yield issues_of.wrong_type(about, path, as_json(value), 'a text in quotes, for example "web"')


def _in_fields(kind: inspect.StructType, value: Any, path: str, about: Ref) -> Iterator[Issue]:
    if not isinstance(value, Mapping):
        yield issues_of.wrong_type(about, path, as_json(value), 'an object, {"…": …}')
        return
    for field in kind.fields:
        at = f"{path}.{field.encode_name}" if path else field.encode_name
        if field.encode_name in value:
            yield from _mistakes(field.type, value[field.encode_name], at, about)
        elif field.required:
            said = (field.type.extra_json_schema or {}) if isinstance(field.type, inspect.Metadata) else {}
            yield issues_of.missing_field(about, at, said.get("description", ""), said.get("examples", ("",))[0])


def _given(kind: inspect.UnionType) -> inspect.Type:
    return next(one for one in kind.types if not isinstance(one, inspect.NoneType))
