"""The experiment `memory` on a machine without a GPU: what it skips, and the true thing it says instead."""

import io

import matplotlib.image
import msgspec
from rich.console import Console

from bench.errors import ExitCode
from bench.report import summary
from bench.run.execute import run
from bench.run.options import Options


def test_without_a_gpu_policies_are_skipped_and_the_hosts_memory_is_measured(tmp_path, tiny, listener):
    preset = msgspec.structs.replace(tiny, looks=(1,), least_rounds=2, most_rounds=2, training_steps=10)
    options = Options(preset=preset, experiments=("memory",), out=tmp_path, data="sample", device="cpu", profile=False)
    outcome = run(options, listener)
    assert outcome.exit_code == ExitCode.OK
    states = {case.name: case for case in outcome.document.experiment.cases}
    measured = [name for name, case in states.items() if case.status == "measured"]
    assert measured == ["host/eager", "host/function", "host/xla", "host/function/control"]
    skipped = {case.skipped for case in states.values() if case.status == "skipped"}
    assert skipped == {"memory policies need a GPU (as asked)"}
    assert len(states) == 4 + 4
    section = outcome.document.autoencoder_bench
    assert (section.experiments[0].reference, section.experiments[0].interleaved) == ("host/function", True)
    for benchmark in outcome.document.benchmarks:
        (process,) = benchmark.extra_info.processes
        # A worker has some memory of its own, and shares more than that with the server it came from.
        assert 10 * 2**20 < process.host_uss_bytes < process.host_rss_bytes <= process.host_peak_rss_bytes
        assert (process.device_memory, process.policy, process.telemetry) == (None, None, None)
        assert benchmark.params["memory"] == "host"
    assert matplotlib.image.imread(outcome.folder / "plots" / "memory.png").std() > 0.01
    console = Console(file=io.StringIO(), width=100)
    summary.show(outcome.document, outcome.folder, console)
    text = " ".join(console.file.getvalue().split())
    assert "Skipped: default/function and 3 more:" in text
    assert "Private host memory (USS):" in text
