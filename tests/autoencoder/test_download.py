"""The watched download: stand-in loaders that succeed, fail, stall, and deliver rubbish."""

import sys
import textwrap

import pytest

from autoencoder.download import download
from autoencoder.errors import DataError

COPY = """
    import os, pathlib, shutil
    target = pathlib.Path(os.environ["KERAS_HOME"], "datasets", "fashion-mnist")
    shutil.copytree("/usr/share/datasets/fashion-mnist", target)
"""


def loader(code):
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_what_was_fetched_and_verified_is_moved_over(full_set, tmp_path):
    download(tmp_path / "cache", loader(COPY))
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert [name.split("-")[0] for name in names] == ["t10k", "t10k", "train", "train"]


def test_a_failing_loader_is_quoted(tmp_path):
    with pytest.raises(DataError, match="URL fetch failure") as caught:
        download(tmp_path / "cache", loader("raise Exception('URL fetch failure on x')"))
    assert "apt-get install" in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_silent_failure_gives_its_exit_code(tmp_path):
    with pytest.raises(DataError, match="exit code 7"):
        download(tmp_path / "cache", loader("raise SystemExit(7)"))


def test_a_stalled_loader_is_ended(tmp_path):
    with pytest.raises(DataError, match="no data for 0 s"):
        download(tmp_path / "cache", loader("import time; time.sleep(600)"), stall_seconds=0.1)


def test_a_slow_loader_is_ended_although_it_progresses(tmp_path):
    drip = """
        import os, pathlib, time
        with open(pathlib.Path(os.environ["KERAS_HOME"], "part"), "wb", buffering=0) as file:
            while True:
                file.write(b"x")
                time.sleep(0.01)
    """
    with pytest.raises(DataError, match="not finished after 1 s"):
        download(tmp_path / "cache", loader(drip), stall_seconds=60, limit_seconds=1)


def test_rubbish_never_reaches_the_cache(full_set, tmp_path):
    rubbish = COPY + '\n    (target / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>login</html>")'
    with pytest.raises(DataError, match="downloaded t10k-labels"):
        download(tmp_path / "cache", loader(rubbish))
    assert not (tmp_path / "cache").exists()


def test_a_loader_that_brings_nothing(tmp_path):
    with pytest.raises(DataError, match=r"downloaded train-images.*nothing there"):
        download(tmp_path / "cache", loader("pass"))


def test_an_unwritable_cache_is_named(full_set, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="writable folder"):
        download(tmp_path / "file" / "cache", loader(COPY))
