"""Damaged files of every kind, each made for real, and what the error says of them."""

import dataclasses
import gzip
import hashlib
import struct

import numpy as np
import pytest

from autoencoder import sources
from autoencoder.errors import DataError
from autoencoder.idx import DAMAGED, MISSING, UNREADABLE, IdxFile, read_idx

VALUES = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


def idx_bytes(values):
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


def written(folder, raw, shape=VALUES.shape, sha256=None):
    (folder / "a.gz").write_bytes(raw)
    return IdxFile("a.gz", sha256 or hashlib.sha256(raw).hexdigest(), shape)


def packed(content):
    """Without the second of its making, which gzip would write into it."""
    return gzip.compress(content, mtime=0)


GOOD = packed(idx_bytes(VALUES))


def test_a_sound_file_is_read(tmp_path):
    np.testing.assert_array_equal(read_idx(tmp_path, written(tmp_path, GOOD)), VALUES)


@pytest.mark.parametrize(
    ("raw", "diagnosis"),
    [
        pytest.param(GOOD[:-12], "truncated", id="truncated"),
        pytest.param(b"", "empty file", id="empty"),
        pytest.param(b"<html>not found</html>", "not a gzip file", id="a page"),
        pytest.param(packed(idx_bytes(VALUES.reshape(2, 6, 2))), "another shape: (2, 6, 2)", id="another shape"),
        pytest.param(packed(idx_bytes(VALUES + 1)), "other content", id="other numbers"),
        pytest.param(packed(b"\0" * 10_000_000), "other content", id="larger than can be"),
        pytest.param(GOOD[:20] + b"\xff\xff\xff" + GOOD[23:], "damaged", id="damaged"),
    ],
)
def test_a_wrong_hash_is_explained(tmp_path, raw, diagnosis):
    file = written(tmp_path, raw, sha256=hashlib.sha256(GOOD).hexdigest())
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path, file)
    text = str(caught.value)
    assert str(tmp_path / "a.gz") in text
    assert file.sha256 in text
    assert hashlib.sha256(raw).hexdigest() in text
    assert diagnosis in text
    assert DAMAGED in text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="nothing there") as caught:
        read_idx(tmp_path, IdxFile("b.gz", "0", (1,)))
    assert caught.value.subject == tmp_path / "b.gz"
    assert caught.value.remedy == MISSING


def test_a_folder_in_its_place_is_named(tmp_path):
    (tmp_path / "b.gz").mkdir()
    with pytest.raises(DataError, match="readable file") as caught:
        read_idx(tmp_path, IdxFile("b.gz", "0", (1,)))
    assert caught.value.remedy == UNREADABLE


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(idx_bytes(VALUES)[:-5], "19", id="short"),
        pytest.param(b"no header at all", "no IDX header", id="no header"),
        pytest.param(idx_bytes(VALUES)[:6], "no IDX header", id="half a header"),
        pytest.param(idx_bytes(VALUES.reshape(24)), r"shape \(24,\)", id="flat"),
    ],
)
def test_what_a_right_hash_hides_is_found_too(tmp_path, content, found):
    with pytest.raises(DataError, match=found):
        read_idx(tmp_path, written(tmp_path, packed(content)))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(gzip.compress(idx_bytes(VALUES), compresslevel=1, mtime=0), id="packed by another program"),
        pytest.param(gzip.compress(idx_bytes(VALUES), mtime=1), id="packed at another time"),
        pytest.param(idx_bytes(VALUES), id="unpacked by a browser"),
    ],
)
def test_the_same_content_in_other_bytes_is_the_same_data(tmp_path, raw):
    file = written(tmp_path, raw, sha256=hashlib.sha256(GOOD).hexdigest())
    known = dataclasses.replace(file, content_sha256=hashlib.sha256(idx_bytes(VALUES)).hexdigest())
    assert hashlib.sha256(raw).hexdigest() != file.sha256
    np.testing.assert_array_equal(read_idx(tmp_path, known), VALUES)
    with pytest.raises(DataError, match=r"other content|not a gzip file"):
        read_idx(tmp_path, file)  # of which the content's hash is not known


def test_a_file_without_the_ending_that_a_browser_took_off_is_found(tmp_path):
    file = written(tmp_path, GOOD)
    (tmp_path / "a.gz").unlink()
    (tmp_path / "a").write_bytes(idx_bytes(VALUES))
    known = dataclasses.replace(file, content_sha256=hashlib.sha256(idx_bytes(VALUES)).hexdigest())
    np.testing.assert_array_equal(read_idx(tmp_path, known), VALUES)


def test_the_hashes_of_the_contents_are_those_of_the_published_files(full_set):
    folder = sources.DEBIAN_FOLDER
    for file in sources.FULL:
        content = gzip.decompress((folder / file.name).read_bytes())
        assert hashlib.sha256(content).hexdigest() == file.content_sha256
