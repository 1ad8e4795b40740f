"""Folders of runs, and the newest of them."""

import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import patience

from bench.doctor import host
from bench.errors import UsageError
from bench.machine import container
from bench.recording import folders
from bench.run import baselines

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


def test_runs_that_start_at_the_same_moment_have_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: folders.create(tmp_path, "cpu", None, STARTED), range(40)))
    assert len({folder.name for folder in made}) == 40


def test_baselines_that_are_kept_at_the_same_moment_do_not_replace_each_other(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: baselines._take(tmp_path / "20260304T050607Z.json"), range(40)))
    assert len(set(taken)) == 40
    assert all(path.is_file() for path in taken)


def test_a_file_that_is_in_the_way_is_no_folder(tmp_path):
    (tmp_path / "20260304T050607Z-cpu").touch()
    assert folders.create(tmp_path, "cpu", None, STARTED).name == "20260304T050607Z-cpu-2"


@pytest.fixture
def no_chmod(tmp_path_factory):
    """The variables of a process whose file systems refuse to change rights."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "no_chmod.so"
    source = Path(__file__).parents[1] / "machine" / "stand_in" / "no_chmod.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-o", library, source], check=True)
    return {**os.environ, "LD_PRELOAD": str(library)}


WRITE = """
import os, sys, pathlib
from bench.run import baselines
from bench.recording import folders
from bench.results import files
out, reference = map(pathlib.Path, sys.argv[1:])
try:
    os.chmod(reference, 0o644)
except PermissionError:
    print("refused")
folders.require_writable(out)
folder = folders.create(out, "cpu", None, __import__("datetime").datetime(2026, 1, 1))
files.write(files.read(reference), folder / "result.json")
folders.set_latest(folder)
baselines.keep(folder / "result.json", out / "baselines")
"""


def test_where_rights_cannot_be_changed_results_are_written_all_the_same(tmp_path, reference, no_chmod):
    command = [sys.executable, "-c", WRITE, tmp_path / "out", reference / "result.json"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=no_chmod, timeout=patience.limit(60), check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "refused\n"  # the stand-in does stand in
    assert folders.latest(tmp_path / "out").joinpath("result.json").is_file()


def test_what_cannot_be_renamed_is_found_before_measuring(tmp_path, monkeypatch):
    """A volume to which files can be written, and on which none can be replaced."""

    def refused(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(UsageError, match="Operation not permitted"):
        folders.require_writable(tmp_path)
    assert host.disk(tmp_path).state == "problem"
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nothing_is_called_one(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    for out in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(UsageError, match=r"link to .*gone, which is not there"):
            folders.require_writable(out)
        assert "which is not there" in host.disk(out).text


def test_room_is_kept_for_the_end_of_a_run(tmp_path):
    folder = folders.create(tmp_path, "cpu", None, STARTED)
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) >= 2**22
    for _ in range(2):
        folders.give_up_reserve(folder)
    assert not [path for path in folder.iterdir() if path.is_file()]
