"""The whole diagnosis: every check, in the order in which a reader wants them."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.doctor import gpu, host, tensorflow_runs
from bench.doctor.finding import Finding, ok, problem, warning
from bench.errors import UsageError
from bench.launch.server import SERVER_COMMAND
from bench.launch.worker import Timeouts
from bench.machine import container, cuda_cache, device, nvml
from bench.machine import facts as machine_facts
from bench.machine.device import DeviceChoice


@dataclass(frozen=True)
class Wanted:
    """What a run would be asked for."""

    device: str = "auto"
    gpu: str | None = None
    data: str = "auto"
    out: Path = Path("results")
    server_command: tuple[str, ...] = SERVER_COMMAND  # another one is for tests


def examine(wanted: Wanted) -> list[Finding]:
    """Look at everything. What cannot be looked at is a finding too, never an error."""
    try:
        choice = device.choose(wanted.device, wanted.gpu, known=nvml.gpus)
    except UsageError as error:
        found = [problem("device", str(error), "Choose another device, or --device cpu")]
    else:
        found = _tensorflow(choice, wanted.server_command)
        if choice.gpu:
            found += [*gpu.look(nvml.open_gpu(choice.gpu)), _cache()]
    facts = machine_facts.look()
    if (kind := container.kind()) and not device.driver_sign():
        how = container.how_to_get_a_gpu(kind)
        found.append(warning("container", "no GPU in this container", f"If the host has one: {how}"))
    return [
        *found,
        host.processor(facts["cpu"]),
        host.quiet(),
        host.control_group(facts["container"], facts["cpu"]),
        host.environment(),
        host.commit(),
        host.memory(),
        host.disk(wanted.out),
        host.data_set(wanted.data),
        host.viewers(),
    ]


def has_problem(findings: Sequence[Finding]) -> bool:
    """Whether something will not work."""
    return any(finding.state == "problem" for finding in findings)


def _tensorflow(choice: DeviceChoice, server_command: Sequence[str]) -> list[Finding]:
    if importlib.util.find_spec("tensorflow") is None:
        return [problem("TensorFlow", "it is not installed", "pip install -c constraints.txt -e '.[cpu]' (or gpu)")]
    return tensorflow_runs.look(choice, Timeouts.for_device(choice.kind), server_command)


def _cache() -> Finding:
    cache = cuda_cache.prepare()
    if cache.state is None:
        return warning("CUDA's cache", str(cache.reason), "Set CUDA_CACHE_PATH to a folder that lasts and is writable")
    if cache.state == "disabled":
        return warning("CUDA's cache", str(cache.reason), "Unset it: some GPUs compile for minutes in every process")
    return ok("CUDA's cache", f"{cache.state}, on a folder that lasts")
