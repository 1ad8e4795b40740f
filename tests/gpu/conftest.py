"""One run on the GPU for each part, made once, and the part's report, which is to be sent back.

A part is planned for less than five minutes, and its report is written as soon as it is done: a GPU that is lent for a
while answers some of the questions, whatever ends it.
"""

import os

import pytest

from bench.errors import UsageError
from bench.machine import device, missing_gpu
from bench.plan.preset import Preset

PRESET = Preset(
    name="GPU",
    summary="one repetition of ten samples, for what only a GPU can answer",
    looks=(1,),
    target_half_width=0.05,
    seconds=3_600.0,
    first_rounds_seconds=1.0,
    least_rounds=10,
    most_rounds=10,
    rounds_seconds=30.0,
    latency_seconds=1.0,
    training_steps=100,
)
REPORTS = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption("--gpu-reports", default="results/gpu", help="folder for the reports of tests/gpu")


def pytest_configure(config):
    config.stash[REPORTS] = []


def pytest_terminal_summary(terminalreporter, config):
    if lines := config.stash[REPORTS]:
        terminalreporter.section("what the GPU answered: please send this back")
        for line in lines:
            terminalreporter.write_line(line)


class Report:
    """What the GPU answered to the checks of one part."""

    def __init__(self):
        self.lines = []

    def hold(self, check, document):
        """Make the check, and take down what it says, also where it fails: that is what a GPU is asked for."""
        title = check.__name__.replace("_", " ")
        try:
            said = check(document)
        except Exception as error:
            self.lines.append(f"FAILED  {title}: {type(error).__name__}: {error}")
            raise
        self.lines += [f"ok      {title}", *(f"        {line}" for line in said)]


@pytest.fixture(scope="module")
def report(request):
    """The report of this file's part."""
    found = Report()
    yield found
    if not found.lines:
        return
    part = request.path.stem.removeprefix("test_")
    folder = request.config.rootpath / request.config.getoption("--gpu-reports", default="results/gpu")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}.txt").write_text("\n".join(found.lines) + "\n")
    request.config.stash[REPORTS] += [f"--- {part}", *found.lines]


@pytest.fixture(scope="module")
def measure(tmp_path_factory):
    """Runs an experiment on the GPU and gives its document; skips where there is no GPU."""
    from bench.run.execute import run
    from bench.run.options import Options

    if device.driver_sign() is None:
        pytest.skip("there is no NVIDIA driver, so there is no GPU to ask")
    visible = os.environ["TESTS_CUDA_VISIBLE_DEVICES"]
    if visible in ("", "-1"):
        pytest.skip(f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU")
    with pytest.MonkeyPatch.context() as patch:
        if visible == "unset":
            patch.delenv("CUDA_VISIBLE_DEVICES")
        else:
            patch.setenv("CUDA_VISIBLE_DEVICES", visible)

        def of(experiment, **options):
            out = tmp_path_factory.mktemp("GPU")
            wanted = Options(preset=PRESET, experiments=(experiment,), out=out, data="sample", **options)
            try:
                return run(wanted, Lines()).document
            except UsageError as error:
                if missing_gpu.SEES_NONE in str(error):
                    pytest.skip(str(error))
                raise

        yield of


class Lines:
    """A view that prints what stays."""

    def say(self, text):
        print(text)

    def stage(self, text, fraction):
        print(text)

    milestone = stage

    def figures(self, document):
        pass

    def advance(self, text, fraction):
        pass
