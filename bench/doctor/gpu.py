"""The GPU as its driver sees it: NVML, clocks, who else is there, slices, modes and rights."""

from collections.abc import Mapping
from pathlib import Path

from bench.doctor.finding import Finding, ok, problem, warning
from bench.machine import missing_gpu
from bench.machine.nvml import Gpu

LEAST_DRIVER = 525
# TensorFlow 2.21 has 1,149 small kernels for compute capability 9.0 as PTX 8.5 alone, which came with CUDA 12.5.
LEAST_DRIVER_OF_HOPPER = 555
_MEGAHERTZ = 1_000_000


def look(gpu: Gpu, root: Path = Path("/")) -> list[Finding]:
    """Everything that NVML and the driver's files tell."""
    if gpu.absent:
        remedy = "In a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility. Without it: no power, clocks, memory"
        return [warning("NVML", gpu.absent, remedy)]
    facts = {name: fact.value for name, fact in gpu.facts().items()}
    capability = str(facts["compute_capability"] or "")
    return [
        _driver(str(facts["driver"] or ""), capability),
        *_age(capability),
        _clocks(facts),
        _sharing(gpu),
        *_mps(facts["mps"]),
        _mode(str(facts["compute_mode"] or "unknown"), bool(facts["mig"]), facts["persistence"]),
        _counters(root),
    ]


def _driver(version: str, capability: str) -> Finding:
    least = LEAST_DRIVER_OF_HOPPER if capability == "9.0" else LEAST_DRIVER
    if 0 < _major(version) < least:
        gpu = f" on a GPU of compute capability {capability}" if capability else ""
        return problem("driver", f"{version} is too old for TensorFlow's CUDA{gpu}", f"Install driver {least} or newer")
    return ok("driver", version or "NVML does not give its version")


def _major(version: str) -> int:
    """The first number of a version, 0 where there is none."""
    first = version.split(".")[0]
    return int(first) if first.isdigit() else 0


def _age(capability: str) -> list[Finding]:
    """A warning and no problem: most say that nothing runs on such GPUs, and some that all but XLA does."""
    if _major(capability) < missing_gpu.TOO_NEW:
        return []
    text = f"compute capability {capability} is newer than TensorFlow's CUDA: kernels are reported to fail on it"
    remedy = f"Choose another GPU with --gpu, or a TensorFlow that is built for it ({missing_gpu.TOO_NEW_ISSUES})"
    return [warning("GPU", text, remedy)]


def _clocks(facts: Mapping[str, object]) -> Finding:
    throttled_by, celsius = facts["throttled_by"], facts["celsius"]
    temperature = f", {celsius} degrees Celsius" if celsius is not None else ""
    if throttled_by:
        return warning(
            "clocks",
            f"throttled now: {throttled_by}{temperature}",
            "Better cooling, or a higher power limit (nvidia-smi -q -d PERFORMANCE)",
        )
    return ok("clocks", f"not throttled now{temperature}{_setting(facts)}")


def _setting(facts: Mapping[str, object]) -> str:
    """How clocks are set, or could be.

    In a line that is well: a clock that follows load and heat is what most train at, it is read around every sample,
    and locking it takes an administrator. NVML does not show locked clocks, so nobody could be told that it was done.
    """
    if facts["clocks_set"]:
        return "; applications clocks hold it"
    hertz = facts["applications_clock_default_hertz"] or facts["sm_clock_max_hertz"]
    if not isinstance(hertz, int):
        return ""
    megahertz = hertz // _MEGAHERTZ
    return f"; for a clock that stays: sudo nvidia-smi --lock-gpu-clocks={megahertz},{megahertz}"


def _sharing(gpu: Gpu) -> Finding:
    others, reason = gpu.others()
    if others is None:
        return warning("sharing", f"unknown: {reason}", "Policies that reserve are skipped: --allow-shared")
    if others:
        remedy = "End them (nvidia-smi lists them); policies that could starve them are skipped"
        return warning("sharing", f"{others} other process{'es' if others > 1 else ''} on the GPU", remedy)
    return ok("sharing", "nobody else is on the GPU")


def _mps(shared: object) -> list[Finding]:
    if not shared:
        return []
    text = "programs share the GPU through MPS: others' kernels run among ours, in one context for all"
    remedy = "Where nobody else needs it, end it as its owner: echo quit | nvidia-cuda-mps-control"
    return [warning("MPS", text, remedy)]


def _mode(compute_mode: str, sliced: bool, persistence: object) -> Finding:
    text = f"compute mode {compute_mode}, MIG {'on' if sliced else 'off'}"
    if compute_mode == "PROHIBITED":
        return problem("mode", text, "nvidia-smi -c 0")
    if compute_mode == "EXCLUSIVE_PROCESS":
        return warning("mode", f"{text}: cases cannot take turns", "nvidia-smi -c 0")
    if sliced:
        return warning("mode", f"{text}: figures are of a slice", "Name the slice by its UUID: --gpu MIG-...")
    if persistence is False:
        return warning("mode", f"{text}, persistence off: every first call starts the driver", "sudo nvidia-smi -pm 1")
    return ok("mode", text)


def _counters(root: Path) -> Finding:
    """Whether the driver keeps profiling to administrators: tracing works all the same, hardware counters do not."""
    try:
        text = (root / "proc/driver/nvidia/params").read_text()
    except OSError:
        return ok("profiling rights", "the driver does not say")
    if "RmProfilingAdminOnly: 1" in text:
        return ok("profiling rights", "hardware counters for administrators only; tracing needs none")
    return ok("profiling rights", "for all users")
