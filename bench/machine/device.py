"""Choose the device before TensorFlow is started, and say why."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UsageError
from bench.machine import container

_KERNEL_SIGN = "proc/driver/nvidia/version"
_DEVICE_SIGNS = ("dev/nvidiactl", "dev/dxg")


@dataclass(frozen=True)
class GpuName:
    """A GPU of this machine, as `nvidia-smi -L` lists it.

    `slices` are the UUIDs of its MIG slices, None where it is not in MIG mode, or where that is not known. The UUID is
    empty where it is not known.
    """

    index: int
    name: str
    uuid: str
    slices: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DeviceChoice:
    """`kind` is cpu or gpu, `why` a few words, `environment` what servers are started with.

    `slug` names folders. `gpus` are those that CUDA_VISIBLE_DEVICES is set to, each an index or a UUID, and `gpu` the
    first of them, on which everything is measured that one device does.
    """

    kind: Literal["cpu", "gpu"]
    why: str
    environment: dict[str, str]
    slug: str
    gpus: tuple[str, ...] = ()

    @property
    def gpu(self) -> str | None:
        """The first GPU, None on a CPU."""
        return self.gpus[0] if self.gpus else None


def choose(
    device: str,
    gpu: str | None = None,
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
    known: Callable[[], Sequence[GpuName] | None] = lambda: None,
    several: bool = False,
) -> DeviceChoice:
    """Decide between CPU and exactly one GPU, or `several`: all that may be used, unless one of them is named.

    `device` is auto, gpu or cpu; auto means gpu wherever an NVIDIA driver or WSL2's /dev/dxg is present. `gpu` is an
    index in `nvidia-smi`'s order or a UUID; without it, the first GPU that CUDA_VISIBLE_DEVICES allows. `known` gives
    the machine's GPUs, as NVML lists them, or None. Raises UsageError where a GPU is asked for and there is none, or
    not that one.
    """
    if device == "cpu":
        if gpu is not None:
            raise UsageError(f"--gpu {gpu} contradicts --device cpu: leave one of them out.")
        return _cpu("as asked")
    if driver_sign(root, environment) is None:
        if device == "gpu" or gpu is not None:
            raise UsageError(f"No GPU: {_absent(root, environment)}; or run with --device cpu.")
        # Whoever takes the image with CUDA wants a GPU, and would not look for one in a run that went well.
        missed = container.of_gpu_flavour(environment)
        return _cpu(_absent(root, environment) if missed else "no NVIDIA driver found")
    gpus = known() or _listed(root)
    wanted = _gpu(gpu, environment.get("CUDA_VISIBLE_DEVICES"), gpus)
    source = "--gpu" if gpu is not None else "CUDA_VISIBLE_DEVICES"
    identified = _identify(wanted, source, gpus)
    others = _others(identified, environment.get("CUDA_VISIBLE_DEVICES"), gpus) if several and gpu is None else ()
    # CUDA's own order puts the fastest GPU first; in this one an index is the same GPU to CUDA and to nvidia-smi.
    variables = {"CUDA_VISIBLE_DEVICES": ",".join((identified, *others)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    why = (
        f"GPU {identified} as nvidia-smi counts"
        if identified.isdigit()
        else f"chosen by UUID, {without_uuid(identified)}"
    )
    return DeviceChoice("gpu", why, variables, _slug(identified, gpus), (identified, *others))


def without_uuid(text: str) -> str:
    """The text with every GPU's UUID replaced by the beginning of its SHA-256, for results travel.

    It is the beginning of the `uuid_sha256` among the facts of that GPU, where the UUID was not abbreviated.
    """
    return re.sub(
        r"\b(GPU|MIG)-[0-9A-Za-z/-]+",
        lambda found: f"{found[1]} with UUID hash {hashlib.sha256(found[0].encode()).hexdigest()[:12]}",
        text,
    )


def driver_sign(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> str | None:
    """The file that shows an NVIDIA driver, or WSL2's paravirtual GPU; None without one.

    A container shows the driver of its host under /proc, whether or not it was given a GPU.
    """
    in_container = container.kind(root, environment) is not None
    signs = _DEVICE_SIGNS if in_container else (_KERNEL_SIGN, *_DEVICE_SIGNS)
    return next(("/" + sign for sign in signs if (root / sign).exists()), None)


def _absent(root: Path, environment: Mapping[str, str]) -> str:
    """Why there is no GPU, and how to get one, as a part of a sentence."""
    kind = container.kind(root, environment)
    if kind is None:
        return "there is no NVIDIA driver here (neither /dev/nvidiactl nor /dev/dxg). Install the driver"
    host = "the host has an NVIDIA driver, but " if (root / _KERNEL_SIGN).exists() else ""
    how = container.how_to_get_a_gpu(kind, environment)
    return f"{host}this container was given no GPU (there is neither /dev/nvidiactl nor /dev/dxg): {how}"


def _cpu(why: str) -> DeviceChoice:
    return DeviceChoice("cpu", why, {"CUDA_VISIBLE_DEVICES": "-1"}, "cpu")


def _listed(root: Path) -> list[GpuName]:
    """The GPUs that the driver's files list, in the order of their PCI addresses; none on WSL2."""
    found = []
    for index, file in enumerate(sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))):
        text = file.read_text(errors="replace")
        model, uuid = (re.search(rf"^{key}:\s*(.+)$", text, re.MULTILINE) for key in ("Model", "GPU UUID"))
        known = uuid is not None and "?" not in uuid[1]  # a GPU that nobody has used yet shows only question marks
        name = model[1].strip() if model else "GPU"
        found.append(GpuName(index, name, uuid[1].strip() if uuid and known else ""))
    return found


def _identify(wanted: str, source: str, gpus: Sequence[GpuName]) -> str:
    """What CUDA_VISIBLE_DEVICES is set to for this GPU: its index, its whole UUID, or that of its only MIG slice.

    Raises UsageError where this machine's GPUs are known, and it is none of them or several, or one that is cut in
    slices of which none was chosen.
    """
    unknown = not gpus or not (wanted.isdigit() or all(known.uuid for known in gpus))
    if unknown or wanted.startswith("MIG-"):
        return wanted
    found = [gpu for gpu in gpus if _same_gpu(wanted, str(gpu.index) if wanted.isdigit() else gpu.uuid)]
    if len(found) != 1:
        how = "names no GPU" if not found else "is the beginning of several GPUs' UUIDs"
        raise UsageError(f"{source} {wanted} {how} of this machine. {_listing(gpus)}")
    (gpu,) = found
    if gpu.slices is None:
        return wanted if wanted.isdigit() else gpu.uuid
    if len(gpu.slices) != 1:
        slices = ", ".join(gpu.slices) or "none yet (nvidia-smi mig -cgi)"
        raise UsageError(f"{source} {wanted} is in MIG mode: choose one of its slices with --gpu. There are: {slices}.")
    return gpu.slices[0]


def _others(first: str, visible: str | None, gpus: Sequence[GpuName]) -> tuple[str, ...]:
    """The other GPUs that may be used, each by what CUDA_VISIBLE_DEVICES takes; slices of MIG are not among them.

    CUDA lets a process have one slice at a time (NVIDIA's MIG user guide, "CUDA visible devices").
    """
    if first.startswith("MIG-"):
        return ()
    allowed = [str(gpu.index) for gpu in gpus if gpu.slices is None] if visible is None else _entries(visible)
    found = [_identify(entry, "CUDA_VISIBLE_DEVICES", gpus) for entry in allowed if not entry.startswith("MIG-")]
    same = {first, *(gpu.uuid for gpu in gpus if str(gpu.index) == first)}
    return tuple(dict.fromkeys(entry for entry in found if entry not in same))


def _entries(visible: str) -> list[str]:
    """Those of CUDA_VISIBLE_DEVICES, up to the first that CUDA takes for none."""
    entries = [entry.strip() for entry in visible.split(",") if entry.strip()]
    return entries[: entries.index("-1")] if "-1" in entries else entries


def _listing(gpus: Sequence[GpuName]) -> str:
    return f"There are: {'; '.join(f'{gpu.index} {gpu.name} ({gpu.uuid})' for gpu in gpus)}."


def _slug(gpu: str, gpus: Sequence[GpuName]) -> str:
    """The GPU's model in a form fit for file names, where it is known."""
    for known in gpus:
        if known.uuid and _same_gpu(gpu, str(known.index) if gpu.isdigit() else known.uuid):
            return re.sub(r"[^a-z0-9]+", "-", known.name.lower()).strip("-") or "gpu"
    return "gpu"


def _gpu(wanted: str | None, visible: str | None, gpus: Sequence[GpuName]) -> str:
    allowed = None if visible is None else [entry.strip() for entry in visible.split(",") if entry.strip()]
    if allowed is not None and (not allowed or allowed[0] == "-1"):
        listing = f" {_listing(gpus)}" if gpus else ""
        raise UsageError(
            f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU. Unset it, or run with --device cpu.{listing}"
        )
    if wanted is None:
        return allowed[0] if allowed else "0"
    if not re.fullmatch(r"\d+|(GPU|MIG)-[0-9A-Za-z/-]+", wanted):
        raise UsageError(f"--gpu {wanted} is neither an index nor a UUID. nvidia-smi -L lists both.")
    if allowed is not None and not any(_same_gpu(wanted, entry) for entry in allowed):
        raise UsageError(f"--gpu {wanted} is not among CUDA_VISIBLE_DEVICES={visible}. Choose one of those.")
    return wanted


def _same_gpu(wanted: str, entry: str) -> bool:
    """CUDA takes any unambiguous beginning of a UUID."""
    if wanted.isdigit() or entry.isdigit():
        return wanted == entry
    return wanted.startswith(entry) or entry.startswith(wanted)
