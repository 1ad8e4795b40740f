"""What only a card can answer, as checks of results: each returns figures for the report, or fails.

They are written against results, so that tests/bench/test_gpu_run.py can try them on those of the stand-ins.
"""

from bench.policies import parse
from bench.results.schema import Document

MIB = 2**20


def the_card_is_the_one_tensorflow_uses(modes: Document, memory: Document) -> list[str]:
    """NVML and TensorFlow speak of the same card."""
    section = modes.autoencoder_bench
    facts = section.facts["gpu"]
    assert facts["matched_by"].value in ("PCI bus id", "MIG UUID"), facts["matched_by"].reason
    said = [f"{name}: {fact.value if fact.reason is None else fact.reason}" for name, fact in facts.items()]
    return [f"TensorFlow calls it {section.device.name}", *(line for line in said if not line.startswith("uuid"))]


def servers_may_fork(modes: Document, memory: Document) -> list[str]:
    """Importing TensorFlow touches no device, and a forked worker computes on the GPU."""
    for cohort in modes.experiment.cohorts:
        assert cohort.start_method == "fork", cohort.unsound
    devices = {r.device for b in modes.benchmarks for r in b.extra_info.replicates}
    assert all("GPU" in device for device in devices)
    return [f"computed on {', '.join(sorted(devices))}"]


def every_policy_reserves_what_it_says(modes: Document, memory: Document) -> list[str]:
    """Against NVML: a policy that the figures contradict would be not-in-force."""
    states = {case.name: case for case in memory.experiment.cases}
    wrong = [f"{name}: {case.failure.reason}" for name, case in states.items() if case.failure]
    assert not wrong, "; ".join(wrong)
    lines = [f"{name}: skipped: {case.skipped}" for name, case in states.items() if case.skipped]
    for benchmark in memory.benchmarks:
        (replicate,) = benchmark.extra_info.replicates
        found = replicate.device_memory
        assert found.reserved_bytes is not None, found.reason
        assert parse(benchmark.extra_info.case.memory).growth == replicate.policy.allow_growth
        reserved, context, lost, total = (
            f"{number / MIB:,.0f} MiB"
            for number in (found.reserved_bytes, found.context_bytes, found.lost_bytes, found.total_bytes)
        )
        lines.append(f"{benchmark.name}: reserved {reserved}, context {context}, lost {lost} of {total}")
        lines[-1] += "" if found.exclusive else "; somebody else was on the card"
    return lines


def peaks_are_those_of_this_model(modes: Document, memory: Document) -> list[str]:
    """The allocator's peak holds the model and its batch, and no data set (tensorflow #71744)."""
    lines = []
    for benchmark in memory.benchmarks:
        (replicate,) = benchmark.extra_info.replicates
        found = replicate.device_memory
        assert found.tensors_bytes <= found.tensors_peak_bytes
        assert replicate.model_bytes <= found.tensors_peak_bytes < replicate.model_bytes + 100 * MIB
        lines.append(f"{benchmark.name}: peak {found.tensors_peak_bytes:,} B, model {replicate.model_bytes:,} B")
    return lines


def the_same_model_within_its_limits(modes: Document, memory: Document) -> list[str]:
    """With TF32 off, and as timed: the limits were set without a card."""
    lines = []
    for benchmark in modes.benchmarks:
        for check in benchmark.extra_info.same_model:
            assert check.passed
            lines.append(
                f"{benchmark.name}: TF32 {check.tf32}: {check.largest_relative_difference:.1e} of {check.limit:g}"
            )
    return lines


def clocks_are_read_around_every_block(modes: Document, memory: Document) -> list[str]:
    """Unless the card tells nothing at all."""
    lines = []
    for benchmark in modes.benchmarks:
        for replicate in benchmark.extra_info.replicates:
            if replicate.telemetry is None:
                assert modes.autoencoder_bench.facts["gpu"]["sm_clock_hertz"].value is None
                continue
            clocks = [hertz for pair in replicate.telemetry.sm_hertz for hertz in pair if hertz is not None]
            assert len(replicate.telemetry.sm_hertz) == len(replicate.rounds)
            lines.append(f"{benchmark.name}: {min(clocks) / 1e6:.0f} to {max(clocks) / 1e6:.0f} MHz")
    return lines


def energy_agrees_with_power(modes: Document, memory: Document) -> list[str]:
    """Where the card has a counter: it and the average power tell the same within a factor of two."""
    counter = modes.autoencoder_bench.facts["gpu"]["energy_counter"]
    if counter.value is None:
        return [f"no counter: {counter.reason}"]
    lines = []
    for benchmark in modes.benchmarks:
        found = benchmark.extra_info.sustained
        assert found is not None
        assert found.joules_per_1000_steps > 0, found.reason
        if found.watts is not None:
            assert 0.5 < found.joules / found.seconds / found.watts < 2
        lines.append(f"{benchmark.name}: {found.joules_per_1000_steps:.3g} J per 1,000 steps, {found.watts} W")
    return lines


def profiles_hold_events_of_the_gpu(modes: Document, memory: Document) -> list[str]:
    """CUPTI was found, and traced."""
    lines = []
    for benchmark in modes.benchmarks:
        profile = benchmark.extra_info.profile
        assert profile is not None
        assert (profile.status, profile.reason) == ("ok", None)
        assert profile.device_events
        lines.append(f"{benchmark.name}: {profile.device_events} events of the GPU in {profile.steps} steps")
    return lines


def traces_say_what_the_gpu_did(modes: Document, memory: Document) -> list[str]:
    """Xprof finds the device's part of a step, its operations, and how busy it was."""
    lines = []
    for benchmark in modes.benchmarks:
        profile = benchmark.extra_info.profile
        assert profile is not None
        found = profile.breakdown
        assert found is not None, profile.breakdown_reason
        assert found.split.device_compute_seconds > 0
        assert any(op.side == "device" for op in found.top_ops), found.top_ops_reason
        assert found.duty_cycle is not None, found.duty_cycle_reason
        assert 0 < found.duty_cycle <= 1
        lines.append(
            f"{benchmark.name}: {1e6 * found.split.device_compute_seconds:.0f} of {1e6 * found.split.step_seconds:.0f} "
            f"microseconds of a traced step on the GPU, which was busy for {100 * found.duty_cycle:.0f} %"
        )
    return lines


CHECKS = (
    the_card_is_the_one_tensorflow_uses,
    servers_may_fork,
    every_policy_reserves_what_it_says,
    peaks_are_those_of_this_model,
    the_same_model_within_its_limits,
    clocks_are_read_around_every_block,
    energy_agrees_with_power,
    profiles_hold_events_of_the_gpu,
    traces_say_what_the_gpu_did,
)
