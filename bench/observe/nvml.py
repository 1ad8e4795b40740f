"""What NVML, the driver's own library, says of a card; nothing where there is none."""

from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

Answer = TypeVar("Answer")

# Reasons for lower clocks that no user chose. Others, such as idling or clocks that were set, are no disturbance.
_THROTTLING = {
    "software power cap": pynvml.nvmlClocksEventReasonSwPowerCap,
    "hardware slowdown": pynvml.nvmlClocksEventReasonHwSlowdown,
    "software thermal slowdown": pynvml.nvmlClocksEventReasonSwThermalSlowdown,
    "hardware thermal slowdown": pynvml.nvmlClocksEventReasonHwThermalSlowdown,
    "power brake": pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown,
}


def admits_one_process(card: str) -> bool:
    """Whether the card is in EXCLUSIVE_PROCESS mode, in which a second process gets no context.

    `card` is an index in NVML's order or a UUID. False where NVML cannot tell: then workers are tried side by side.
    """
    mode: int | None = _ask(card, pynvml.nvmlDeviceGetComputeMode)
    return mode == int(pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)


def throttle_reasons(card: str) -> tuple[str, ...] | None:
    """Why the card's clocks are held down at this moment, None where NVML cannot tell."""
    reasons = _ask(card, pynvml.nvmlDeviceGetCurrentClocksEventReasons)
    if reasons is None:
        return None
    return tuple(name for name, bit in _THROTTLING.items() if reasons & bit)


def driver_version(card: str) -> str | None:
    """The version of the driver, None where NVML cannot tell."""
    return _ask(card, lambda handle: str(pynvml.nvmlSystemGetDriverVersion()))


def power_limit_watts(card: str) -> float | None:
    """The limit that the card keeps to now, None where NVML cannot tell, as on many laptops."""
    milliwatts: int | None = _ask(card, pynvml.nvmlDeviceGetEnforcedPowerLimit)
    return None if milliwatts is None else milliwatts / 1000


def _ask(card: str, question: Callable[[Any], Answer]) -> Answer | None:
    """The answer to a question about a card's handle, None where there is no NVML, no such card or no answer."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        handle = (
            pynvml.nvmlDeviceGetHandleByIndex(int(card))
            if card.isdigit()
            else pynvml.nvmlDeviceGetHandleByUUID(card.encode())
        )
        return question(handle)
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
