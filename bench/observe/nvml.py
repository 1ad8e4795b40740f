"""What NVML, the driver's own library, says of a card; nothing where there is none."""

import pynvml


def admits_one_process(card: str) -> bool:
    """Whether the card is in EXCLUSIVE_PROCESS mode, in which a second process gets no context.

    `card` is an index in NVML's order or a UUID. False where NVML cannot tell: then workers are tried side by side.
    """
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    try:
        handle = (
            pynvml.nvmlDeviceGetHandleByIndex(int(card))
            if card.isdigit()
            else pynvml.nvmlDeviceGetHandleByUUID(card.encode())
        )
        exclusive: bool = pynvml.nvmlDeviceGetComputeMode(handle) == pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS
        return exclusive
    except pynvml.NVMLError:
        return False
    finally:
        pynvml.nvmlShutdown()
