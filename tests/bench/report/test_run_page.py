"""The report of a run has everything that its issue is about, in order, every plot with its table."""

import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate, with_experiment

from bench.report import render, run_page
from bench.results import files

ANCHORS = ["summary", "findings", "missing", "modes", "training", "profiles", "machine", "reproduce"]


def test_a_run_leaves_its_report(finished):
    outcome = finished[0]
    text = (outcome.folder / "report.html").read_text()
    places = [text.index(f'<section id="{anchor}"') for anchor in ANCHORS]
    assert places == sorted(places)
    assert len(text) < 2_000_000
    for benchmark in outcome.document.benchmarks:
        rate = benchmark.extra_info.steps_per_second
        assert f"{rate.value:,.0f} ({rate.low:,.0f}-{rate.high:,.0f})" in text or rate.repetitions < 2
    section = outcome.document.autoencoder_bench
    for value in (section.workload.sha256, section.data.sha256, section.fingerprint.sha256, section.plan.command):
        assert value in text
    assert text.count("data:image/png;base64,") == 3


def test_every_plot_has_its_table(finished):
    outcome = finished[0]
    for section in run_page.page(outcome.document, outcome.folder).sections:
        if section.plots:
            assert any(grid.rows for grid in section.grids), section.title
            assert all(plot.caption for plot in section.plots)


@pytest.mark.parametrize("name", ["roofline", "pipelines", "batch", "memory", "quick", "result"])
def test_results_of_every_experiment_and_version_have_a_report(name, reference):
    found = files.read(reference / f"{name}.json")
    page = run_page.page(found, None)
    anchors = [section.anchor for section in page.sections if not section.is_empty]
    experiments = [one.name for one in found.autoencoder_bench.experiments]
    asked = ANCHORS[:3] if set(experiments) & {"modes", "pipelines", "memory"} else ANCHORS[1:3]
    assert anchors == [*asked, *experiments, *ANCHORS[-4:]]
    for section in page.sections:
        if section.plots:
            assert section.grids
    assert "only its result was at hand" in render.html(page)


def test_a_run_that_measured_nothing_says_what_is_missing():
    found = document(simulate(np.random.default_rng(2)))
    empty = msgspec.structs.replace(
        found,
        benchmarks=(),
        autoencoder_bench=msgspec.structs.replace(found.autoencoder_bench, status="interrupted"),
    )
    text = render.html(run_page.page(empty, None))
    assert "Interrupted: no repetition was done." in text


def test_failures_stand_with_their_reasons():
    found = document(simulate(np.random.default_rng(2)), failed=["xla/resident"])
    assert "modes" in render.html(run_page.page(found, None))
    (missing,) = [section for section in run_page.page(found, None).sections if section.anchor == "missing"]
    assert any("xla/resident" in point for point in missing.points)


def test_a_name_in_any_script_is_drawn_and_control_characters_are_not():
    found = document(simulate(np.random.default_rng(2)))
    section = found.autoencoder_bench
    device = msgspec.structs.replace(section.device, name="\u65e5\u672c\x1b[31m\x00")
    changed = msgspec.structs.replace(found, autoencoder_bench=msgspec.structs.replace(section, device=device))
    text = render.html(run_page.page(changed, None))
    assert "\u65e5\u672c\ufffd[31m" in text
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("repetitions", [1, 2])
def test_a_single_repetition_has_no_range(repetitions):
    found = document(simulate(np.random.default_rng(2), repetitions=repetitions))
    text = render.html(run_page.page(found, None))
    assert ("(one repetition)" in text) == (repetitions == 1)


def test_memory_of_a_gpu_has_its_range():
    times = {"growth/function": 1e-3, "growth/xla": 1e-3, "growth/function/control": 1e-3}
    samples = simulate(np.random.default_rng(2), times)
    found = document(samples, experiment="memory", gpu="H100", gpu_memory=5 * 10**9)
    assert "5.00 GB (5.00 GB-5.00 GB)" in render.html(run_page.page(found, None))


@pytest.mark.parametrize(("slower", "said"), [(1.0, False), (1.2, True)])
def test_where_the_aa_check_failed_the_section_of_its_experiment_says_nothing_of_speeds_either(slower, said):
    times = {"eager": 15e-3, "function": 1e-3, "xla": 0.7e-3, "function/control": 1e-3}
    samples = simulate(np.random.default_rng(1), times)
    samples["function/control"] = samples["function/control"] * slower
    page = run_page.page(document(samples, experiment="roofline"), None)
    (section,) = [section for section in page.sections if section.anchor == "roofline"]
    reason = "roofline: nothing is said of speeds, since its A/A check failed."
    assert (section.points == (reason,)) is said
    assert any(point.startswith("Fastest") for point in section.points) is not said


def texts_of(plot):
    """The words that a plot shows."""
    root = ET.fromstring(plot.markup)
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", ["quick", "roofline", "pipelines", "batch", "memory", "result"])
def test_no_plot_repeats_the_cases_of_another_and_each_says_where_it_comes_from(name, reference):
    found = files.read(reference / f"{name}.json")
    sections = run_page.page(found, None).sections
    plots = [plot for section in sections for plot in section.plots]
    assert len(plots) == len(found.autoencoder_bench.experiments)
    assert not any(part.plots for section in sections for part in section.folded)
    software = found.autoencoder_bench.software
    origin = [found.autoencoder_bench.device.name, found.datetime[:10], f"TensorFlow {software.tensorflow}"]
    origin = " | ".join([*origin, f"autoencoder-bench {software.suite}"])
    assert all(origin in texts_of(plot) for plot in plots)


@pytest.mark.parametrize("name", ["quick", "roofline", "pipelines", "batch", "memory"])
def test_the_aa_control_is_a_line_and_no_case(name, reference):
    found = files.read(reference / f"{name}.json")
    controls = [benchmark for benchmark in found.benchmarks if benchmark.extra_info.case.control]
    assert controls
    notes = [note for section in run_page.page(found, None).sections for note in section.notes]
    assert len(notes) == len(controls)
    for note, control in zip(notes, controls, strict=True):
        assert note.startswith("A/A control, ")
        assert f"{control.extra_info.steps_per_second.value:,.0f} (" in note
    for section in run_page.page(found, None).sections:
        for part in (section, *section.folded):
            assert not any("/control" in text for plot in part.plots for text in texts_of(plot))
            assert not any("/control" in row[0] for grid in part.grids for row in grid.rows)


def test_the_breakdown_of_a_step_is_folded_into_its_experiment(reference):
    found = files.read(reference / "quick.json")
    sections = {section.anchor: section for section in run_page.page(found, None).sections}
    for experiment in found.autoencoder_bench.experiments:
        (folded,) = sections[experiment.name].folded
        assert folded.title == "Step time breakdown"
        parts, ops = folded.grids
        assert {row[0].split("/")[0] for grid in (parts, ops) for row in grid.rows} == {experiment.name}
    assert f'<details id="{sections["modes"].folded[0].anchor}">' in render.html(run_page.page(found, None))


def test_an_experiment_that_is_not_known_here_has_a_section_of_its_own():
    """A name of a file is no anchor: it may be that of another section, or hold anything."""
    found = document(simulate(np.random.default_rng(2)))
    cases = [msgspec.structs.replace(b.extra_info.case, experiment="findings") for b in found.benchmarks]
    infos = [msgspec.structs.replace(b.extra_info, case=case) for b, case in zip(found.benchmarks, cases, strict=True)]
    named = [msgspec.structs.replace(b, extra_info=info) for b, info in zip(found.benchmarks, infos, strict=True)]
    page = run_page.page(
        with_experiment(msgspec.structs.replace(found, benchmarks=tuple(named)), name="findings"), None
    )
    (section,) = [section for section in page.sections if section.anchor == "experiment-1"]
    assert section.title == "Findings"
    assert section.plots
    assert len({section.anchor for section in page.sections}) == len(page.sections)
