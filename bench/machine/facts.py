"""Facts about the machine that speeds depend on: processor, memory, system, container; each on its own, no names."""

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from bench.machine import container, control_group, cores, rapl
from bench.results.record import Fact

Value = str | int | float | bool
Facts = dict[str, Fact]


def look(
    root: Path = Path("/"), environment: Mapping[str, str] = os.environ, bound_to: Sequence[int] | None = None
) -> dict[str, Facts]:
    """All groups of facts but those that only a driver or TensorFlow can tell.

    `bound_to` are the cores that a run binds itself to, of those it may use; None: to no cores of its own choice.
    """
    return {
        "cpu": {
            "model": fact(lambda: _cpuinfo(root, "model name")),
            "cores": fact(lambda: _known(psutil.cpu_count(logical=False), "the system does not say")),
            "threads": fact(lambda: _known(psutil.cpu_count(logical=True), "the system does not say")),
            "usable_threads": fact(lambda: len(os.sched_getaffinity(0))),
            "bound_to": fact(lambda: _known(cores.ranges(bound_to or ()), "to no cores of the run's own choice")),
            "governor": fact(lambda: _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
            "max_hertz": fact(lambda: 1000 * int(_text(root / "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"))),
            "energy_counter": fact(_energy_counter),
            "bfloat16_instructions": fact(lambda: _instructions(root, "amx_bf16", "avx512_bf16")),
            "float16_instructions": fact(lambda: _instructions(root, "amx_fp16", "avx512_fp16")),
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
            "kind": fact(lambda: container.kind(root, environment) or "none"),
            "image_digest": fact(lambda: _given(environment, container.DIGEST)),
            "image_build": fact(lambda: container.build_id(root)),
            "image_flavour": fact(lambda: _given(environment, container.FLAVOUR)),
            "cpu_limit": fact(lambda: _known(control_group.cpu_limit(root), "no limit")),
            "memory_limit_bytes": fact(lambda: _known(control_group.memory_limit_bytes(root), "no limit")),
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


class _Unknown(Exception):
    """Nothing is wrong, there is just nothing to tell."""


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


def _instructions(root: Path, *names: str) -> str:
    """Those of these names in the kernel's flags, an empty text where the processor has none of them.

    They multiply numbers of 16 bits: Intel's AMX in tiles, AVX-512 in vectors (Linux, arch/x86/include/asm/
    cpufeatures.h, AMX_BF16, AMX_FP16, AVX512_BF16, AVX512_FP16).
    """
    flags = _cpuinfo(root, "flags").split()
    return ", ".join(name for name in names if name in flags)


def _text(path: Path) -> str:
    return path.read_text().strip()


def _known(value: Value | None, otherwise: str) -> Value:
    if value is None:
        raise _Unknown(otherwise)
    return value


def _given(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise _Unknown(f"{name} is not set")
    if not re.fullmatch(r"[\w./:@+-]{1,300}", value):
        raise _Unknown(f"{name} is no image reference")
    return value
