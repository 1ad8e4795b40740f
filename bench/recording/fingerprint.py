"""What a speed depends on beside the workload: hardware and software, by name, and one hash of both."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bench.results.record import Fact
from bench.results.schema import Device, Fingerprint, Software

# Which GPU is used, not what it is.
_IDENTITY = {"CUDA_VISIBLE_DEVICES"}


# Settings of the machine that speeds depend on; those that a machine does not tell are left out.
_SETTINGS = {
    "cpu": ("governor", "usable_threads", "bound_to"),
    "container": ("cpu_limit",),
    "gpu": ("ecc", "mig", "persistence", "sm_clock_max_hertz", "pcie_generation_max", "pcie_width_max"),
}


# Of the other frameworks that took part, the facts that are versions and threads.
_FRAMEWORKS = {"jax": ("jax", "jaxlib", "threads"), "torch": ("torch", "threads")}
RESTRICTIONS = ("usable_cores", "cpu_limit")


def restrictions(count: Any, facts: Mapping[str, Mapping[str, Fact]]) -> dict[str, Any]:
    """What this process may not use of the hardware, as if it was not there; nothing where it may use all."""
    usable = facts.get("cpu", {}).get("usable_threads", Fact(value=None)).value
    limit = facts.get("container", {}).get("cpu_limit", Fact(value=None)).value
    return {
        name: value
        for name, value in zip(RESTRICTIONS, (usable, limit), strict=True)
        if isinstance(value, int | float) and isinstance(count, int) and value < count
    }


def take(
    machine_info: Mapping[str, Any], device: Device, software: Software, facts: Mapping[str, Mapping[str, Fact]]
) -> Fingerprint:
    """The fingerprint of a run."""
    cpu = machine_info.get("cpu") or {}
    memory = machine_info.get("memory_bytes")
    hardware = {
        "gpu": ", ".join(device.gpus) or None,
        "cpu": cpu.get("brand_raw"),
        "cores": cpu.get("count"),
        "memory_gib": round(memory / 2**30) if memory else None,
    }
    hardware |= restrictions(cpu.get("count"), facts)
    versions = {
        "driver": device.driver,
        "power_limit_watts": device.power_limit_watts,
        "tensorflow": software.tensorflow,
        "cuda": software.cuda,
        "cudnn": software.cudnn,
        "keras": software.keras,
        "numpy": software.numpy,
        "python": software.python,
        "suite": software.suite,
        "system": f"{machine_info.get('system')} {machine_info.get('release')}",
        "tf32": {True: "on", False: "off", None: "default"}[device.tf32],
    }
    variables = {name: value for name, value in device.environment.items() if name not in _IDENTITY}
    settings = {
        name if name.startswith(group) else f"{group}_{name}": value if isinstance(value, str) else float(value)
        for group, names in {**_SETTINGS, **_FRAMEWORKS}.items()
        for name in names
        if (value := facts.get(group, {}).get(name, Fact(value=None)).value) is not None
    }
    everything: dict[str, dict[str, Any]] = {
        "hardware": hardware,
        "software": {**versions, **settings, **variables},
    }
    text = json.dumps(everything, sort_keys=True)
    return Fingerprint(**everything, sha256=hashlib.sha256(text.encode()).hexdigest())
