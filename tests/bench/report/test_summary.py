"""One screen: it fits, it names failures, and it shows hostile names as they are."""

import io
import shlex
from pathlib import Path

import matplotlib.image
import msgspec
import pytest
from rich.console import Console
from support.documents import with_experiment

from bench.output import bars, style
from bench.report import summary
from bench.results import files
from bench.results.record import Failure
from bench.results.schema import CaseStatus


def shown(document, folder, width=80):
    console = Console(file=io.StringIO(), width=width)
    summary.show(document, folder, console)
    return console.file.getvalue()


def test_a_terminal_of_80_columns_shows_every_figure(finished):
    outcome = finished[0]
    document = outcome.document
    quiet = msgspec.structs.replace(document.autoencoder_bench, warnings=())  # as many as this machine gives reason for
    text = shown(msgspec.structs.replace(document, autoencoder_bench=quiet), outcome.folder)
    lines = text.splitlines()
    assert all(len(line) <= 80 or str(outcome.folder) in line for line in lines)
    assert len(lines) < 38
    assert "…" not in text
    for benchmark in outcome.document.benchmarks:
        assert f"{benchmark.extra_info.steps_per_second.value:,.0f}" in text
    assert f"Report: {outcome.folder / 'report.html'}" in text
    assert f"bench tensorboard {outcome.folder}" in text


def test_a_command_that_is_shown_works_when_it_is_pasted(finished, tmp_path):
    folder = tmp_path / "a b;$(touch c)"
    (folder / "tensorboard" / "x").mkdir(parents=True)
    (line,) = [line for line in summary.whereabouts(folder) if line.startswith("TensorBoard: ")]
    assert shlex.split(line.removeprefix("TensorBoard: ")) == ["bench", "tensorboard", str(folder)]


def test_failures_are_named_with_reason_and_log(finished):
    outcome = finished[0]
    failure = Failure(status="failed", reason="killed by [bold]SIGSEGV", repetition=1, log="logs/a.log")
    others = outcome.document.experiment.cases[1:]
    cases = (CaseStatus(name="xla/resident", status="failed", failure=failure), *others)
    changed = with_experiment(outcome.document, cases=cases)
    assert "xla/resident: failed: killed by [bold]SIGSEGV (log: logs/a.log)" in shown(changed, outcome.folder)


@pytest.mark.parametrize("name", ["[red]EPYC[/red]", "$\\frac{", "x" * 300])
def test_names_from_elsewhere_are_text(finished, tmp_path, name):
    outcome = finished[0]
    section = outcome.document.autoencoder_bench
    device = msgspec.structs.replace(section.device, name=name)
    changed = msgspec.structs.replace(
        outcome.document, autoencoder_bench=msgspec.structs.replace(section, device=device)
    )
    assert name[:20] in shown(changed, outcome.folder)
    style.save(bars.draw_steps_per_second(changed), tmp_path / "plot.png")
    assert matplotlib.image.imread(tmp_path / "plot.png").std() > 0.01


@pytest.mark.parametrize("width", [20, 40, 60, 79])
def test_a_narrow_console_drops_columns_and_cuts_no_figure(finished, width):
    document = finished[0].document
    wide, narrow = (Console(file=io.StringIO(), width=columns) for columns in (200, width))
    for console in (wide, narrow):
        console.print(summary.summary(document), crop=False)
    rows = {words[0]: set(words) for line in wide.file.getvalue().splitlines() if (words := line.split())}
    for benchmark in document.benchmarks:
        (line,) = [line for line in narrow.file.getvalue().splitlines() if line.split()[:1] == [benchmark.name]]
        assert set(line.split()) <= rows[benchmark.name]


@pytest.mark.parametrize("name", ["quick", "memory", "pipelines", "batch", "roofline"])
def test_the_tables_of_every_experiment_fit_80_columns(name):
    document = files.read(Path(__file__).parents[3] / "results" / "reference" / f"{name}.json")
    console = Console(file=io.StringIO(), width=80)
    console.print(summary.summary(document), crop=False)
    assert max(map(len, console.file.getvalue().splitlines())) <= 80
