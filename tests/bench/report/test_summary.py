"""One screen: it fits, it names failures, and it shows hostile names as they are."""

import io
import shlex
from pathlib import Path

import matplotlib.image
import msgspec
import pytest
from rich.console import Console
from support.documents import with_experiment

from autoencoder.data import SAMPLE_NOTE
from bench.output import bars, style
from bench.report import summary
from bench.results import files, warning
from bench.results.record import Failure
from bench.results.schema import CaseStatus

QUICK = Path(__file__).parents[3] / "results" / "reference" / "quick.json"


def shown(document, folder, width=80):
    console = Console(file=io.StringIO(), width=width)
    summary.show(document, folder, console)
    return console.file.getvalue()


def test_a_terminal_of_80_columns_shows_every_figure(finished):
    outcome = finished[0]
    text = shown(outcome.document, outcome.folder)
    folder = str(outcome.folder)
    assert all(len(line) <= 80 or folder in line for line in text.splitlines())
    assert "…" not in text
    for benchmark in outcome.document.benchmarks:
        rate = f"{benchmark.extra_info.steps_per_second.value:,.0f}"
        assert (rate in text) or benchmark.extra_info.case.control
    assert f"Report    {outcome.folder / 'report.html'}" in text


def noisy(document):
    """The result with every warning that a usual run on a noisy machine gives, and the sample as its data."""
    section = document.autoencoder_bench
    warnings = []
    for one in section.experiments:
        for found in (
            warning.make("too_noisy", "Too noisy: the A/A control cannot resolve differences below 30% (limit 20%)."),
            warning.counted("wide", 4, 5, "intervals reach further than 5%", ["a", "b", "c", "d"]),
            warning.counted("few_samples", 12, 20, "processes timed fewer samples than planned"),
            warning.counted("warmup_unknown", 9, 20, "processes have no verified warm-up"),
            warning.make("unsteady", "No steady state after warm-up.", ["function/notebook"]),
            warning.counted(
                "interference", 9, 20, "monitoring windows saw interference", [*warning.CAUSES.values()][:3]
            ),
        ):
            warnings.append(
                msgspec.structs.replace(found, experiment=one.name, advice=warning.advise(found.code, "quick"))
            )
    note = SAMPLE_NOTE
    data = msgspec.structs.replace(section.data, note=note)
    loud = msgspec.structs.replace(section, warnings=tuple(warnings), data=data)
    return msgspec.structs.replace(document, autoencoder_bench=loud)


def test_the_default_run_on_a_noisy_machine_is_one_screen(tmp_path):
    """Forty lines of a hundred columns; each advice stands once."""
    document = noisy(files.read(QUICK))
    (tmp_path / "tensorboard" / "x").mkdir(parents=True)
    (tmp_path / "report.html").touch()
    text = shown(document, tmp_path, width=100)
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(len(line.rstrip()) for line in lines if str(tmp_path) not in line) <= 100
    for code in ("wide", "few_samples", "unsteady", "interference"):
        assert " ".join(text.split()).count(warning.advise(code, "quick")) >= 1
    assert "27 of 60 monitoring windows saw interference: " in " ".join(text.split())
    assert text.count("single throughput") == 1


def test_the_order_is_findings_quality_tables_legend_warnings_and_what_is_next(tmp_path):
    text = shown(noisy(files.read(QUICK)), tmp_path, width=100)
    places = [
        text.index(words)
        for words in ("- Speedup", "Data quality", "Numerics", "Modes ", "Pipelines ", "[a, b]:", "Warnings", "Next ")
    ]
    assert places == sorted(places)


def test_the_aa_control_is_a_line_and_no_case(tmp_path):
    text = shown(files.read(QUICK), tmp_path, width=100)
    assert "/control" not in text
    assert text.count("A/A control") == 1


@pytest.mark.parametrize(
    ("variables", "script", "expected"),
    [
        pytest.param({"BENCH_NOX": ".venv/bin/nox"}, "bench", ".venv/bin/nox -s tensorboard -- {}", id="through nox"),
        pytest.param({}, "/nowhere/on/the/path/bench", "/nowhere/on/the/path/bench tensorboard {}", id="a path"),
        pytest.param({}, "/x/bench/__main__.py", "{python} -m bench tensorboard {}", id="a module"),
    ],
)
def test_a_command_that_is_shown_works_when_it_is_pasted(tmp_path, monkeypatch, variables, script, expected):
    folder = tmp_path / "a b;$(touch c)"
    (folder / "tensorboard" / "x").mkdir(parents=True)
    monkeypatch.delenv("BENCH_NOX", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", [script])
    (line,) = [line for line in summary.whereabouts(folder) if line.startswith("Profiles")]
    words = shlex.split(line.removeprefix("Profiles"))
    assert words[-1] == str(folder)
    python = words[0] if "{python}" in expected else ""
    assert not python or Path(python).name.startswith("python")
    assert " ".join(words[:-1]) == expected.format("", python=python).strip()


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
    names = [benchmark.name for benchmark in document.benchmarks if not benchmark.extra_info.case.control]
    assert set(names) <= set(rows)
    lines = narrow.file.getvalue().splitlines()
    for name in names:
        if len(name) < width:
            beginning = [set(line.split()) for line in lines if line.split()[:1] == [name]]
            assert any(words <= rows[name] for words in beginning)
    assert "on a wider terminal)" in " ".join(narrow.file.getvalue().split()) or width == 79


@pytest.mark.parametrize("name", ["quick", "memory", "pipelines", "batch", "roofline"])
def test_the_tables_of_every_experiment_fit_80_columns(name):
    document = files.read(Path(__file__).parents[3] / "results" / "reference" / f"{name}.json")
    console = Console(file=io.StringIO(), width=80)
    console.print(summary.summary(document), crop=False)
    assert max(map(len, console.file.getvalue().splitlines())) <= 80
