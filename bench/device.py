"""Choose the device before TensorFlow is started, and say why; explain a GPU that TensorFlow does not see."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UsageError

_DRIVER_SIGNS = ("proc/driver/nvidia/version", "dev/nvidiactl", "dev/dxg")


@dataclass(frozen=True)
class DeviceChoice:
    """`kind` is cpu or gpu, `why` a few words, `environment` what servers are started with.

    `slug` names folders; `card` is what CUDA_VISIBLE_DEVICES is set to on a GPU, an index or a UUID.
    """

    kind: Literal["cpu", "gpu"]
    why: str
    environment: dict[str, str]
    slug: str
    card: str | None = None


def choose(
    device: str,
    gpu: str | None = None,
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> DeviceChoice:
    """Decide between CPU and exactly one GPU.

    `device` is auto, gpu or cpu; auto means gpu wherever an NVIDIA driver or WSL2's /dev/dxg is present. `gpu` is an
    index in `nvidia-smi`'s order or a UUID; without it, the first card that CUDA_VISIBLE_DEVICES allows. Raises
    UsageError where a GPU is asked for and there is none, or not that one.
    """
    if device == "cpu":
        if gpu is not None:
            raise UsageError(f"--gpu {gpu} contradicts --device cpu: leave one of them out.")
        return _cpu("as asked")
    sign = driver_sign(root)
    if sign is None:
        if device == "gpu" or gpu is not None:
            raise UsageError(
                "No GPU: there is no NVIDIA driver here (neither /dev/nvidiactl nor /dev/dxg). Install the driver, "
                "start the container with --gpus all, or run with --device cpu."
            )
        return _cpu("no NVIDIA driver found")
    card = _card(gpu, environment.get("CUDA_VISIBLE_DEVICES"), _card_count(root))
    # CUDA's own order puts the fastest card first; in this one an index is the same card to CUDA and to nvidia-smi.
    variables = {"CUDA_VISIBLE_DEVICES": card, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return DeviceChoice("gpu", f"card {card} as nvidia-smi counts", variables, _slug(card, root), card)


def driver_sign(root: Path = Path("/")) -> str | None:
    """The file that shows an NVIDIA driver, or WSL2's paravirtual GPU; None without one."""
    return next(("/" + sign for sign in _DRIVER_SIGNS if (root / sign).exists()), None)


def explain_missing_gpu(cuda_build: bool, log: str, choice: DeviceChoice) -> str:
    """Why TensorFlow sees no GPU though a driver is there, and what to do, from the log of a worker that looked."""
    if not cuda_build:
        cause = "the TensorFlow installed here is built without CUDA. Install this project's extra `gpu`"
    elif "Cannot dlopen some GPU libraries" in log:
        cause = "CUDA's libraries are missing. Install this project's extra `gpu`, which brings them"
    elif "CUDA_ERROR_NO_DEVICE" in log:
        cause = f"the driver knows no card {choice.card}. Compare with nvidia-smi -L"
    elif "UNKNOWN ERROR (303)" in log or "CUDA_ERROR_SHARED_OBJECT" in log:
        cause = "the driver's own library is not here. In a container, start it with --gpus all"
    elif match := re.search(r"failed call to cuInit: (.*)", log):
        cause = f"the driver refused ({match[1].strip()}). Check nvidia-smi, and that the driver is 525 or newer"
    else:
        cause = f"it gave no reason. Check nvidia-smi, and that it lists card {choice.card}"
    return f"A GPU driver is present, but TensorFlow sees no GPU: {cause}; or run with --device cpu."


def _cpu(why: str) -> DeviceChoice:
    return DeviceChoice("cpu", why, {"CUDA_VISIBLE_DEVICES": "-1"}, "cpu")


def _card_count(root: Path) -> int | None:
    """Cards the driver lists; None where it lists none (WSL2)."""
    folder = root / "proc/driver/nvidia/gpus"
    return (len(list(folder.iterdir())) or None) if folder.is_dir() else None


def _slug(card: str, root: Path) -> str:
    """The card's model in a form fit for file names, where the driver's files tell it."""
    files = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    for index, file in enumerate(files):
        text = file.read_text(errors="replace")
        model = re.search(r"^Model:\s*(.+)$", text, re.MULTILINE)
        if model and (str(index) == card or (card.startswith("GPU-") and card in text)):
            return re.sub(r"[^a-z0-9]+", "-", model[1].lower()).strip("-") or "gpu"
    return "gpu"


def _card(wanted: str | None, visible: str | None, count: int | None) -> str:
    allowed = None if visible is None else [entry.strip() for entry in visible.split(",") if entry.strip()]
    if allowed is not None and (not allowed or allowed[0] == "-1"):
        raise UsageError(f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU. Unset it, or run with --device cpu.")
    if wanted is None:
        return allowed[0] if allowed else "0"
    if not re.fullmatch(r"\d+|(GPU|MIG)-[0-9A-Za-z/-]+", wanted):
        raise UsageError(f"--gpu {wanted} is neither an index nor a UUID. nvidia-smi -L lists both.")
    if allowed is not None and not any(_same_card(wanted, entry) for entry in allowed):
        raise UsageError(f"--gpu {wanted} is not among CUDA_VISIBLE_DEVICES={visible}. Choose one of those.")
    if wanted.isdigit() and count is not None and int(wanted) >= count:
        raise UsageError(f"--gpu {wanted}: this machine's cards are 0 to {count - 1}.")
    return wanted


def _same_card(wanted: str, entry: str) -> bool:
    """CUDA takes any unambiguous beginning of a UUID."""
    if wanted.isdigit() or entry.isdigit():
        return wanted == entry
    return wanted.startswith(entry) or entry.startswith(wanted)
