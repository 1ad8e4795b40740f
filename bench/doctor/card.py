"""The GPU as its driver sees it: NVML, clocks, who else is there, slices, modes and rights."""

from pathlib import Path

from bench.doctor.finding import Finding, ok, problem, warning
from bench.observe.nvml import Card

LEAST_DRIVER = 525


def look(card: Card, root: Path = Path("/")) -> list[Finding]:
    """Everything that NVML and the driver's files tell."""
    if card.absent:
        remedy = "In a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility. Without it: no power, clocks, memory"
        return [warning("NVML", card.absent, remedy)]
    facts = {name: fact.value for name, fact in card.facts().items()}
    return [
        _driver(str(facts["driver"] or "")),
        _clocks(str(facts["throttled_by"] or ""), facts["celsius"]),
        _sharing(card),
        _mode(str(facts["compute_mode"] or "unknown"), bool(facts["mig"]), facts["persistence"]),
        _counters(root),
    ]


def _driver(version: str) -> Finding:
    major = version.split(".")[0]
    if major.isdigit() and int(major) < LEAST_DRIVER:
        return problem(
            "driver", f"{version} is too old for TensorFlow's CUDA", f"Install driver {LEAST_DRIVER} or newer"
        )
    return ok("driver", version or "NVML does not give its version")


def _clocks(throttled_by: str, celsius: object) -> Finding:
    temperature = f", {celsius} degrees Celsius" if celsius is not None else ""
    if throttled_by:
        return warning(
            "clocks",
            f"held down now: {throttled_by}{temperature}",
            "Better cooling, or a higher power limit (nvidia-smi -q -d PERFORMANCE)",
        )
    return ok("clocks", f"not throttled now{temperature}")


def _sharing(card: Card) -> Finding:
    others, reason = card.others()
    if others is None:
        return warning(
            "sharing", f"unknown: {reason}", "The experiment memory skips policies that reserve: --allow-shared"
        )
    if others:
        remedy = "End them (nvidia-smi lists them); the experiment memory skips policies that could starve them"
        return warning("sharing", f"{others} other process{'es' if others > 1 else ''} on the card", remedy)
    return ok("sharing", "nobody else is on the card")


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
