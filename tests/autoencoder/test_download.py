"""The watched download: stand-in loaders that succeed, fail, stall, and deliver rubbish."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest
from support import patience

from autoencoder.download import KERAS_LOADER, download
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
    assert list((tmp_path / "cache").iterdir()) == []


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
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_loader_that_brings_nothing(tmp_path):
    with pytest.raises(DataError, match=r"downloaded train-images.*nothing there"):
        download(tmp_path / "cache", loader("pass"))


def test_an_unwritable_cache_is_named_before_anything_is_fetched(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"writable folder.*KERAS_HOME"):
        download(tmp_path / "file" / "cache", loader(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    assert not (tmp_path / "ran").exists()


def test_keras_own_loader_is_the_one_of_this_data_set(full_set, tmp_path, monkeypatch):
    """The real loader, which fetches nothing where its cache is full: so with any other data set it would fail."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    shutil.copytree("/usr/share/datasets/fashion-mnist", tmp_path / "datasets" / "fashion-mnist")
    with subprocess.Popen(KERAS_LOADER, stdin=subprocess.PIPE) as process:  # the pipe stays open, as it does in use
        assert process.wait(timeout=patience.limit(120)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_loader_dies_with_its_parent(tmp_path, number):
    """Where the network hangs, Keras' loader would sit there for ever; here its data set module does."""
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    for folder in (tmp_path / "keras", tmp_path / "keras" / "datasets"):
        (folder / "__init__.py").touch()
    (tmp_path / "keras" / "datasets" / "fashion_mnist.py").write_text("import time; time.sleep(600)")
    code = "import sys, pathlib; from autoencoder.download import download; download(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "cache")], env=environment) as parent:
        patience.eventually(lambda: psutil.Process(parent.pid).children())
        children = psutil.Process(parent.pid).children()
        parent.send_signal(number)
    _, alive = psutil.wait_procs(children, timeout=patience.limit(20))
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
