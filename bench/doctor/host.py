"""The host: processor, control group, memory, disk, the data set, and what the profiles are shown with."""

import importlib.util
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from bench.doctor.finding import Finding, ok, problem, warning
from bench.errors import UsageError
from bench.machine import environment as observed
from bench.machine import interference, variables
from bench.machine.environment import version
from bench.machine.facts import Facts
from bench.plan.workload import WORKLOAD, DataError
from bench.recording import folders

LEAST_MEMORY_BYTES = 4 * 2**30  # of seven workers of 500 MB each, and a server
LEAST_DISK_BYTES = 100 * 2**20
GOOD_DISK_BYTES = 2**30
_WATCHED_SECONDS = 1.0
_OF_THE_GPU = ("CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES")
_OUR_OWN = ("TF_CPP_MIN_LOG_LEVEL",)  # set anew for every process


def processor(facts: Facts) -> Finding:
    """Model, and whether its clock is let alone."""
    governor, model = facts["governor"], facts["model"].value or "a processor of unknown model"
    name = f"{model}, {facts['threads'].value} threads" + (", virtualised" if facts["virtualised"].value else "")
    if governor.value is None:
        return ok("CPU", f"{name}; no frequency governor to be seen")
    if governor.value != "performance":
        return warning(
            "CPU",
            f"{name}; its frequency governor is {governor.value}, so its clock follows the load",
            "sudo cpupower frequency-set -g performance",
        )
    return ok("CPU", f"{name}; governor performance")


def quiet(sleep: Callable[[float], None] = time.sleep) -> Finding:
    """What others take of the processor within a second."""
    before = interference.read([])
    sleep(_WATCHED_SECONDS)
    window = interference.window(before, interference.read([]), (0, 0), None)
    steal, others = window.steal_share or 0.0, window.others_share or 0.0
    text = f"{100 * steal:.0f}% stolen by the hypervisor, {100 * others:.0f}% used by other processes"
    if "steal" in window.interference or "others" in window.interference:
        return warning("load", text, "Close other programs, or expect wider intervals")
    return ok("load", text)


def control_group(container: Facts, cpu: Facts) -> Finding:
    """Limits on this process, as containers and batch systems set them."""
    limit, memory = container["cpu_limit"].value, container["memory_limit_bytes"].value
    threads, usable = cpu["threads"].value, cpu["usable_threads"].value
    parts = [] if container["kind"].value == "none" else [f"in a container ({container['kind'].value})"]
    if isinstance(limit, float) and isinstance(threads, int) and limit < threads:
        parts.append(f"{limit:g} of {threads} threads' time")
    if isinstance(usable, int) and isinstance(threads, int) and usable < threads:
        parts.append(f"bound to {usable} of {threads} threads")
    if isinstance(memory, int):
        parts.append(f"{_gib(memory)} of memory")
    if isinstance(memory, int) and memory < LEAST_MEMORY_BYTES:
        return problem("limits", ", ".join(parts), f"Give it {_gib(LEAST_MEMORY_BYTES)} of memory")
    if isinstance(limit, float) and isinstance(threads, int) and limit < threads:
        # Workers start no more threads than that is enough for, but a group's time still comes in slices of 100 ms.
        return warning("limits", ", ".join(parts), "Bind to whole cores instead (--cpuset-cpus, taskset)")
    return ok("limits", ", ".join(parts) or "none")


def commit() -> Finding:
    """What a result would say of the revision of this suite."""
    info = observed.commit_info()
    return ok("commit", info["id"] or f"results name none: {info.get('reason', 'not known')}")


def environment(inherited: Mapping[str, str] = os.environ) -> Finding:
    """Variables that the processes which measure get, and that speeds depend on; and those that they do not get."""
    kept = [name for name in variables.settings(inherited) if name not in _OF_THE_GPU]
    out = [name for name in variables.taken_out(inherited) if name not in _OUR_OWN]
    parts = [f"{', '.join(kept)} stay and are recorded"] if kept else []
    parts += [f"{', '.join(out)} are taken out of the processes that measure"] if out else []
    if kept:
        return warning("environment", "; ".join(parts), "Unset what is not meant: results with others are other runs")
    return ok("environment", "; ".join(parts) or "no variable that speeds depend on")


def memory() -> Finding:
    """What is free of the host's memory."""
    available = psutil.virtual_memory().available
    text = f"{_gib(available)} available"
    if available < LEAST_MEMORY_BYTES:
        return warning("memory", text, f"Free {_gib(LEAST_MEMORY_BYTES)}, or measure fewer cases at a time (--only)")
    return ok("memory", text)


def disk(out: Path) -> Finding:
    """Whether results can be written, and how much room there is; the folder itself is not made."""
    whole = out.absolute()
    if link := folders.dead_link(whole):
        return problem("disk", link, "Choose another folder with --out")
    present = next(folder for folder in (whole, *whole.parents) if folder.exists())
    if not present.is_dir():
        return problem("disk", f"{present} is a file, and no folder", "Choose another folder with --out")
    try:
        folders.require_text(out)
        folders.require_writable(present)
    except UsageError as error:
        return problem("disk", str(error), "Choose another folder with --out")
    free = shutil.disk_usage(present).free
    text = f"{_gib(free)} free for results in {out}"
    if free < LEAST_DISK_BYTES:
        return problem("disk", text, "Make room, or choose another folder with --out")
    return ok("disk", text) if free >= GOOD_DISK_BYTES else warning("disk", text, "A run takes up to 100 MB: make room")


def data_set(source: str) -> Finding:
    """Which Fashion-MNIST a run would train on."""
    try:
        found = WORKLOAD.load_present(source)
    except DataError as error:
        return problem("data", str(error), "Replace or remove that file, or name another source with --data")
    if found is None:
        return warning(
            "data",
            "not here yet: a run downloads it (31 MB), or takes the packaged sample",
            "apt-get install dataset-fashion-mnist, or --data FOLDER with its four .gz files",
        )
    return ok("data", WORKLOAD.describe_data(found).removeprefix("Data: "))


def viewers() -> Finding:
    """TensorBoard and the plugin that shows profiles."""
    wanted: Mapping[str, str] = {
        "tensorboard": "tensorboard",
        "tensorboard_plugin_profile": "tensorboard-plugin-profile",
    }
    missing = [name for module, name in wanted.items() if importlib.util.find_spec(module) is None]
    if missing:
        return problem("TensorBoard", f"{' and '.join(missing)} cannot be imported", f"pip install {' '.join(missing)}")
    versions = ", ".join(f"{name} {version(name)}" for name in wanted.values())
    return ok("TensorBoard", f"{versions}; the plugin's page loads its charts from the internet")


def _gib(number: int) -> str:
    return f"{number / 2**30:.1f} GiB"
