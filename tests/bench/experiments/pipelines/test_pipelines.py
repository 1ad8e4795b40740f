"""The bottleneck and its cheapest remedy, on results with a known truth."""

import io
import re

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console
from support.documents import document, simulate, with_inputs_alone

from bench.experiments.pipelines import exhibit, plot
from bench.output import style
from bench.report.summary import summary

TIMES = {
    "function/resident": 1.0e-3,
    "function/no-prefetch": 1.8e-3,
    "function/prefetch-1": 1.25e-3,
    "function/prefetch-auto": 1.25e-3,
    "function/vectorised": 1.10e-3,
    "function/device-resident": 1.05e-3,
    "function/resident/control": 1.0e-3,
}


def result(rate=5_000, noise=0.01, **times):
    """The document, where each pipeline alone feeds `rate` batches a second; `noise` is that of a server."""
    known = {f"function/{name.replace('_', '-')}": seconds for name, seconds in times.items()}
    found = document(simulate(np.random.default_rng(1), {**TIMES, **known}, server=noise), experiment="pipelines")
    return with_inputs_alone(found, [rate * (1 + 0.01 * (repetition % 3)) for repetition in range(1, 7)])


def test_the_stall_is_the_share_lost_against_a_resident_batch():
    stalls = {b.name: b.extra_info.figures.get("input_overhead_share") for b in result().benchmarks}
    assert stalls["function/resident"] is None
    assert stalls["function/prefetch-1"].value == pytest.approx(0.2, abs=0.02)
    assert stalls["function/no-prefetch"].value == pytest.approx(1 - 1 / 1.8, abs=0.02)
    low, value, high = (getattr(stalls["function/vectorised"], name) for name in ("low", "value", "high"))
    assert low < value < high


def test_a_pipeline_that_feeds_fast_enough_alone_is_not_the_bottleneck():
    cost, remedy = exhibit.findings(result())
    assert re.match(
        r"function/prefetch-1: input overhead (19|20|21)% \[\d+, \d+\] of a step\. The pipeline is not", cost
    )
    assert "not the bottleneck (5,050 [5,0" in cost
    assert cost.endswith("needed); likely hand-over or CPU contention.")
    # The first that surely helps: not prefetch-auto, which gains nothing.
    assert remedy.startswith("Smallest change that gains at least 2%: keeping rows uint8")
    assert "a parallel map, 1.1" in remedy
    assert "; also function/device-resident 1.1" in remedy
    assert "(98.33% intervals, since 3 were tried)" in remedy


def test_a_pipeline_that_does_not_is_named():
    assert "The pipeline is the bottleneck (707 [" in exhibit.findings(result(rate=700))[0]


def test_one_that_is_about_as_fast_as_the_step_is_left_open():
    assert "is the bottleneck is inconclusive" in exhibit.findings(result(rate=990))[0]


def test_one_that_keeps_up_needs_no_remedy():
    (only,) = exhibit.findings(result(prefetch_1=1.0e-3))
    assert "input overhead below 5% of a step" in only


def test_no_difference_found_is_not_equality():
    (only,) = exhibit.findings(result(noise=0.15, prefetch_1=1.05e-3))
    assert re.search(r"input overhead inconclusive, -?\d+% \[-\d+, \d+\] of a step", only)


def test_where_nothing_surely_helps_that_is_said():
    found = result(vectorised=1.25e-3, device_resident=1.3e-3)
    text = exhibit.findings(found)[1]
    assert text.startswith("Whether another pipeline gains 2% is inconclusive: function/prefetch-auto ")
    slower = result(vectorised=1.5e-3, device_resident=1.5e-3, prefetch_auto=1.5e-3)
    assert exhibit.findings(slower)[1].startswith("No other pipeline gains 2%: function/prefetch-auto 0.8")


def test_table_and_plot(tmp_path):
    found = result()
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    assert "5,050" in text
    style.save(plot.draw(found), tmp_path / "pipelines.png")
    assert matplotlib.image.imread(tmp_path / "pipelines.png").std() > 0.01


def test_a_rate_that_cannot_be_is_none():
    """A file from elsewhere may hold a part of a batch in a million seconds: nothing can be said of that."""
    found = with_inputs_alone(result(), [1e-300] * 6, batches=5e-324)
    assert exhibit.alone_rate(found.benchmarks[0]).value is None
    assert exhibit.findings(found)
