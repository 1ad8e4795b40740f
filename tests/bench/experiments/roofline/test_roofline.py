"""What is said of the roofline, on a result and a device with a known truth."""

import dataclasses
import io
import re

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console
from support import documents
from support.documents import document, simulate

from bench.experiments.roofline import exhibit, plot, step_cost
from bench.experiments.roofline.peaks import DriverTimes, EagerParts, Peaks, Transfer, read
from bench.output import style
from bench.report.findings import findings
from bench.report.summary import summary

TIMES = {"eager": 15e-3, "function": 1e-3, "xla-loop-fused": 0.5e-3, "keras-fit": 2e-3, "keras-fit-loop": 1e-3}
PARTS = EagerParts(forward_seconds=1.5e-3, with_gradients_seconds=4.5e-3, step_seconds=15e-3)


def result(with_peaks=True, copy=1e12, server=0.002, **changed):
    times = {
        **TIMES,
        **{name.replace("_", "-"): seconds for name, seconds in changed.items()},
        "function/control": 1e-3,
    }
    found = document(simulate(np.random.default_rng(1), times, server=server), experiment="roofline")
    if not with_peaks:
        return found
    limits = {
        repetition: Peaks(
            eager_op_seconds=1e-5,
            function_call_seconds=1e-4,
            copy_bytes_per_second=copy,
            large_copy_bytes_per_second=copy,
            matmul_flops_per_second=dict.fromkeys(step_cost.PRODUCTS, step_cost.FLOPS / 0.4e-3),
            large_matmul_flops_per_second=1e12,
            eager_parts=PARTS,
        )
        for repetition in range(1, 7)
    }
    return documents.with_peaks(found, limits)


def test_the_limit_the_training_and_the_parts_are_said():
    text = "\n".join(findings(result()))
    assert "Roofline: 0.40 [0.40, 0.40] ms/step. Arithmetic 0.40 [0.40, 0.40] ms" in text
    assert re.search(
        r"Fastest: xla-loop-fused with [\d,]+ .* (79|80|81)% \[.* of the roofline; the other 4 are slower", text
    )
    assert re.search(
        r"5,001 updates take 7\d\.\d \[.*\] s in eager mode .*, and 2\.\d\d \[.*\] s with xla-loop-fused", text
    )
    assert "Fastest of Keras' fit: keras-fit-loop with" in text
    parts = "the optimizer takes 70% [70, 70], gradients 20% [20, 20], and forward 10% [10, 10]"
    assert f"Of an eager step's 15.0 [15.0, 15.0] ms {parts}" in text


def test_of_two_that_are_level_none_is_called_the_fastest():
    text = "\n".join(findings(result(server=0.02, keras_fit_loop=0.5e-3)))
    assert re.search(r"Fastest: inconclusive between .* and .* \(1\.\d\dx \[.*\] its time\); the other 3", text)


@pytest.mark.parametrize(
    ("name", "copy", "part"),
    [
        ("eager", 1e12, "other"),
        ("function", 1e12, "other"),
        ("xla-loop-fused", 1e12, "arithmetic"),
        ("keras-fit-loop", step_cost.STATE_BYTES / 0.6e-3, "memory"),
        ("function", step_cost.STATE_BYTES / 0.45e-3, "inconclusive"),  # 40 and 45% of it, at the same time or not
    ],
)
def test_the_largest_part_is_named_where_that_is_certain(name, copy, part):
    found = result(copy=copy)
    benchmark = next(b for b in found.benchmarks if b.name == name)
    assert exhibit.largest_part(benchmark, exhibit.figures(found)) == part


def test_at_half_of_the_step_it_is_open_which_part_is_larger():
    found = result(server=0.05, keras_fit_loop=0.8e-3)
    benchmark = next(b for b in found.benchmarks if b.name == "keras-fit-loop")
    assert exhibit.largest_part(benchmark, exhibit.figures(found)) == "inconclusive"


def test_without_limits_the_ways_are_compared_all_the_same():
    found = result(with_peaks=False)
    text = "\n".join(findings(found))
    assert "5,001 updates" in text
    assert "at best" not in text
    assert "eager step's" not in text


@pytest.mark.parametrize("with_peaks", [True, False])
def test_table_and_plot(tmp_path, with_peaks):
    found = result(with_peaks)
    console = Console(file=io.StringIO(), width=100)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    assert ("arithmetic\n" in text.split("[a, b]")[0].replace(" ", "")) == with_peaks
    style.save(plot.draw(found), tmp_path / "roofline.png")
    assert matplotlib.image.imread(tmp_path / "roofline.png").std() > 0.01


def with_driver(found):
    """The same on a GPU whose driver was asked; the figures are made up, and different in each repetition."""
    limits = {
        repetition: dataclasses.replace(
            limit,
            synchronise_seconds=4e-6,
            transfers=(Transfer(to="device", memory="numpy", bytes=200_704, seconds=1e-6 * (100 + repetition)),),
            driver=DriverTimes(
                call_seconds=0.8e-6,
                kernel_launch_seconds=2e-6 + 1e-7 * repetition,
                kernel_seconds=3e-6,
                graph_launch_seconds=40e-6,
                graph_kernels=32,
                synchronise_seconds=1.5e-6,
                transfers=(Transfer(to="host", memory="pinned", bytes=2**26, seconds=2.68e-3),),
            ),
        )
        for repetition, limit in read(found.experiment.quantities).items()
    }
    return documents.with_peaks(found, limits)


def test_what_a_driver_takes_is_said_in_microseconds():
    (said,) = [text for text in findings(with_driver(result())) if text.startswith("Overheads beside")]
    assert "queueing a kernel by the driver 2.35 (2.10-2.60)" in said
    assert "a CUDA graph of 32 kernels 40.0 (40.0-40.0)" in said
    assert "waiting for nothing 4.00 (4.00-4.00)" in said
    assert "waiting for nothing by the driver 1.50 (1.50-1.50)" in said
    (without,) = [text for text in findings(result()) if text.startswith("Overheads beside")]
    assert "driver" not in without


def test_copies_are_listed_with_their_time_and_rate():
    by_numpy, by_driver = exhibit.transfers(with_driver(result())).rows
    # 200,704 bytes in the middle of 101 to 106 microseconds; 64 MiB in 2.68 ms.
    assert by_numpy == ("to the device", "numpy", "200,704", "104 (101-106)", "1.94 (1.89-1.99)")
    assert by_driver == ("to the host", "pinned", "67,108,864", "2,680 (2,680-2,680)", "25.0 (25.0-25.0)")
    assert exhibit.transfers(result()).rows == ()
