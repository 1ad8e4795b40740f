"""Read one gzipped IDX file, verified by its SHA-256 first."""

import gzip
import hashlib
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoencoder.errors import DataError

_UNSIGNED_BYTE = 0x08  # the IDX type code of every Fashion-MNIST file

ELSEWHERE = "Or take the data from elsewhere: --data download, or --data FOLDER."
MISSING = f"Put the data set's file there. {ELSEWHERE}"
UNREADABLE = f"Make it readable. {ELSEWHERE}"
DAMAGED = f"Delete it and fetch it again from where it came. {ELSEWHERE}"


@dataclass(frozen=True)
class IdxFile:
    """What one file must be: its name, the SHA-256 of its gzipped bytes, the shape of its uint8 array.

    `content_sha256` is that of the bytes inside, by which the same data are known that somebody has packed anew.
    """

    name: str
    sha256: str
    shape: tuple[int, ...]
    content_sha256: str | None = None


def read_idx(folder: Path, file: IdxFile) -> npt.NDArray[np.uint8]:
    """Return the read-only uint8 array of `file.shape` held by `folder / file.name`.

    Raises DataError when the file is missing, unreadable, damaged or another file than expected. The format is the
    one of the MNIST pages: two zero bytes, type, number of dimensions, big-endian uint32 sizes, then the values.
    """
    path = path_of(folder, file)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "a file", "nothing there", MISSING) from None
    except OSError as error:
        raise DataError(path, "a readable file", error.strerror or type(error).__name__, UNREADABLE) from None
    digest = hashlib.sha256(raw).hexdigest()
    if digest == file.sha256:
        return _decode(gzip.decompress(raw), path, file.shape)
    # A browser may unpack what it downloads, and other programs pack it anew: the content is what counts.
    content = _unpacked(raw, file.shape)
    if content is not None and hashlib.sha256(content).hexdigest() == file.content_sha256:
        return _decode(content, path, file.shape)
    found = f"SHA-256 {digest} ({_diagnose(raw, file.shape)})"
    raise DataError(path, f"SHA-256 {file.sha256}", found, DAMAGED)


def path_of(folder: Path, file: IdxFile) -> Path:
    """Where the file lies: under its name, or without the ending that a browser takes off when it unpacks."""
    packed = folder / file.name
    plain = packed.with_suffix("")
    # As far as this user can see: these two raise nothing over a folder that is somebody else's.
    return plain if not os.path.exists(packed) and os.path.isfile(plain) else packed


def _unpacked(raw: bytes, shape: tuple[int, ...]) -> bytes | None:
    """What is inside, or the bytes themselves where they are not packed; None where that is not of the right length."""
    size = math.prod(shape) + 4 + 4 * len(shape)
    if len(raw) == size:
        return raw
    inflate = zlib.decompressobj(wbits=31)
    try:
        content = inflate.decompress(raw, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size else None


def _decode(content: bytes, path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    found = _header_shape(content)
    if found != shape:
        raise DataError(path, f"uint8 values of shape {shape}", _describe(found), DAMAGED)
    offset = 4 + 4 * len(shape)
    if len(content) - offset != math.prod(shape):
        raise DataError(path, f"{math.prod(shape)} values", f"{len(content) - offset}", DAMAGED)
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)


def _header_shape(content: bytes) -> tuple[int, ...] | None:
    """The shape an IDX header claims; None where there is no header of unsigned bytes."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        return None
    dimensions = content[3]
    if len(content) < 4 + 4 * dimensions:
        return None
    return struct.unpack_from(f">{dimensions}I", content, 4)


def _describe(shape: tuple[int, ...] | None) -> str:
    return "no IDX header of unsigned bytes" if shape is None else f"shape {shape}"


def _diagnose(raw: bytes, shape: tuple[int, ...]) -> str:
    """Say in a few words why the hash of `raw` is wrong; reads no more than the right content would hold."""
    if not raw:
        return "an empty file"
    limit = math.prod(shape) + 4 + 4 * len(shape)
    inflate = zlib.decompressobj(wbits=31)
    try:
        content = inflate.decompress(raw, limit + 1)
    except zlib.error:
        return "not a gzip file, or damaged"
    found = _header_shape(content)
    if found is not None and found != shape:
        return f"another shape: {found} instead of {shape}"
    if not inflate.eof and len(content) <= limit:
        return f"truncated after {len(raw)} bytes"
    return "other content"
