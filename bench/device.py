"""Choose the device before TensorFlow is started, and say why; explain a GPU that TensorFlow does not see."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import UsageError

_DRIVER_SIGNS = ("proc/driver/nvidia/version", "dev/nvidiactl", "dev/dxg")


@dataclass(frozen=True)
class CardName:
    """A card of this machine, as `nvidia-smi -L` lists it."""

    index: int
    name: str
    uuid: str


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
    known: Callable[[], Sequence[CardName] | None] = lambda: None,
) -> DeviceChoice:
    """Decide between CPU and exactly one GPU.

    `device` is auto, gpu or cpu; auto means gpu wherever an NVIDIA driver or WSL2's /dev/dxg is present. `gpu` is an
    index in `nvidia-smi`'s order or a UUID; without it, the first card that CUDA_VISIBLE_DEVICES allows. `known` gives
    the machine's cards, as NVML lists them, or None. Raises UsageError where a GPU is asked for and there is none, or
    not that one.
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
    card = _card(gpu, environment.get("CUDA_VISIBLE_DEVICES"))
    _require_present(card, "--gpu" if gpu is not None else "CUDA_VISIBLE_DEVICES", known() or _listed(root))
    # CUDA's own order puts the fastest card first; in this one an index is the same card to CUDA and to nvidia-smi.
    variables = {"CUDA_VISIBLE_DEVICES": card, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return DeviceChoice("gpu", f"card {card} as nvidia-smi counts", variables, _slug(card, root), card)


def driver_sign(root: Path = Path("/")) -> str | None:
    """The file that shows an NVIDIA driver, or WSL2's paravirtual GPU; None without one."""
    return next(("/" + sign for sign in _DRIVER_SIGNS if (root / sign).exists()), None)


def _cpu(why: str) -> DeviceChoice:
    return DeviceChoice("cpu", why, {"CUDA_VISIBLE_DEVICES": "-1"}, "cpu")


def _listed(root: Path) -> list[CardName]:
    """The cards that the driver's files list, in the order of their PCI addresses; none on WSL2."""
    found = []
    for index, file in enumerate(sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))):
        text = file.read_text(errors="replace")
        model, uuid = (re.search(rf"^{key}:\s*(.+)$", text, re.MULTILINE) for key in ("Model", "GPU UUID"))
        found.append(CardName(index, model[1].strip() if model else "GPU", uuid[1].strip() if uuid else ""))
    return found


def _require_present(card: str, source: str, cards: Sequence[CardName]) -> None:
    """Raise UsageError where this machine's cards are known, and it is none of them. MIG slices are not listed."""
    if not cards or card.startswith("MIG-"):
        return
    if not any(_same_card(card, str(known.index) if card.isdigit() else known.uuid) for known in cards):
        names = "; ".join(f"{known.index} {known.name} ({known.uuid})" for known in cards)
        raise UsageError(f"{source} {card} names no card of this machine. There are: {names}.")


def _slug(card: str, root: Path) -> str:
    """The card's model in a form fit for file names, where the driver's files tell it."""
    for known in _listed(root):
        if known.uuid and _same_card(card, str(known.index) if card.isdigit() else known.uuid):
            return re.sub(r"[^a-z0-9]+", "-", known.name.lower()).strip("-") or "gpu"
    return "gpu"


def _card(wanted: str | None, visible: str | None) -> str:
    allowed = None if visible is None else [entry.strip() for entry in visible.split(",") if entry.strip()]
    if allowed is not None and (not allowed or allowed[0] == "-1"):
        raise UsageError(f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU. Unset it, or run with --device cpu.")
    if wanted is None:
        return allowed[0] if allowed else "0"
    if not re.fullmatch(r"\d+|(GPU|MIG)-[0-9A-Za-z/-]+", wanted):
        raise UsageError(f"--gpu {wanted} is neither an index nor a UUID. nvidia-smi -L lists both.")
    if allowed is not None and not any(_same_card(wanted, entry) for entry in allowed):
        raise UsageError(f"--gpu {wanted} is not among CUDA_VISIBLE_DEVICES={visible}. Choose one of those.")
    return wanted


def _same_card(wanted: str, entry: str) -> bool:
    """CUDA takes any unambiguous beginning of a UUID."""
    if wanted.isdigit() or entry.isdigit():
        return wanted == entry
    return wanted.startswith(entry) or entry.startswith(wanted)
