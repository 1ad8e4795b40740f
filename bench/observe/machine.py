"""Facts about the machine that speeds depend on: processor, memory, system, container; each on its own, no names."""

import os
import platform
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from bench.observe import rapl
from bench.results.record import Fact

Value = str | int | float | bool
Facts = dict[str, Fact]

IMAGE_DIGEST = "BENCH_IMAGE_DIGEST"  # given by whoever starts a container: from inside it cannot be known


def look(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> dict[str, Facts]:
    """All groups of facts but those that only a driver or TensorFlow can tell."""
    return {
        "cpu": {
            "model": fact(lambda: _cpuinfo(root, "model name")),
            "cores": fact(lambda: _known(psutil.cpu_count(logical=False))),
            "threads": fact(lambda: _known(psutil.cpu_count(logical=True))),
            "usable_threads": fact(lambda: len(os.sched_getaffinity(0))),
            "governor": fact(lambda: _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
            "max_hertz": fact(lambda: 1000 * int(_text(root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"))),
            "energy_counter": fact(_energy_counter),
            "virtualised": fact(lambda: "hypervisor" in _cpuinfo(root, "flags").split()),
        },
        "memory": {
            "total_bytes": fact(lambda: psutil.virtual_memory().total),
            "swap_bytes": fact(lambda: psutil.swap_memory().total),
        },
        "system": {
            "system": fact(platform.system),
            "release": fact(platform.release),
            "distribution": fact(lambda: platform.freedesktop_os_release()["PRETTY_NAME"]),
            "libc": fact(lambda: " ".join(platform.libc_ver())),
            "python": fact(platform.python_version),
        },
        "container": {
            "kind": fact(lambda: container(root, environment)),
            "image_digest": fact(lambda: _given(environment, IMAGE_DIGEST)),
            "cpu_limit": fact(lambda: cpu_limit(root)),
            "memory_limit_bytes": fact(lambda: memory_limit_bytes(root)),
        },
    }


def fact(look: Callable[[], Value]) -> Fact:
    """What `look` finds, or None with the reason in a few words."""
    try:
        return Fact(value=look())
    except _Unknown as unknown:
        return Fact(value=None, reason=str(unknown))
    except FileNotFoundError as error:
        return Fact(value=None, reason=f"there is no {error.filename}")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return Fact(value=None, reason=f"{type(error).__name__}: {error}")


def container(root: Path, environment: Mapping[str, str]) -> str:
    """What kind of container this process is in, as far as that shows; `none` otherwise."""
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes"
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    return "singularity" if "SINGULARITY_CONTAINER" in environment or "APPTAINER_CONTAINER" in environment else "none"


def cpu_limit(root: Path) -> float:
    """Cores that the control group may use, as a number; raises where there is no limit."""
    path = _control_group(root, "cpu.max", "cpu/cpu.cfs_quota_us")
    words = _text(path).split()
    if words[0] in ("max", "-1"):
        raise _Unknown("no limit")
    period = words[1] if len(words) > 1 else _text(path.with_name("cpu.cfs_period_us"))
    return int(words[0]) / int(period)


def memory_limit_bytes(root: Path) -> int:
    """Bytes that the control group may use; raises where there is no limit."""
    text = _text(_control_group(root, "memory.max", "memory/memory.limit_in_bytes"))
    if text == "max" or int(text) >= 2**60:  # version 1 writes a huge number for none
        raise _Unknown("no limit")
    return int(text)


class _Unknown(Exception):
    """Nothing is wrong, there is just nothing to tell."""


def _control_group(root: Path, second: str, first: str) -> Path:
    """The file of our own control group, of version 2 or 1; inside a container that is the group at the top."""
    groups = root / "sys/fs/cgroup"
    if not groups.is_dir():
        raise _Unknown("no control groups")
    own = re.search(r"^0::/(.*)$", _text(root / "proc/self/cgroup"), re.MULTILINE)
    candidates = [groups / own[1] / second] if own else []
    candidates += [groups / second, groups / first]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise _Unknown("no limit")
    return found


def _energy_counter() -> str:
    counters, reason = rapl.joules()
    if counters is None:
        raise _Unknown(reason)
    return rapl.SOURCE


def _cpuinfo(root: Path, key: str) -> str:
    lines = (root / "proc/cpuinfo").read_text().splitlines()
    values = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key)
    found = next(values, None)
    if found is None:
        raise _Unknown(f"the kernel gives no {key}")
    return found


def _text(path: Path) -> str:
    return path.read_text().strip()


def _known(count: int | None) -> int:
    if count is None:
        raise _Unknown("the system does not say")
    return count


def _given(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise _Unknown(f"{name} is not set")
    if not re.fullmatch(r"[\w./:@+-]{1,300}", value):
        raise _Unknown(f"{name} is no image reference")
    return value
