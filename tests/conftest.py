"""What all tests share."""

import os
import shutil
from pathlib import Path

import pytest
from support import naming, patience

# Start-up remarks of TensorFlow in this process and in those that tests start; warnings and errors stay.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
# What tests/gpu gives back to the runs it starts; empty is not unset: it hides every GPU.
os.environ.setdefault("TESTS_CUDA_VISIBLE_DEVICES", os.environ.get("CUDA_VISIBLE_DEVICES", "unset"))
# The model is compared with NumPy to one part in 100,000, which TF32 on a GPU would not keep; and a test process must
# not take a GPU's memory from the workers it starts.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

# What tests start finds tests/support too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def pytest_configure(config: pytest.Config) -> None:
    """Measure the machine before the first test, and before the processes start that share them."""
    patience.measure()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str:
    """Name what pytest would number, or write as escaped bytes: ids are to be read, and the same in every process."""
    if (name := naming.name_of(val)) is None:
        raise pytest.UsageError(f"{type(val).__name__} `{argname}` needs an id: pytest.param(..., id=...`")
    return name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put tests in order, and keep what was collected before anything is left out: test_collection.py compares it."""
    # Whole runs first: of files that two processes share, a long one left to the end is one process' alone.
    items.sort(key=lambda item: "tests/bench/runs/" not in item.nodeid)
    config.stash[naming.COLLECTED] = [item.nodeid for item in items]


@pytest.fixture(scope="session")
def full_set() -> str:
    """Name the whole Fashion-MNIST as a data source; skip where it is not installed."""
    if not (DEBIAN_FOLDER / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("needs the whole data set: apt-get install dataset-fashion-mnist")
    return "debian"


@pytest.fixture(scope="session")
def browser():
    """A real Chromium without a window; skip where none is installed."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs a browser: apt-get install chromium")
    # Its sandbox needs rights that root in a container does not have; the pages are our own.
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=found, args=["--no-sandbox"]) as it,
    ):
        yield it


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this look like a machine without any Fashion-MNIST; returns the empty Keras folder of it."""
    from autoencoder import sources

    monkeypatch.delenv("FASHION_MNIST_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(sources, "DEBIAN_FOLDER", tmp_path / "debian")
    return tmp_path / "keras" / "datasets" / "fashion-mnist"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with the stored results of real runs."""
    return Path(__file__).parents[1] / "results" / "reference"
