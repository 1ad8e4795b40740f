"""What is said of batch sizes, on results with a known truth."""

import io

import matplotlib.image
import numpy as np
from documents import document, simulate
from rich.console import Console

from bench.present import batch, picture, plots_of_batch
from bench.present.summary import summary


def result(sizes=(16, 64, 256, 1024, 4096)):
    times = {f"function/{size}": 1e-3 + 2e-6 * size for size in sizes}
    times |= {f"xla/{size}": 0.7e-3 + 1e-6 * size for size in sizes} | {"function/64/twin": 1e-3 + 2e-6 * 64}
    return document(simulate(np.random.default_rng(1), times, server=0.002), experiment="batch")


def test_the_regimes_are_named_with_their_crossover():
    function, xla = batch.findings(result())
    assert function.startswith(("function: a step takes 1.0", "function: a step takes 0.99"))
    assert "up to about 500 examples launching is most of it" in function
    assert "up to about 700 examples" in xla


def test_of_two_sizes_nothing_is_said():
    assert batch.findings(result((64, 256))) == []


def test_table_and_picture(tmp_path):
    found = result()
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    rate = next(b for b in found.benchmarks if b.name == "xla/4096").extra_info.steps_per_second.value
    assert f"{rate * 4096:,.0f}" in text
    picture.save(plots_of_batch.draw(found), tmp_path / "batch.png")
    assert matplotlib.image.imread(tmp_path / "batch.png").std() > 0.01
