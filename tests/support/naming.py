"""Readable ids of parametrised tests, the same in every process: what a value says, never its bytes or its address."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PurePath

import msgspec
import pytest

COLLECTED = pytest.StashKey[list[str]]()  # the ids of all tests that this process has found

_LONGEST = 48


def name_of(value: object) -> str | None:
    """A short name in printable ASCII; None for what has no words of its own, which needs an id where it is listed."""
    words = _words(value)
    if words is None:
        return None
    clean = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in words)
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 3] + "..."


def _words(value: object) -> str | None:
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, str | int | float | PurePath):
        return str(value) or "empty"
    if isinstance(value, bytes):
        return value.decode("ascii") if value.isascii() and value.decode("ascii").isprintable() else None
    if isinstance(value, Mapping):
        return _joined([f"{_words(key)}={_words(item) or type(item).__name__}" for key, item in value.items()], ",")
    if isinstance(value, AbstractSet):
        return _joined(sorted(_words(item) or type(item).__name__ for item in value), "+")
    if isinstance(value, tuple | list):
        return _joined([_words(item) or type(item).__name__ for item in value], "+")
    if isinstance(value, msgspec.Struct) or is_dataclass(value):
        return repr(value)
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


def _joined(words: list[str], by: str) -> str:
    return by.join(words) or "nothing"
