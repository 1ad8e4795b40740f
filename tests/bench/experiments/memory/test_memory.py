"""What is said and drawn of memory: figures made up, one of each kind."""

import io

import matplotlib.image
import msgspec
import numpy as np
import pytest
from rich.console import Console
from support.documents import document, simulate, with_experiment

from bench.experiments.memory import exhibit, plot
from bench.output import style
from bench.report.findings import findings
from bench.report.summary import summary
from bench.results.record import DeviceMemory

GB, MB = 10**9, 10**6


def with_memory(found, on_gpu):
    """The document with figures of memory, as of the experiment memory."""
    benchmarks = []
    for benchmark in found.benchmarks:
        processes = tuple(
            msgspec.structs.replace(
                process,
                model_bytes=2_618_320,
                data_bytes=200_704,
                host_uss_bytes=100 * MB,
                host_rss_bytes=600 * MB,
                device_memory=on_gpu,
            )
            for process in benchmark.extra_info.processes
        )
        case = msgspec.structs.replace(benchmark.extra_info.case, experiment="memory")
        info = msgspec.structs.replace(benchmark.extra_info, case=case, processes=processes)
        benchmarks.append(msgspec.structs.replace(benchmark, extra_info=info))
    return with_experiment(msgspec.structs.replace(found, benchmarks=tuple(benchmarks)), name="memory")


DEVICE_MEMORY = DeviceMemory(
    tensors_bytes=4 * MB,
    tensors_peak_bytes=6 * MB,
    total_bytes=80 * GB,
    nvml_idle_bytes=0,
    nvml_used_bytes=72_400 * MB,
    context_bytes=400 * MB,
    reserved_bytes=72 * GB,
    exclusive=True,
)


@pytest.fixture
def samples():
    return simulate(np.random.default_rng(3))


def test_the_price_of_a_policy_is_said_in_words(samples):
    found = with_memory(document(samples, gpu="H100"), DEVICE_MEMORY)
    assert exhibit.findings(found)[0] == (
        "eager/resident reserves 72.0 GB (72.0 GB-72.0 GB) for a model of 2.62 MB, and with its context takes 72.4 GB "
        "(72.4 GB-72.4 GB) of the GPU's 80.0 GB; its tensors need 6.00 MB (6.00 MB-6.00 MB) at most."
    )
    assert exhibit.findings(found)[0] in findings(found)
    assert not any("control" in sentence for sentence in exhibit.findings(found))


def test_a_neighbour_is_mentioned(samples):
    shared = msgspec.structs.replace(DEVICE_MEMORY, exclusive=False)
    assert "Somebody else was on the GPU" in exhibit.findings(with_memory(document(samples, gpu="H100"), shared))[-1]


def test_without_a_gpu_it_is_the_hosts_memory(samples):
    found = with_memory(document(samples), None)
    (sentence,) = exhibit.findings(found)
    assert sentence.startswith("Private host memory (USS): eager 100 MB (100 MB-100 MB), ")
    assert sentence.endswith("; weights and Adam state 2.62 MB.")


def test_what_was_not_measured_is_not_said(samples):
    unknown = DeviceMemory(tensors_bytes=1, tensors_peak_bytes=2, reason="no NVML")
    assert exhibit.findings(with_memory(document(samples, gpu="H100"), unknown)) == []


ON_GPU = ("default", "growth", "fraction-0.9", "growth+fraction-0.9")
NAMES = {
    "H100 [red]$\\frac{": [*(f"{policy}/function" for policy in ON_GPU), "growth/function/control"],
    None: ["host/eager", "host/function", "host/xla", "host/function/control"],
}


@pytest.mark.parametrize("gpu", NAMES)
def test_the_bars_are_drawn_and_the_table_fits(tmp_path, gpu):
    times = dict.fromkeys(NAMES[gpu], 1e-3)
    measured = document(simulate(np.random.default_rng(3), times), experiment="memory", gpu=gpu)
    found = with_memory(measured, DEVICE_MEMORY if gpu else None)
    style.save(plot.draw(found), tmp_path / "memory.png")
    assert matplotlib.image.imread(tmp_path / "memory.png").std() > 0.01
    console = Console(file=io.StringIO(), width=80)
    console.print(summary(found))
    text = console.file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert ("72.0 GB" if gpu else "100 MB") in text


def test_nothing_is_drawn_of_nothing(samples):
    assert plot.draw(document(samples, gpu="H100")) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (12, "12 B"),
        (200_704, "201 kB"),
        (2_618_320, "2.62 MB"),
        (72.4e9, "72.4 GB"),
        (1.5e12, "1.50e+03 GB"),
    ],
)
def test_sizes_have_three_digits(number, text):
    assert exhibit.size(number) == text
