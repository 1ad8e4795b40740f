"""How several GPUs are connected: which is which by its PCI address, and what lies between each two, by NVML."""

import itertools
from collections.abc import Mapping, Sequence

import pynvml

from bench.machine import nvml
from bench.results.record import Fact

# Names of nvml.h's nvmlGpuTopologyLevel_t, as `nvidia-smi topo -m` explains its legend.
_LEVELS: Mapping[int, str] = {
    pynvml.NVML_TOPOLOGY_INTERNAL: "on one board",
    pynvml.NVML_TOPOLOGY_SINGLE: "over one PCIe bridge",
    pynvml.NVML_TOPOLOGY_MULTIPLE: "over several PCIe bridges",
    pynvml.NVML_TOPOLOGY_HOSTBRIDGE: "over a PCIe host bridge",
    pynvml.NVML_TOPOLOGY_NODE: "between PCIe host bridges of one NUMA node",
    pynvml.NVML_TOPOLOGY_SYSTEM: "between NUMA nodes",
}


def facts(bus_ids: Sequence[str]) -> dict[str, Fact]:
    """Of the GPUs at these addresses, in the order in which replicas take them: each one, and each two."""
    gpus = [nvml.open_gpu(bus_id) for bus_id in bus_ids]
    found = {f"gpu_{i}": Fact(value=bus_id) for i, bus_id in enumerate(bus_ids)}
    for (i, one), (j, other) in itertools.combinations(enumerate(gpus), 2):
        found[f"gpu_{i}_{j}"] = _between(one, other)
    return found


def _between(one: nvml.Gpu, other: nvml.Gpu) -> Fact:
    """NVLink where the driver says that peers reach each other by it, else how PCIe connects them."""
    if other.absent is not None:
        return Fact(value=None, reason=other.absent)
    status, _ = one.ask(
        lambda handle: pynvml.nvmlDeviceGetP2PStatus(handle, other.handle, pynvml.NVML_P2P_CAPS_INDEX_NVLINK)
    )
    if status == pynvml.NVML_P2P_STATUS_OK:
        return Fact(value="NVLink")
    level, reason = one.ask(lambda handle: pynvml.nvmlDeviceGetTopologyCommonAncestor(handle, other.handle))
    if level is None:
        return Fact(value=None, reason=reason)
    return Fact(value=_LEVELS.get(level, f"level {level} of NVML's topology"))
