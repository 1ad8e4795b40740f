"""What only a GPU can answer, as checks of results: each returns figures for the report, or fails.

They are written against the result of one part's run, so that tests/bench/runs/test_gpu_run.py and
test_gpu_memory_run.py beside it can try them on those of the stand-ins.
"""

from bench.experiments.batch_sizes import MOST_EXAMPLES
from bench.experiments.roofline.peaks import read
from bench.plan.memory_policy import parse
from bench.results.schema import Document

MIB = 2**20


def the_gpu_is_the_one_tensorflow_uses(document: Document) -> list[str]:
    """NVML and TensorFlow speak of the same GPU."""
    section = document.autoencoder_bench
    facts = section.facts["gpu"]
    assert facts["matched_by"].value in ("PCI bus id", "MIG UUID"), facts["matched_by"].reason
    said = [f"{name}: {fact.value if fact.reason is None else fact.reason}" for name, fact in facts.items()]
    return [f"TensorFlow calls it {section.device.name}", *(line for line in said if not line.startswith("uuid"))]


def servers_may_fork(document: Document) -> list[str]:
    """Importing TensorFlow touches no device, and a forked worker computes on the GPU."""
    for repetition in document.experiment.repetitions:
        assert repetition.start_method == "fork", repetition.unsound
    devices = {r.device for b in document.benchmarks for r in b.extra_info.processes}
    assert all("GPU" in device for device in devices)
    return [f"computed on {', '.join(sorted(devices))}"]


def every_policy_reserves_what_it_says(document: Document) -> list[str]:
    """Against NVML: a policy that the figures contradict would be not-applied."""
    states = {case.name: case for case in document.experiment.cases}
    wrong = [f"{name}: {case.failure.reason}" for name, case in states.items() if case.failure]
    assert not wrong, "; ".join(wrong)
    lines = [f"{name}: skipped: {case.skipped}" for name, case in states.items() if case.skipped]
    for benchmark in document.benchmarks:
        (process,) = benchmark.extra_info.processes
        found = process.device_memory
        assert found.reserved_bytes is not None, found.reason
        assert parse(benchmark.extra_info.case.memory).growth == process.policy.allow_growth
        reserved, context, lost, total = (
            f"{number / MIB:,.0f} MiB"
            for number in (found.reserved_bytes, found.context_bytes, found.nvml_used_bytes, found.total_bytes)
        )
        lines.append(f"{benchmark.name}: reserved {reserved}, context {context}, lost {lost} of {total}")
        lines[-1] += "" if found.exclusive else "; somebody else was on the GPU"
    return lines


def peaks_are_those_of_this_model(document: Document) -> list[str]:
    """The allocator's peak holds the model and its batch, and no data set (tensorflow #71744)."""
    lines = []
    for benchmark in document.benchmarks:
        (process,) = benchmark.extra_info.processes
        found = process.device_memory
        assert found.tensors_bytes <= found.tensors_peak_bytes
        assert process.model_bytes <= found.tensors_peak_bytes < process.model_bytes + 100 * MIB
        lines.append(f"{benchmark.name}: peak {found.tensors_peak_bytes:,} B, model {process.model_bytes:,} B")
    return lines


def the_same_model_within_its_limits(document: Document) -> list[str]:
    """With TF32 off, and as timed: the limits were set without a GPU."""
    lines = []
    for benchmark in document.benchmarks:
        for check in benchmark.extra_info.same_model:
            assert check.passed
            lines.append(
                f"{benchmark.name}: TF32 {check.tf32}: {check.largest_relative_difference:.1e} of {check.limit:g}"
            )
    return lines


def clocks_are_read_around_every_sample(document: Document) -> list[str]:
    """Unless the GPU tells nothing at all."""
    lines = []
    for benchmark in document.benchmarks:
        for process in benchmark.extra_info.processes:
            if process.telemetry is None:
                assert document.autoencoder_bench.facts["gpu"]["sm_clock_hertz"].value is None
                continue
            clocks = [hertz for pair in process.telemetry.sm_hertz for hertz in pair if hertz is not None]
            assert len(process.telemetry.sm_hertz) == len(process.rounds)
            lines.append(f"{benchmark.name}: {min(clocks) / 1e6:.0f} to {max(clocks) / 1e6:.0f} MHz")
    return lines


def energy_agrees_with_power(document: Document) -> list[str]:
    """Where the GPU has a counter: it and the average power tell the same within a factor of two."""
    counter = document.autoencoder_bench.facts["gpu"]["energy_counter"]
    if counter.value is None:
        return [f"no counter: {counter.reason}"]
    lines = []
    for benchmark in document.benchmarks:
        found = benchmark.extra_info.sustained
        assert found is not None
        assert found.joules_per_1000_steps > 0, found.reason
        if found.watts is not None:
            assert 0.5 < found.joules / found.seconds / found.watts < 2
        lines.append(f"{benchmark.name}: {found.joules_per_1000_steps:.3g} J per 1,000 steps, {found.watts} W")
    return lines


def profiles_hold_events_of_the_gpu(document: Document) -> list[str]:
    """CUPTI was found, and traced."""
    lines = []
    for benchmark in document.benchmarks:
        profile = benchmark.extra_info.profile
        assert profile is not None
        assert (profile.status, profile.reason) == ("ok", None)
        assert profile.device_events
        lines.append(f"{benchmark.name}: {profile.device_events} events of the GPU in {profile.steps} steps")
    return lines


def traces_say_what_the_gpu_did(document: Document) -> list[str]:
    """The trace itself has the device's part of a step, and xprof counts operations of it."""
    lines = []
    for benchmark in document.benchmarks:
        profile = benchmark.extra_info.profile
        assert profile is not None
        found = profile.gpu
        assert found is not None, profile.gpu_reason
        assert found.kernels > 0
        assert 0 < found.busy_seconds <= found.step_seconds
        xprof = profile.breakdown
        step, host = 1e6 * found.step_seconds, 1e6 * found.host_seconds
        lines.append(
            f"{benchmark.name}: {found.kernels:.3g} kernels in a step of {step:.0f} microseconds, launched by the host "
            f"in {host:.0f}, busy for {100 * found.busy_seconds / found.step_seconds:.0f}%; xprof's step: "
            f"{f'{1e6 * xprof.split.step_seconds:.0f}' if xprof else profile.breakdown_reason}"
        )
    return lines


def cuda_graphs_are_traced_where_asked(document: Document) -> list[str]:
    """A second trace, in which XLA launches its graphs; whether it makes any of a model so small, the trace tells."""
    lines = []
    for benchmark in document.benchmarks:
        first, second = benchmark.extra_info.profile, benchmark.extra_info.profile_of_graphs
        if benchmark.extra_info.case.mode != "xla":
            assert second is None
            continue
        assert first is not None
        assert second is not None
        assert (second.status, second.reason) == ("ok", None)
        assert first.gpu is not None, first.gpu_reason
        assert second.gpu is not None, second.gpu_reason
        host = [1e6 * trace.host_seconds for trace in (first.gpu, second.gpu)]
        lines.append(
            f"{benchmark.name}: the host launches a step in {host[0]:.0f} microseconds, with graphs {host[1]:.0f}"
        )
    assert lines
    return lines


def what_launching_and_copying_cost_is_known(document: Document) -> list[str]:
    """By TensorFlow, and by the driver."""
    (limits,) = read(document.experiment.quantities).values()
    driver = limits.driver
    assert driver is not None, limits.driver_reason
    assert driver.kernel_launch_seconds > 0
    assert driver.synchronise_seconds > 0
    assert driver.graph_launch_seconds > 0
    assert {(one.to, one.memory) for one in driver.transfers} == {
        (to, memory) for to in ("device", "host") for memory in ("pinned", "pageable")
    }
    lines = [
        f"launching a kernel {1e6 * driver.kernel_launch_seconds:.2f} microseconds, a graph of {driver.graph_kernels} "
        f"kernels {1e6 * driver.graph_launch_seconds:.2f}, waiting for nothing {1e6 * driver.synchronise_seconds:.2f}",
    ]
    for one in (*limits.transfers, *driver.transfers):
        rate = one.bytes / one.seconds / 1e9
        lines.append(
            f"{one.bytes:,} bytes to {one.to}, {one.memory}: {1e6 * one.seconds:.1f} microseconds, {rate:.1f} GB/s"
        )
    return lines


def both_regimes_of_a_batch_are_seen(document: Document) -> list[str]:
    """Of the smallest batches launching is most, of the largest the arithmetic: unless memory ended it before."""
    sizes: dict[str, dict[int, float]] = {}
    for benchmark in document.benchmarks:
        case, rate = benchmark.extra_info.case, benchmark.extra_info.steps_per_second.value
        assert rate is not None
        sizes.setdefault(case.mode, {})[case.batch_size] = 1 / rate
    lines = []
    for mode, seconds in sizes.items():
        smallest, *_, before, largest = sorted(seconds)
        grown = seconds[largest] / seconds[before]
        # On a GPU that had no room for the largest, memory ended it before arithmetic may have shown.
        assert largest < MOST_EXAMPLES or grown > 0.5 * largest / before, f"{mode}: {grown:.2f} times as long"
        lines.append(
            f"{mode}: {smallest} rows {1e6 * seconds[smallest]:.0f} microseconds, {largest:,} rows "
            f"{1e6 * seconds[largest]:.0f}, {grown:.2f} times that of {before:,}"
        )
    return lines


def every_precision_is_the_one_that_it_says(document: Document) -> list[str]:
    """TF32 is on in its own cases alone; float32 is held to its limit; speeds and differences are to be looked at."""
    lines = []
    for benchmark in document.benchmarks:
        info = benchmark.extra_info
        precision = info.case.precision
        assert {process.tf32 for process in info.processes} == {precision == "tf32"}
        (check,) = info.same_model
        assert check.passed is (True if precision == "float32" else None)
        assert check.largest_relative_difference is not None
        rate, loss = info.steps_per_second.value, info.figures.get("loss_over_float32_ratio")
        lines.append(
            f"{benchmark.name}: {rate:,.0f} steps/s, first losses {check.largest_relative_difference:.1e} off"
            + (f", trained loss {loss.value:.4f}x" if loss and loss.value else "")
        )
    return lines


MODES = (
    the_gpu_is_the_one_tensorflow_uses,
    servers_may_fork,
    the_same_model_within_its_limits,
    clocks_are_read_around_every_sample,
    energy_agrees_with_power,
)
TRACES = (profiles_hold_events_of_the_gpu, traces_say_what_the_gpu_did, cuda_graphs_are_traced_where_asked)
MEMORY = (every_policy_reserves_what_it_says, peaks_are_those_of_this_model)
PEAKS = (what_launching_and_copying_cost_is_known,)
BATCH = (both_regimes_of_a_batch_are_seen,)
PRECISION = (every_precision_is_the_one_that_it_says,)
