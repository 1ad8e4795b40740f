"""Read, validate and write result files. A file from elsewhere is untrusted."""

import codecs
import json
import re
import stat
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import ResultFileError
from bench.results import atomic, consistency, upgrade
from bench.results.foreign import ForeignDocument
from bench.results.schema import SCHEMA_VERSION, Document
from bench.results.upgrade import SECTION

# A thorough result has about 2 MB. A hostile file of this size takes some hundred MB to read, and seconds.
MOST_BYTES = 16 * 1024 * 1024

_FOUND_LENGTH = 60


def write(document: Document, path: Path) -> None:
    """Replace `path` by the document, atomically: whoever reads it sees the old or the new one, whole.

    What was read from an older version is written in the present one, which is the shape it has.
    """
    section = msgspec.structs.replace(document.autoencoder_bench, schema_version=SCHEMA_VERSION)
    document = msgspec.structs.replace(document, autoencoder_bench=section)
    text = msgspec.json.format(msgspec.json.encode(document), indent=1)
    atomic.write(path, text + b"\n")


def read(path: Path) -> Document:
    """The result of this suite in `path`. Raises ResultFileError, which says where in the file what is wrong."""
    document = read_any(path)
    if isinstance(document, ForeignDocument):
        raise ResultFileError(f"{path}: no object {SECTION!r} at its top: not a result of this suite")
    return document


def read_any(path: Path) -> Document | ForeignDocument:
    """The result in `path`, of this suite or of pytest-benchmark alone.

    Raises ResultFileError with the place inside the document, what was expected there, and what was found.
    """
    raw = _read_bytes(path).removeprefix(codecs.BOM_UTF8)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # of UTF-32 too, where one begins likewise
        raise ResultFileError(f"{path}: UTF-16 text: save it as UTF-8")
    tree = _parse(path, raw)
    if not isinstance(tree, dict):
        raise ResultFileError(f"{path}: expected an object at the top of the document, found {_show(tree)}")
    if SECTION not in tree:
        foreign: ForeignDocument = _convert(path, raw, tree, ForeignDocument)
        return foreign
    _refuse_versions(path, tree)
    upgraded = _upgrade(path, tree)
    document: Document = _convert(path, raw if upgraded is tree else _encode(path, raw, upgraded), upgraded, Document)
    if problem := consistency.first_problem(document):
        raise ResultFileError(f"{path}: {problem}")
    return document


def _upgrade(path: Path, tree: dict[str, Any]) -> dict[str, Any]:
    try:
        return upgrade.upgrade(tree)
    except (RecursionError, ValueError, OverflowError) as error:
        raise ResultFileError(f"{path}: not a result of an older version: {error}") from None


def _encode(path: Path, raw: bytes, tree: dict[str, Any]) -> bytes:
    """The text of a tree that was changed, to be read as strictly as a file's own.

    The encoder writes numbers that no float can hold as null: the decoder refuses them in what was read.
    """
    try:
        msgspec.json.decode(raw)
        return msgspec.json.encode(tree)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise ResultFileError(f"{path}: not a result: {error}") from None


def _convert(path: Path, raw: bytes, tree: dict[str, Any], kind: Any) -> Any:
    """The document as its type says it; numbers that no float can hold are refused here too."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at ")
        place = place.strip("`") or "$"
        raise ResultFileError(f"{path}: at {place}: {what}{_found(tree, place)}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ResultFileError(f"{path}: not a result: {error}") from None


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ResultFileError(f"{path}: not a file")
        if status.st_size > MOST_BYTES:
            raise ResultFileError(f"{path}: larger than {MOST_BYTES // 2**20} MiB, so no result of this suite")
        return path.read_bytes()
    except OSError as error:
        raise ResultFileError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # a zero byte in the name
        raise ResultFileError(f"{str(path)!r}: {error}") from None


def _parse(path: Path, raw: bytes) -> Any:
    """The plain tree, for what types cannot say: keys that appear twice, versions, what stands at a place."""
    try:
        return json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except RecursionError:
        raise ResultFileError(f"{path}: nested too deeply to be a result") from None
    except ValueError as error:
        raise ResultFileError(f"{path}: not JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that JSON knows")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        seen: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {duplicate[:_FOUND_LENGTH]!r} appears twice in one object")
    return tree


def _refuse_versions(path: Path, tree: dict[str, Any]) -> None:
    section = tree[SECTION]
    version = section.get("schema_version") if isinstance(section, dict) else None
    known = re.fullmatch(r"([0-9]{1,3})\.[0-9]{1,3}", version) if isinstance(version, str) else None
    if known is None or known[1] not in upgrade.READABLE:
        expected = " or ".join(f"{major}.x" for major in upgrade.READABLE)
        raise ResultFileError(
            f"{path}: at $.{SECTION}.schema_version: expected {expected}, found {_show(version)}. "
            "Read it with the suite that wrote it, or a newer one."
        )


def _found(tree: Any, place: str) -> str:
    """What stands at a place like `$.benchmarks[2].stats.median`, where that can be followed."""
    value = tree
    for part in place.removeprefix("$").replace("[", ".[").split(".")[1:]:
        try:
            value = value[int(part[1:-1])] if part.startswith("[") else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    return f", found {_show(value)}"


def _show(value: Any) -> str:
    """A value in few characters: huge ones are not written out."""
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge integer"
    text = json.dumps(value)
    return text if len(text) <= _FOUND_LENGTH else text[:_FOUND_LENGTH] + "..."
