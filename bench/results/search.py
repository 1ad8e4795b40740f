"""Find results below folders: by what a file is, not by its name, through links, each once."""

import os
from collections.abc import Iterator
from pathlib import Path

from bench.results.files import MOST_BYTES

# What every result has, of this suite or of pytest-benchmark alone, however it is laid out: a file that has both and
# cannot be read is a damaged result, and not something else.
_KEYS = (b'"machine_info"', b'"benchmarks"')


def below(folder: Path) -> list[Path]:
    """The results below a folder, by their paths. Linked folders are looked into too, and none of them twice.

    A file with a name like *.json that is no result is passed over; so is what cannot be looked at.
    """
    found: dict[Path, Path] = {}
    for path in sorted(_files(folder)):
        if is_result(path):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def is_result(path: Path) -> bool:
    """Whether the file is a result, sound or damaged."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return False
        content = path.read_bytes()
    except OSError:
        return False
    return all(key in content for key in _KEYS)


def _files(folder: Path) -> Iterator[Path]:
    """All files *.json; a folder that is reached a second time, by a link or a loop of them, is passed over."""
    seen: set[tuple[int, int]] = set()
    for name, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(name)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        yield from (Path(name, file) for file in files if file.endswith(".json"))
