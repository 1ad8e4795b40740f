"""The report of one run, from its result and, where they are there, the plots of its folder."""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from bench import __version__
from bench.experiments.base import Section as About
from bench.experiments.registry import EXPERIMENTS
from bench.output import bars, style
from bench.output.figures import NOTATION, printable
from bench.output.grid import Grid
from bench.profiles import tables as profiles
from bench.report import drawn, environments, render, run_tables, shortcomings, svg, training
from bench.report.findings import findings, findings_of
from bench.report.headlines import headlines
from bench.report.page import Page, Plot, Section
from bench.results.schema import Document

_TRAINED = {
    "originals": "Sixteen test images.",
    "encodings": "The 64 numbers that the encoder makes of each.",
    "reconstructions": "What the decoder makes of those.",
}


def write(document: Document, folder: Path | None, path: Path) -> None:
    """Write the page about a run; `folder` is the run's, None where only its result is there."""
    render.to_file(page(document, folder), path)


def page(document: Document, folder: Path | None) -> Page:
    """Everything that is known of the run: summary, findings and what is missing first, then tables and plots."""
    section = document.autoencoder_bench
    label = f", {printable(section.plan.label)}" if section.plan.label else ""
    day = printable(document.datetime)[:16].replace("T", " ")
    return Page(
        title=f"{printable(section.device.name)}{label}",
        subtitle=f"TensorFlow {section.software.tensorflow}, preset {section.plan.preset}, {day} UTC, {section.status}",
        legend=NOTATION,
        sections=(
            Section("Summary", "summary", headlines=tuple(headlines(document))),
            Section("Findings", "findings", points=tuple(findings(document))),
            Section("Warnings, failures and skipped cases", "missing", points=tuple(_missing(document))),
            *_experiments(document),
            _training(document, folder),
            _profiles(document),
            Section("The machine", "machine", grids=tuple(run_tables.machine(document))),
            _reproduce(document),
        ),
        version=__version__,
    )


def _experiments(document: Document) -> Iterator[Section]:
    """Everything that was measured, a section for each experiment; no plot has the cases of another."""
    for number, part in enumerate(document.parts(), start=1):
        cases = drawn.cases_of(part)
        if cases.benchmarks:
            # A name that is not known here comes from a file, and may be another section's.
            anchor = part.experiment.name if part.experiment.name in EXPERIMENTS else f"experiment-{number}"
            yield _experiment(part, cases, anchor)


def _experiment(part: Document, cases: Document, anchor: str) -> Section:
    about, usual = drawn.section_of(part) or _speeds(part), environments.usual(cases)
    figure = about.draw(usual)
    return Section(
        about.title,
        anchor,
        points=tuple(findings_of(part)),
        plots=(_plot(figure, anchor, about.caption),) if figure else (),
        grids=(*(grid(usual) for grid in about.grids), *environments.tables(cases), run_tables.speeds(cases)),
        notes=tuple(run_tables.controls(part)),
        folded=(_step_parts(cases, f"{anchor}-step"),),
    )


def _speeds(part: Document) -> About:
    """What is shown of an experiment that has no plot and no table of its own."""
    name = printable(part.experiment.name)
    caption = "Steps per second, and speedup over eager mode with its 95% interval."
    return About(title=name[:1].upper() + name[1:], caption=caption, draw=bars.draw_steps_per_second, grids=())


def _step_parts(cases: Document, anchor: str) -> Section:
    grids = (*profiles.tables(cases), profiles.top_ops(cases))
    return Section("Step time breakdown", anchor, points=tuple(profiles.notes(cases)), grids=grids)


def _training(document: Document, folder: Path | None) -> Section:
    section = document.autoencoder_bench
    points = [f"The training run failed: {printable(section.training_reason, 300)}"] if section.training_reason else []
    if found := section.training:
        points.append(
            f"Trained for {found.steps:,} steps ({found.mode}): loss {found.first_loss:.4f} at first, "
            f"{found.final_loss:.4f} as the mean of the last hundred. One run from one seed, so without an interval."
        )
    losses = training.read_losses(folder) if folder else []
    plots = []
    if losses:
        plots.append(_plot(training.draw(losses, style.origin(document)), "loss", f"Loss over {len(losses):,} steps."))
    for name, words in _TRAINED.items():
        if folder and (markup := training.image(folder / "plots" / f"{name}.png", words)):
            plots.append(Plot(markup, words))
    if not plots:
        points.append("The loss curve and the plots are in the run's folder, and only its result was at hand.")
    grids = (training.table(losses),) if losses else ()
    return Section("Loss and reconstructions", "training", tuple(points), tuple(plots), grids)


def _profiles(document: Document) -> Section:
    traced = profiles.traced(drawn.cases_of(document))
    if not traced:
        return Section("Profiles", "profiles", points=("No trace was read back.",))
    points = (
        f"{len(traced)} traces were read back: each experiment has the breakdown of its steps. The command bench "
        "tensorboard serves the traces; its tab Profile has every event, and loads its charts from the network.",
    )
    return Section("Profiles", "profiles", points=points)


def _missing(document: Document) -> list[str]:
    return [printable(line, shortcomings.LONGEST_LINE) for line in shortcomings.of(document)] or ["Nothing."]


def _reproduce(document: Document) -> Section:
    section = document.autoencoder_bench
    command = section.plan.command or f"bench run --preset {section.plan.preset} --seed {section.plan.seed}"
    rows = (
        ("suite", f"autoencoder-bench {section.software.suite}"),
        ("commit", run_tables.shown(document.commit_info.get("id"))),
        ("Python", run_tables.shown(section.software.python)),
        ("TensorFlow", run_tables.shown(section.software.tensorflow)),
        ("Keras", run_tables.shown(section.software.keras)),
        ("NumPy", run_tables.shown(section.software.numpy)),
        ("workload, SHA-256", section.workload.sha256),
        ("data, SHA-256", section.data.sha256),
        ("fingerprint, SHA-256", section.fingerprint.sha256),
        ("schema", section.schema_version),
    )
    grid = Grid("Versions and hashes", ("name", "value"), tuple((name, printable(text)) for name, text in rows), "")
    words = ("The same cases, with the same seed, on this machine or another:",)
    return Section("Reproduce this run", "reproduce", points=words, grids=(grid,), code=printable(command, 2_000))


def _plot(figure: Figure, name: str, words: str) -> Plot:
    return Plot(svg.inline(figure, name, f"{words} Its figures are in the tables below."), words)
