"""The report of a run has everything that its issue is about, in order, every plot with its table."""

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate

from bench.report import render, run_page
from bench.results import files

ANCHORS = ["findings", "speed", "speedups", "parts", "training", "profiles", "machine", "missing", "reproduce"]


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
    experiments = {one.name for one in found.autoencoder_bench.experiments} - {"modes"}
    assert experiments <= set(anchors)
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
    assert "Interrupted before the first repetition was done." in text


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


def test_memory_of_a_card_has_its_range():
    times = {"growth/function": 1e-3, "growth/xla": 1e-3, "growth/function/control": 1e-3}
    samples = simulate(np.random.default_rng(2), times)
    found = document(samples, experiment="memory", gpu="H100", card_memory=5 * 10**9)
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
