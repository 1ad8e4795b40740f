"""Read, validate and write result files. A file from elsewhere is untrusted."""

import json
import math
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import ResultFileError
from bench.results.schema import SCHEMA_VERSION, Document

MOST_BYTES = 256 * 1024 * 1024
SECTION = "autoencoder_bench"


def write(document: Document, path: Path) -> None:
    """Replace `path` by the document, atomically: whoever reads it sees the old or the new one, whole."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=1)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> Document:
    """The document in `path`. Raises ResultFileError, which says where in the file what is wrong."""
    raw = _read_bytes(path)
    try:
        tree = json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except RecursionError:
        raise ResultFileError(f"{path}: nested too deeply to be a result") from None
    except ValueError as error:
        raise ResultFileError(f"{path}: not JSON: {error}") from None
    _refuse_versions(path, tree)
    try:
        document = msgspec.convert(tree, Document)
    except msgspec.ValidationError as error:
        raise ResultFileError(f"{path}: {error}") from None
    _refuse_inconsistent(path, document)
    return document


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


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that JSON knows")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        keys = [key for key, _ in pairs]
        duplicate = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {duplicate!r} appears twice in one object")
    return tree


def _refuse_versions(path: Path, tree: Any) -> None:
    section = tree.get(SECTION) if isinstance(tree, dict) else None
    if not isinstance(section, dict):
        raise ResultFileError(f"{path}: no object {SECTION!r} at its top: not a result of this suite")
    version = section.get("schema_version")
    major = SCHEMA_VERSION.split(".")[0]
    if not isinstance(version, str) or version.split(".")[0] != major:
        raise ResultFileError(f"{path}: schema version {version!r}, this suite reads {major}.x")


def _refuse_inconsistent(path: Path, document: Document) -> None:
    for i, benchmark in enumerate(document.benchmarks):
        data = benchmark.stats.data
        blocks = sum(len(replicate.rounds) for replicate in benchmark.extra_info.replicates)
        place = f"{path}: `$.benchmarks[{i}].stats.data`"
        if len(data) != blocks:
            raise ResultFileError(f"{place}: {len(data)} samples, but the replicates have {blocks} blocks")
        if not all(math.isfinite(sample) and sample > 0 for sample in data):
            raise ResultFileError(f"{place}: a sample is not a positive number of seconds")
