"""Folders of runs, and the newest of them."""

import errno
import os
from datetime import UTC, datetime

import pytest

from bench import container, folders
from bench.errors import UsageError

STARTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_a_run_is_named_by_time_device_and_label(tmp_path):
    assert folders.create(tmp_path, "cpu", None, STARTED).name == "20260304T050607Z-cpu"
    assert folders.create(tmp_path, "nvidia-l4", "rack-7", STARTED).name == "20260304T050607Z-nvidia-l4-rack-7"


def test_two_runs_of_one_second_do_not_share_a_folder(tmp_path):
    names = [folders.create(tmp_path, "cpu", None, STARTED).name for _ in range(3)]
    assert names == ["20260304T050607Z-cpu", "20260304T050607Z-cpu-2", "20260304T050607Z-cpu-3"]


def test_the_newest_run_is_named(tmp_path):
    folder = folders.create(tmp_path, "cpu", None, STARTED)
    folders.set_latest(folder)
    assert (tmp_path / "latest.txt").read_text() == folder.name + "\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "latest.txt"]


@pytest.mark.parametrize("label", ["", "a/b", "..", "-x", "a b", "x" * 41])
def test_labels_are_file_names(label):
    with pytest.raises(UsageError, match="--label"):
        folders.check_label(label)


def nobody_writes(folder, code):
    """Call it as the kernel would have it fail for whom it is not root."""
    try:
        raise OSError(code, os.strerror(code))
    except OSError as error:
        return str(folders._unwritable(folder, error))


def test_a_folder_of_somebody_else_is_named_with_both_users(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "kind", lambda: None)
    text = nobody_writes(tmp_path / "missing", errno.EACCES)
    assert f"{tmp_path} belongs to user {os.getuid()}, and this is user {os.geteuid()}. Choose another" in text
    monkeypatch.setattr(container, "kind", lambda: "docker")
    monkeypatch.setattr(container, "maps_users", lambda: True)
    assert "--userns=keep-id" in nobody_writes(tmp_path, errno.EACCES)
    monkeypatch.setattr(container, "maps_users", lambda: False)
    assert '--user "$(id -u):$(id -g)"' in nobody_writes(tmp_path, errno.EACCES)
    assert '-v "$PWD/results:/results"' in nobody_writes(tmp_path, errno.EROFS)
