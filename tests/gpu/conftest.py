"""Runs on the card, made once; and the report that is to be sent back."""

import os
import sys
from pathlib import Path

import pytest

from bench import device, missing_gpu
from bench.errors import UsageError
from bench.presets import Preset

sys.path.insert(0, str(Path(__file__).parent))

PRESET = Preset(
    name="card",
    summary="one cohort of ten blocks, for what only a card can answer",
    looks=(1,),
    target_half_width=0.05,
    seconds=3_600.0,
    first_rounds_seconds=1.0,
    least_rounds=10,
    most_rounds=10,
    rounds_seconds=600.0,
    latency_seconds=2.0,
    training_steps=100,
)
REPORT = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[REPORT] = []


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash[REPORT]
    if lines:
        terminalreporter.section("what the card answered: please send this back")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(request):
    """Lines for the report at the end."""
    return request.config.stash[REPORT]


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """The documents of a run of `modes` and one of `memory` on the card; skips where TensorFlow sees none."""
    from bench.options import Options
    from bench.run import run

    if device.driver_sign() is None:
        pytest.skip("there is no NVIDIA driver, so there is no card to ask")
    with pytest.MonkeyPatch.context() as patch:
        visible = os.environ["TESTS_CUDA_VISIBLE_DEVICES"]
        if visible in ("", "-1"):
            pytest.skip(f"CUDA_VISIBLE_DEVICES={visible!r} hides every card")
        if visible == "unset":
            patch.delenv("CUDA_VISIBLE_DEVICES")
        else:
            patch.setenv("CUDA_VISIBLE_DEVICES", visible)
        view = Lines()
        out = tmp_path_factory.mktemp("card")
        found = []
        for experiment, only in (("modes", ("*/resident",)), ("memory", ("*",))):
            options = Options(
                preset=PRESET, experiments=(experiment,), only=only, out=out, data="sample", label=experiment
            )
            try:
                found.append(run(options, view).document)
            except UsageError as error:
                if missing_gpu.SEES_NONE in str(error):
                    pytest.skip(str(error))
                raise
        return tuple(found)


class Lines:
    """A view that prints what stays."""

    def say(self, text):
        print(text)

    def stage(self, text, fraction):
        print(text)

    def advance(self, text, fraction):
        pass
