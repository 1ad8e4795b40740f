"""What NVML, the driver's own library, says of a GPU: each question on its own, for any of them may be refused."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil
import pynvml

from bench.machine import cores
from bench.machine.device import GpuName, without_uuid
from bench.results.record import Fact

Answer = TypeVar("Answer")

# Reasons for lower clocks that no user chose. Others, such as idling or clocks that were set, are no interference.
THROTTLING = {
    "software power cap": pynvml.nvmlClocksEventReasonSwPowerCap,
    "hardware slowdown": pynvml.nvmlClocksEventReasonHwSlowdown,
    "software thermal slowdown": pynvml.nvmlClocksEventReasonSwThermalSlowdown,
    "hardware thermal slowdown": pynvml.nvmlClocksEventReasonHwThermalSlowdown,
    "power brake": pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown,
}
# Those of them that mean heat. A hardware slowdown alone may be one of power just as well (nvml.h).
THERMAL = pynvml.nvmlClocksEventReasonSwThermalSlowdown | pynvml.nvmlClocksEventReasonHwThermalSlowdown

_COMPUTE_MODES = {
    pynvml.NVML_COMPUTEMODE_DEFAULT: "DEFAULT",
    pynvml.NVML_COMPUTEMODE_PROHIBITED: "PROHIBITED",
    pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS: "EXCLUSIVE_PROCESS",
}
_MEGAHERTZ = 1_000_000
_AFFINITY_WORDS = 128  # of 64 bits: 8192 processors, the most that kernels of distributions are built for
# Where NVIDIA's documentation of MPS has the pipes by default; `control` is the socket that its daemon says it starts
# on (in the log of k8s-device-plugin #762).
_MPS_PIPES, _MPS_CONTROL = "/tmp/nvidia-mps", "control"  # noqa: S108
_MPS_PROCESS = "nvidia-cuda-mps"  # -server, or -control: of a process's name Linux keeps fifteen characters


class GpuMemory(NamedTuple):
    """Bytes of the whole GPU."""

    total: int
    used: int


class Reading(NamedTuple):
    """A GPU at one moment; None where it does not say."""

    sm_hertz: int | None
    celsius: int | None
    throttle_bits: int | None


@dataclass(frozen=True)
class Gpu:
    """A GPU that can be asked; where `absent` says why there is none to ask, every answer is None with that reason.

    `blind` says that it was seen to list no process while one of ours was on it, as under WSL2: then nobody can tell
    who else is there.
    """

    handle: Any = None
    absent: str | None = None
    blind: bool = False

    def ask(self, question: Callable[[Any], Answer]) -> tuple[Answer | None, str | None]:
        """The answer to a question about the GPU's handle, or None and the reason."""
        if self.absent is not None:
            return None, self.absent
        try:
            return question(self.handle), None
        except pynvml.NVMLError as error:
            return None, f"NVML: {error}"
        except (UnicodeDecodeError, ValueError) as error:
            return None, f"NVML gave something unreadable: {error}"

    def fact(self, question: Callable[[Any], str | int | float | bool]) -> Fact:
        """The same, as it stands in a result."""
        value, reason = self.ask(question)
        return Fact(value=value, reason=reason)

    @property
    def admits_one_process(self) -> bool:
        """Whether it is in EXCLUSIVE_PROCESS mode, where a second process gets no context; False if it cannot tell."""
        mode, _ = self.ask(pynvml.nvmlDeviceGetComputeMode)
        return bool(mode == pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)

    def read(self) -> Reading:
        """Clock, temperature and what throttles it, now."""
        megahertz, _ = self.ask(lambda handle: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM))
        celsius, _ = self.ask(lambda handle: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))
        bits, _ = self.ask(_throttle_bits)
        return Reading(None if megahertz is None else megahertz * _MEGAHERTZ, celsius, bits)

    def memory(self) -> tuple[GpuMemory | None, str | None]:
        """Total and used bytes, or None and the reason. Used by anyone; what the driver keeps for itself is apart."""
        return self.ask(_memory)

    def compute_capability(self) -> tuple[int, int] | None:
        """Major and minor; None where it does not say."""
        found, _ = self.ask(pynvml.nvmlDeviceGetCudaComputeCapability)
        return None if found is None else (int(found[0]), int(found[1]))

    def is_taken(self) -> bool:
        """Whether a process computes on it, as far as it tells; what only draws keeps nobody off."""
        found, _ = self.ask(_computing)
        return bool(found)

    def others(self) -> tuple[int | None, str | None]:
        """Processes on the GPU, computing or drawing, or None and the reason; in a container all of the host's."""
        if self.blind:
            return None, "NVML does not even list our own process here"
        return self.ask(lambda handle: len(_computing(handle) | _drawing(handle)))

    def watts(self) -> float | None:
        """Power, on Ampere and later the average of a second."""
        milliwatts, _ = self.ask(pynvml.nvmlDeviceGetPowerUsage)
        return None if milliwatts is None else milliwatts / 1000

    def utilisation(self) -> float | None:
        """Share of the last sixth of a second to second in which a kernel ran, 0 to 1."""
        rates, _ = self.ask(pynvml.nvmlDeviceGetUtilizationRates)
        return None if rates is None else rates.gpu / 100

    def joules(self) -> tuple[float | None, str | None]:
        """Energy since the driver was loaded, or None and the reason; renewed every 20 to 100 ms."""
        millijoules, reason = self.ask(pynvml.nvmlDeviceGetTotalEnergyConsumption)
        return None if millijoules is None else millijoules / 1000, reason

    def pcie_generation(self) -> int | None:
        """The generation its link runs at now. A GPU at idle lowers it: ask while steps run."""
        generation, _ = self.ask(pynvml.nvmlDeviceGetCurrPcieLinkGeneration)
        return generation

    def near_cores(self) -> tuple[int, ...] | None:
        """Logical processors of the GPU's own NUMA node, by number; None where NVML names none, as outside Linux."""
        found, _ = self.ask(_near_cores)
        return found

    def facts(self) -> dict[str, Fact]:
        """Everything that is recorded of a GPU, by name."""
        return {name: self.fact(question) for name, question in _FACTS.items()}


def open_gpu(gpu: str) -> Gpu:
    """The GPU of this index in NVML's order, UUID, or PCI bus id."""
    if reason := _start():
        return Gpu(absent=reason)
    try:
        if gpu.isdigit():
            return Gpu(pynvml.nvmlDeviceGetHandleByIndex(int(gpu)))
        if gpu.startswith(("GPU-", "MIG-")):
            return Gpu(pynvml.nvmlDeviceGetHandleByUUID(gpu.encode()))
        return Gpu(pynvml.nvmlDeviceGetHandleByPciBusId(gpu.encode()))
    except pynvml.NVMLError as error:
        return Gpu(absent=f"NVML knows no GPU {without_uuid(gpu)}: {error}")


def gpus() -> list[GpuName] | None:
    """All GPUs of this machine; None where NVML cannot tell."""
    if _start():
        return None
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [
            GpuName(i, str(pynvml.nvmlDeviceGetName(handle)), str(pynvml.nvmlDeviceGetUUID(handle)), _slices(handle))
            for i, handle in enumerate(handles)
        ]
    except pynvml.NVMLError:
        return None


def throttle_reasons(bits: int) -> tuple[str, ...]:
    """The names of those reasons for lower clocks that count as interference."""
    return tuple(name for name, bit in THROTTLING.items() if bits & bit)


def is_hot(bits: int | None) -> bool:
    """Whether these reasons for lower clocks have heat among them; False where the GPU does not say."""
    return bool((bits or 0) & THERMAL)


def _start() -> str | None:
    """Load and start NVML, which may be done any number of times; None, or why that cannot be."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"no NVML: {error}"
    return None


def _slices(handle: Any) -> tuple[str, ...] | None:
    """UUIDs of a GPU's MIG slices; None where it is not in MIG mode, or cannot be."""
    try:
        if not _mig(handle):
            return None
        count = pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except pynvml.NVMLError:
        return None
    found = []
    for i in range(count):
        try:
            found.append(str(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, i))))
        except pynvml.NVMLError:  # there may be fewer than the most that there can be
            continue
    return tuple(found)


def _memory(handle: Any) -> GpuMemory:
    try:
        info = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except pynvml.NVMLError_FunctionNotFound:  # a driver from before 510
        info = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return GpuMemory(int(info.total), int(info.used))


def _computing(handle: Any) -> set[int]:
    return {process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}


def _drawing(handle: Any) -> set[int]:
    """Process ids; none on a GPU, or a slice of one, that cannot draw."""
    try:
        return {process.pid for process in pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)}
    except pynvml.NVMLError_NotSupported:
        return set()


def _throttle_bits(handle: Any) -> int:
    try:
        return int(pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle))
    except pynvml.NVMLError_FunctionNotFound:  # its name before driver 535
        return int(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))


def _clocks_set(handle: Any) -> bool:
    """Whether applications clocks that somebody set hold the clock down at this moment (NVML's event reason 0x2).

    What this cannot tell: NVML has no question for the clocks that `nvidia-smi --lock-gpu-clocks` locks. Its header
    says that they replace applications clocks, and not under which reason they show, if under any. A clock that is set
    and at rest may show as idle instead. So False is "not seen to be set", never "not set".
    """
    return bool(_throttle_bits(handle) & pynvml.nvmlClocksEventReasonApplicationsClocksSetting)


def _near_cores(handle: Any) -> tuple[int, ...]:
    """Raises ValueError where the mask is empty, as was seen of jobs that may use only part of a node's processors."""
    words = pynvml.nvmlDeviceGetCpuAffinity(handle, _AFFINITY_WORDS)
    found = tuple(64 * i + bit for i, word in enumerate(words) for bit in range(64) if word >> bit & 1)
    if not found:
        raise ValueError("a list of processors without one in it")
    return found


def _mps(handle: Any) -> bool:
    """Whether processes share the GPU through MPS: ours would, or those that are on it do.

    The first by the control daemon's socket, which every process that starts CUDA looks for; the second by their names,
    which in a container without the host's process ids are not to be had.
    """
    pipes = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY") or _MPS_PIPES)
    # os.path: where the folder is somebody else's alone, pathlib of Python 3.11 raises instead of answering.
    return os.path.exists(pipes / _MPS_CONTROL) or any(_is_of_mps(pid) for pid in _computing(handle))


def _is_of_mps(pid: int) -> bool:
    try:
        return psutil.Process(pid).name().startswith(_MPS_PROCESS)
    except psutil.Error:
        return False


def _cuda_version(handle: Any) -> str:
    version = pynvml.nvmlSystemGetCudaDriverVersion_v2()
    return f"{version // 1000}.{version % 1000 // 10}"


def _capability(handle: Any) -> str:
    return "{}.{}".format(*pynvml.nvmlDeviceGetCudaComputeCapability(handle))


def _clock(ask: Callable[[Any, int], int], kind: int) -> Callable[[Any], int]:
    return lambda handle: ask(handle, kind) * _MEGAHERTZ


def _on_or_off(ask: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def answer(handle: Any) -> bool:
        state = ask(handle)
        return bool(state[0] if isinstance(state, list) else state)  # a list is the current state and the pending one

    return answer


_mig = _on_or_off(pynvml.nvmlDeviceGetMigMode)

_FACTS: Mapping[str, Callable[[Any], str | int | float | bool]] = {
    "name": lambda handle: str(pynvml.nvmlDeviceGetName(handle)),
    # Enough to tell GPUs apart, without naming one.
    "uuid_sha256": lambda handle: hashlib.sha256(str(pynvml.nvmlDeviceGetUUID(handle)).encode()).hexdigest(),
    "memory_bytes": lambda handle: _memory(handle).total,
    "compute_capability": _capability,
    "driver": lambda handle: str(pynvml.nvmlSystemGetDriverVersion()),
    "cuda_driver": _cuda_version,
    "power_limit_watts": lambda handle: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000,
    "power_limit_default_watts": lambda handle: pynvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / 1000,
    "sm_clock_hertz": _clock(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
    "sm_clock_max_hertz": _clock(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_SM),
    # Refused by consumer GPUs, and as deprecated by new drivers.
    "applications_clock_hertz": _clock(pynvml.nvmlDeviceGetApplicationsClock, pynvml.NVML_CLOCK_SM),
    "applications_clock_default_hertz": _clock(pynvml.nvmlDeviceGetDefaultApplicationsClock, pynvml.NVML_CLOCK_SM),
    "clocks_set": _clocks_set,
    "memory_clock_hertz": _clock(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),
    "memory_clock_max_hertz": _clock(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_MEM),
    "celsius": lambda handle: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
    "throttled_by": lambda handle: ", ".join(throttle_reasons(_throttle_bits(handle))),
    "ecc": _on_or_off(pynvml.nvmlDeviceGetEccMode),
    "mig": _mig,
    "persistence": _on_or_off(pynvml.nvmlDeviceGetPersistenceMode),
    "compute_mode": lambda handle: _COMPUTE_MODES.get(pynvml.nvmlDeviceGetComputeMode(handle), "unknown"),
    # When facts are read no step runs; Gpu.pcie_generation is for then.
    "pcie_generation_idle": pynvml.nvmlDeviceGetCurrPcieLinkGeneration,
    "pcie_generation_max": pynvml.nvmlDeviceGetMaxPcieLinkGeneration,
    "pcie_width": pynvml.nvmlDeviceGetCurrPcieLinkWidth,
    "pcie_width_max": pynvml.nvmlDeviceGetMaxPcieLinkWidth,
    "near_cores": lambda handle: cores.ranges(_near_cores(handle)) or "",
    "mps": _mps,
    "energy_counter": lambda handle: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) >= 0,
}
