"""What the tests of the benchmark share: a view that listens, a preset of a few seconds, a run made once."""

from pathlib import Path

import pytest
from support import once
from support.runs import TINY, Listener

from bench.plan.preset import Preset
from bench.run.execute import Outcome, run
from bench.run.options import Options


@pytest.fixture(scope="session")
def tiny() -> Preset:
    return TINY


@pytest.fixture(scope="session")
def new_listener() -> type[Listener]:
    return Listener


@pytest.fixture
def listener(new_listener: type[Listener]) -> Listener:
    return new_listener()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Listener, Path]:
    """A whole run of all seven cases on the sample: its outcome, what its view was told, its results folder.

    It is to be left as it is: the processes that share the tests share it too.
    """

    def make() -> tuple[Outcome, Listener, Path]:
        view, out = Listener(), tmp_path_factory.mktemp("results")
        outcome = run(Options(preset=TINY, out=out, label="test", data="sample", device="cpu"), view)
        return outcome, view, out

    return once.made("finished", make, tmp_path_factory)


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the stand-in for the driver's library."""
    from support import stand_in_nvml

    return stand_in_nvml.compile_into(tmp_path_factory.mktemp("nvml") / "new")


@pytest.fixture
def stand_in(nvml_library: Path, tmp_path: Path):
    """Two idle GPUs."""
    from support import stand_in_nvml

    return stand_in_nvml.with_state(nvml_library, tmp_path / "nvml")
