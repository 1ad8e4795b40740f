"""The report of one run, from its result and, where they are there, the plots of its folder."""

from pathlib import Path

from matplotlib.figure import Figure

from bench import __version__
from bench.experiments.base import Section as About
from bench.output import bars
from bench.output.figures import NOTATION, printable
from bench.output.grid import Grid
from bench.profiles import plot
from bench.profiles import tables as profiles
from bench.report import drawn, render, run_tables, shortcomings, svg, training
from bench.report.findings import findings, findings_of
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
    """Everything that is known of the run, what matters most first."""
    section = document.autoencoder_bench
    label = f", {printable(section.plan.label)}" if section.plan.label else ""
    day = printable(document.datetime)[:16].replace("T", " ")
    return Page(
        title=f"{printable(section.device.name)}{label}",
        subtitle=f"TensorFlow {section.software.tensorflow}, preset {section.plan.preset}, {day} UTC, {section.status}",
        legend=NOTATION,
        sections=(
            Section("Findings", "findings", points=tuple(findings(document))),
            _speeds(document),
            _speedups(document),
            _step_parts(document),
            *(_about(part, about) for part, about in _with_sections(document)),
            _training(document, folder),
            _profiles(document),
            Section("The machine", "machine", grids=tuple(run_tables.machine(document))),
            Section("What failed or was skipped", "missing", points=tuple(_missing(document))),
            _reproduce(document),
        ),
        version=__version__,
    )


def _speeds(document: Document) -> Section:
    parts = [part for part in document.parts() if part.benchmarks]
    of_others = [part for part in parts if drawn.section_of(part) is None] or parts[:1]
    plots = [
        _plot(bars.draw_steps_per_second(part), f"speed-{i}", f"Steps per second of {part.experiment.name}.")
        for i, part in enumerate(of_others)
    ]
    return Section("Steps per second", "speed", plots=tuple(plots), grids=tuple(map(run_tables.speeds, parts)))


def _speedups(document: Document) -> Section:
    figure = bars.draw_speedups(document)
    plots = (_plot(figure, "speedups", "How many times eager's steps each case does."),) if figure else ()
    return Section("Speed-up over eager", "speedups", plots=plots, grids=(run_tables.speedups(document),))


def _step_parts(document: Document) -> Section:
    figure = plot.draw(document)
    plots = (_plot(figure, "parts", "What a traced step consists of."),) if figure else ()
    return Section(
        "Where the time of a step goes",
        "parts",
        points=tuple(profiles.notes(document)),
        plots=plots,
        grids=profiles.tables(document),
    )


def _with_sections(document: Document) -> list[tuple[Document, About]]:
    return [(part, about) for part in document.parts() if part.benchmarks and (about := drawn.section_of(part))]


def _about(part: Document, about: About) -> Section:
    name = part.experiment.name
    figure = about.draw(part)
    plots = (_plot(figure, name, about.caption),) if figure else ()
    grids = tuple(grid(part) for grid in about.grids)
    return Section(about.title, name, points=tuple(findings_of(part)), plots=plots, grids=grids)


def _training(document: Document, folder: Path | None) -> Section:
    section = document.autoencoder_bench
    points = [f"The training run failed: {printable(section.training_reason, 300)}"] if section.training_reason else []
    if found := section.training:
        points.append(
            f"Trained for {found.steps:,} steps ({found.mode}): loss {found.first_loss:.4f} at first, "
            f"{found.final_loss:.4f} as the mean of the last hundred. One run from one seed, so without an interval."
        )
    losses = training.read_losses(folder) if folder else []
    plots = [_plot(training.draw(losses), "loss", f"Loss over {len(losses):,} steps.")] if losses else []
    for name, words in _TRAINED.items():
        if folder and (markup := training.image(folder / "plots" / f"{name}.png", words)):
            plots.append(Plot(markup, words))
    if not plots:
        points.append("The loss curve and the plots are in the run's folder, and only its result was at hand.")
    grids = (training.table(losses),) if losses else ()
    return Section("Loss and reconstructions", "training", tuple(points), tuple(plots), grids)


def _profiles(document: Document) -> Section:
    traced = profiles.traced(document)
    if not traced:
        return Section("Profile summary", "profiles", points=("No trace was read back.",))
    points = (
        f"{len(traced)} cases have a trace. The command bench tensorboard serves them; its tab Profile has every "
        "event, and loads its charts from the network.",
    )
    return Section("Profile summary", "profiles", points=points, grids=(profiles.top_ops(document),))


def _missing(document: Document) -> list[str]:
    return [printable(line, 500) for line in shortcomings.of(document)] or ["Nothing."]


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
    grid = Grid("Versions and hashes", ("", "value"), tuple((name, printable(text)) for name, text in rows), "")
    words = ("The same cases, with the same seed, on this machine or another:",)
    return Section("Reproduce it", "reproduce", points=words, grids=(grid,), code=printable(command, 2_000))


def _plot(figure: Figure, name: str, words: str) -> Plot:
    return Plot(svg.inline(figure, name, f"{words} Its figures are in the tables below."), words)
