"""The bottleneck and its cheapest remedy, on results with a known truth."""

import io

import matplotlib.image
import msgspec
import numpy as np
import pytest
from documents import document, simulate
from rich.console import Console

from bench.present import picture, pipelines, plots_of_pipelines
from bench.present.summary import summary
from bench.results.record import InputAlone

TIMES = {
    "function/resident": 1.0e-3,
    "function/no-prefetch": 1.8e-3,
    "function/prefetch-1": 1.25e-3,
    "function/prefetch-auto": 1.25e-3,
    "function/vectorised": 1.10e-3,
    "function/device-resident": 1.05e-3,
    "function/resident/twin": 1.0e-3,
}


def result(rate=5_000, **times):
    """The document, where each pipeline alone feeds `rate` batches a second."""
    known = {f"function/{name.replace('_', '-')}": seconds for name, seconds in times.items()}
    found = document(simulate(np.random.default_rng(1), {**TIMES, **known}), experiment="pipelines")
    alone = InputAlone(batches=rate, seconds=1.0, batches_per_second=float(rate))
    benchmarks = tuple(
        msgspec.structs.replace(b, extra_info=msgspec.structs.replace(b.extra_info, input_alone=alone))
        for b in found.benchmarks
    )
    return msgspec.structs.replace(found, benchmarks=benchmarks)


def test_the_stall_is_the_share_lost_against_a_resident_batch():
    stalls = {b.name: b.extra_info.stall for b in result().benchmarks}
    assert stalls["function/resident"] is None
    assert stalls["function/prefetch-1"].value == pytest.approx(0.2, abs=0.02)
    assert stalls["function/no-prefetch"].value == pytest.approx(1 - 1 / 1.8, abs=0.02)
    low, value, high = (getattr(stalls["function/vectorised"], name) for name in ("low", "value", "high"))
    assert low < value < high


def test_a_pipeline_that_feeds_fast_enough_alone_is_not_the_bottleneck():
    bottleneck, remedy = pipelines.findings(result())
    assert bottleneck.startswith("function/prefetch-1 loses 2")
    assert "handing batches over and sharing the processor" in bottleneck
    assert "alone the pipeline feeds 5,000 batches a second" in bottleneck
    # Of those that surely help, the first that gains at least half of the best: not prefetch-auto, which gains nothing.
    assert "(function/vectorised), 1.1" in remedy


def test_a_pipeline_that_does_not_is_named():
    assert "the pipeline itself is too slow" in pipelines.findings(result(rate=700))[0]


def test_one_that_keeps_up_needs_no_remedy():
    found = pipelines.findings(result(prefetch_1=1.0e-3))
    assert len(found) == 1
    assert "keeps up with the step" in found[0]


def test_where_nothing_surely_helps_that_is_said():
    found = result(vectorised=1.25e-3, device_resident=1.3e-3)
    assert pipelines.findings(found)[1] == "None of the other pipelines measured here is surely faster by 2 %."


def test_table_and_picture(tmp_path):
    found = result()
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    assert "5,000" in text
    picture.save(plots_of_pipelines.draw(found), tmp_path / "pipelines.png")
    assert matplotlib.image.imread(tmp_path / "pipelines.png").std() > 0.01
