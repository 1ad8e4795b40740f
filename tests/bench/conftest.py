"""What the tests of the benchmark share: a view that listens, a preset of a few seconds, a run made once."""

import sys
from pathlib import Path

import pytest

from bench.plan.preset import Preset
from bench.run.execute import Outcome, run
from bench.run.options import Options

# For documents.py, results with a known truth; stand_in_nvml.py, made-up cards; card_checks.py, what to ask real ones;
# oracle.py, the model in NumPy.
TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "bench"), str(TESTS / "gpu"), str(TESTS / "autoencoder")]


class Listener:
    """A view that keeps what it is told."""

    def __init__(self):
        self.lines, self.stages, self.fractions = [], [], []

    def say(self, text):
        self.lines.append(text)

    def stage(self, text, fraction):
        self.stages.append(text)
        self.fractions.append(fraction)

    def advance(self, text, fraction):
        self.fractions.append(fraction)


TINY = Preset(
    name="tiny",
    summary="three cohorts of four blocks, for tests",
    looks=(3,),
    target_half_width=0.05,
    seconds=300.0,
    first_rounds_seconds=1.0,
    least_rounds=4,
    most_rounds=4,
    warmup_rounds=1,
    rounds_seconds=60.0,
    latency_steps=30,
    latency_seconds=20.0,
    profile_steps=5,
    training_steps=120,
)


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
    """A whole run of all seven cases on the sample: its outcome, what its view was told, its results folder."""
    view, out = Listener(), tmp_path_factory.mktemp("results")
    outcome = run(Options(preset=TINY, out=out, label="test", data="sample", device="cpu"), view)
    return outcome, view, out


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the stand-in for the driver's library."""
    import stand_in_nvml

    return stand_in_nvml.compile_into(tmp_path_factory.mktemp("nvml") / "new")


@pytest.fixture
def stand_in(nvml_library: Path, tmp_path: Path):
    """Two idle cards."""
    import stand_in_nvml

    return stand_in_nvml.with_state(nvml_library, tmp_path / "nvml")
