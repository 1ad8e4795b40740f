"""What is said of batch sizes, on results with a known truth."""

import io

import matplotlib.image
import numpy as np
from rich.console import Console
from support.documents import document, simulate

from bench.experiments.batch import exhibit, plot
from bench.output import style
from bench.report.summary import summary


def result(sizes=(16, 64, 256, 1024, 4096), server=0.002, bend=1.0, launch=1e-3):
    """`bend` is by how much the largest size is off the line."""
    times = {f"function/{size}": (launch + 2e-6 * size) * (bend if size == max(sizes) else 1.0) for size in sizes}
    times |= {f"xla/{size}": 0.7e-3 + 1e-6 * size for size in sizes} | {"function/64/control": 1e-3 + 2e-6 * 64}
    return document(simulate(np.random.default_rng(1), times, server=server), experiment="batch")


def test_the_regimes_are_named_with_their_crossover():
    function, xla = exhibit.findings(result())
    assert function.startswith(("function: fixed cost 1.0", "function: fixed cost 0.99"))
    regimes = "The fixed cost is more than half of a step up to 256 examples, and less than half from 1,024"
    assert regimes in function  # they are equal at 500
    assert regimes in xla  # at 700


def test_of_a_size_that_the_interval_holds_nothing_is_said():
    (function, _) = exhibit.findings(result(server=0.02, launch=256 * 2e-6))
    assert "more than half of a step up to 64 examples, and less than half from 1,024 on" in function


def test_of_times_on_no_line_nothing_is_said():
    (function, _) = exhibit.findings(result(bend=1.5))
    assert "poor fit of step time over batch size" in function
    assert "half" not in function


def test_of_two_sizes_nothing_is_said():
    assert exhibit.findings(result((64, 256))) == []


def test_table_and_plot(tmp_path):
    found = result()
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    rate = next(b for b in found.benchmarks if b.name == "xla/4096").extra_info.steps_per_second.value
    assert f"{rate * 4096:,.0f}" in text
    style.save(plot.draw(found), tmp_path / "batch.png")
    assert matplotlib.image.imread(tmp_path / "batch.png").std() > 0.01
