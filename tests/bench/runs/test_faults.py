"""What each fault of a case does to a run, and bad usage."""

import io
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
from rich.console import Console
from support import patience

from bench.errors import BenchError, ExitCode, UsageError
from bench.experiments.base import Exhibit, Experiment
from bench.experiments.registry import EXPERIMENTS
from bench.launch.worker import Timeouts
from bench.measure.repetition import MOST_ROUNDS_TIMES
from bench.output import cells
from bench.plan.case import Case
from bench.report import summary
from bench.results import files
from bench.run.execute import run
from bench.run.options import Options

FAULTS = {
    "raise": "ValueError: a step that raises, in RunSample",
    "kill": "killed by SIGKILL, in RunSample",
    "segfault": "killed by SIGSEGV, in RunSample",
    "hang": "hung: no answer to RunSample within ",
    "hang-at-once": "hung: no answer to Prepare within ",
    "exhaust": "out of memory: ",
    "exit": "ended with exit code 3, in RunSample",
    "retracing": "was traced 2 times",
    "raise-at-once": "ValueError: a step that raises, in Prepare",
    "another-model": "losses differ from eager's by",
    "not-a-number": "losses differ from eager's by not a number",
}


# A round of two cases takes a tenth of a second.
ROUNDS, ROUNDS_SECONDS = 6, 1.5
HUNG_SECONDS, HUNG_AT_ONCE_SECONDS = 10.0, 6.0


class Census:
    """A view that notes every process that has come below this one whenever it is told something.

    A browser of other tests may be there already, and stays.
    """

    def __init__(self):
        self._before = set(psutil.Process().children(recursive=True))
        self.seen = set()

    def say(self, text):
        pass

    def stage(self, text, fraction):
        self.seen.update(set(psutil.Process().children(recursive=True)) - self._before)

    milestone = advance = stage

    def figures(self, document):
        pass


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, tiny):
    """A run in which every fault happens to one case, and the reference and its A/A control stay sound."""
    broken = Experiment(
        name="faults",
        question="?",
        axes=("mode", "pipeline"),
        cases=lambda axes: [Case(experiment="faults", mode=mode) for mode in ("function", *FAULTS)],
        exhibit=lambda: Exhibit(findings=lambda document: [], table=cells.speeds),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "faults", broken)
        options = Options(
            preset=msgspec.structs.replace(
                tiny,
                looks=(1,),
                training_steps=10,
                least_rounds=ROUNDS,
                most_rounds=ROUNDS,
                rounds_seconds=patience.limit(ROUNDS_SECONDS),
            ),
            experiments=("faults",),
            out=tmp_path_factory.mktemp("results"),
            data="sample",
            device="cpu",
            profile=False,
            server_command=(sys.executable, "-m", "support.servers.faulty"),
            timeouts=Timeouts(request=patience.limit(HUNG_SECONDS), first_call=patience.limit(HUNG_AT_ONCE_SECONDS)),
        )
        view = Census()
        outcome = run(options, view)
        assert len(view.seen) > 3
        assert patience.gone(view.seen)
        return outcome


@pytest.mark.parametrize("mode", FAULTS)
def test_a_fault_costs_its_own_case_only(faulty, mode):
    status = {case.name: case for case in faulty.document.experiment.cases}[f"{mode}/resident"]
    mismatch = mode in ("another-model", "not-a-number")
    assert status.status == ("mismatch" if mismatch else "failed")
    assert FAULTS[mode] in status.failure.reason
    log = faulty.folder / status.failure.log
    assert log.is_file()
    if "raise" in mode:
        assert "a step that raises" in log.read_text()


def test_the_others_go_on_and_the_exit_code_says_it(faulty):
    assert faulty.exit_code == ExitCode.FAILED
    assert [b.name for b in faulty.document.benchmarks] == ["function/resident", "function/resident/control"]
    # The time lost on the worker that hung is not theirs: with it, the time of their rounds would have been over.
    assert HUNG_SECONDS > MOST_ROUNDS_TIMES * ROUNDS_SECONDS
    assert all(len(b.stats.data) == ROUNDS for b in faulty.document.benchmarks)
    assert files.read(faulty.folder / "result.json").autoencoder_bench.training is not None


LATE_FAULTS = """
import sys
from bench.backends.tensorflow import handlers
from bench.worker import server
from bench.protocol import MeasureLatency, TakeProfile, Train

def fail(session, request):
    raise ValueError(f"no {type(request).__name__} today")

requests = {"latency": MeasureLatency, "profile": TakeProfile, "training": Train}
for name in sys.argv.pop(1).split(","):
    handlers.HANDLERS[requests[name]] = fail
server.main(sys.argv[1:])
"""


@pytest.mark.parametrize("faults", [("latency",), ("profile", "training")])
def test_a_pass_after_the_samples_costs_itself_only(tmp_path, tiny, listener, faults):
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10)
    command = (sys.executable, "-c", LATE_FAULTS, ",".join(faults))
    options = Options(
        preset=preset, only=("function/resident",), out=tmp_path, data="sample", device="cpu", server_command=command
    )
    outcome = run(options, listener)
    assert outcome.exit_code == (ExitCode.FAILED if "training" in faults else ExitCode.OK)
    assert len(outcome.document.benchmarks) == 2
    training = outcome.document.autoencoder_bench.training_reason or ""
    assert ("no Train today" in training) == ("training" in faults)
    for benchmark in outcome.document.benchmarks:
        latency, profile = benchmark.extra_info.latency_reason or "", benchmark.extra_info.profile.reason or ""
        wanted = "latency" in faults and not benchmark.extra_info.case.control
        assert ("no MeasureLatency today" in latency) == wanted
        assert ("no TakeProfile today" in profile) == ("profile" in faults)
        assert ("failed in the latency pass" in profile) == wanted
    shown = io.StringIO()
    summary.show(outcome.document, outcome.folder, Console(file=shown, width=200))
    lines = {"latency": "no latency:", "profile": "the profile failed:", "training": "The training run failed:"}
    assert all(lines[fault] in shown.getvalue() for fault in faults)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments": ("mode",)}, "Did you mean modes"),
        ({"only": ("xla/residen",)}, "Did you mean xla/resident"),
        ({"label": "no/slashes"}, "--label"),
        ({"data": "no/such/folder"}, "no/such/folder"),
        ({"device": "cpu", "gpu": "0"}, "contradicts"),
        ({"out": Path("/proc/nowhere")}, "--out"),
    ],
)
def test_bad_usage_is_found_before_anything_is_measured(tmp_path, tiny, listener, change, message):
    options = Options(**{"preset": tiny, "out": tmp_path, "data": "sample", "device": "cpu", **change})
    with pytest.raises(UsageError, match=message):
        run(options, listener)
    assert listener.stages == []
    assert list(tmp_path.iterdir()) == []


def test_the_cause_that_stands_in_a_workers_log_is_in_the_reason(tmp_path, tiny, listener, monkeypatch):
    """XLA ends the process over a flag that it does not know, and says so in the log alone."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag=1")
    options = Options(
        preset=msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10),
        only=("xla/resident",),
        out=tmp_path,
        data="sample",
        device="cpu",
        profile=False,
    )
    try:
        outcome = run(options, listener)
        reasons = [case.failure.reason for case in outcome.document.experiment.cases if case.failure]
    except BenchError as error:
        reasons = [str(error)]
    assert any("xla_no_such_flag" in reason for reason in reasons), reasons
