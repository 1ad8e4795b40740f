"""Find results below folders: by what a file is, not by its name, through links, each once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from bench.results.files import MOST_BYTES

Kind = Literal["result", "damaged", "other"]

_MARK = b'"machine_info"'  # near the beginning of every result


class _Shape(msgspec.Struct):
    """What every result has at its top, of this suite or of pytest-benchmark alone."""

    machine_info: msgspec.Raw
    benchmarks: msgspec.Raw


def below(folder: Path, strict: bool = False) -> list[Path]:
    """The results below a folder, by their paths. Linked folders are looked into too, and none of them twice.

    A file with a name like *.json that is no result is passed over. One that is damaged is among them, for reading to
    say so: where it shows that it was a result; with `strict`, in a folder that is kept for results, also where nothing
    can be made of it.
    """
    found: dict[Path, Path] = {}
    for path in sorted(_files(folder)):
        if kind_of(path, strict) != "other":
            found.setdefault(path.resolve(), path)
    return list(found.values())


def kind_of(path: Path, strict: bool = False) -> Kind:
    """What the file is; what cannot be read or is no JSON counts, without `strict`, where it has a result's mark."""
    unclear: Kind = "damaged" if strict else "other"
    try:
        if path.stat().st_size > MOST_BYTES:
            return unclear
        content = path.read_bytes()
    except OSError:
        return unclear
    try:
        msgspec.json.decode(content, type=_Shape)
    except msgspec.ValidationError:
        return "other"  # JSON of something else
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "damaged" if _MARK in content else unclear
    return "result"


def _files(folder: Path) -> Iterator[Path]:
    """All files *.json; a folder that is reached a second time, by a link or a loop of them, is passed over."""
    for name, files in walk(folder):
        yield from (Path(name, file) for file in files if file.endswith(".json"))


def walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Each folder below this one, links followed, once, with the names of its files."""
    seen: set[tuple[int, int]] = set()
    for name, folders, files in os.walk(folder, followlinks=True):
        try:
            status = os.stat(name)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        yield name, files
