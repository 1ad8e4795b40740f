"""Is a memory policy applied? By what TensorFlow says it was started with, and by what NVML counts as used."""

from bench.plan.memory_policy import Policy
from bench.results.record import AppliedPolicy, DeviceMemory

# A fraction that does not fit shrinks by a tenth, again and again: one such step and rounding are no contradiction.
LEAST_OF_RESERVATION = 0.8
MOST_OF_RESERVATION = 1.05
# Growth doubles its regions, and autotuning needs room for a while: still far from this share of a GPU.
MOST_OF_GROWTH = 0.25

# The context is another process's: libraries loaded late, or workspaces, may differ by so much.
SLACK_BYTES = 256 * 2**20

# What the default leaves free, by compute capability (TensorFlow's source, BFC allocator), in MiB.
_MARGINS = ((9, 1800), (8, 1536), (7, 1050), (0, 500))
_SMALL_MARGIN_BYTES = 225 * 2**20
_SMALL_GPU_BYTES = 2 * 2**30


def by_settings(policy: Policy, found: AppliedPolicy) -> str | None:
    """In words, how the settings read back contradict the policy; None where they do not."""
    if found.allow_growth != policy.growth:
        return f"TensorFlow was started with allow_growth={found.allow_growth}"
    if found.fraction != (policy.fraction or 0.0):
        return f"TensorFlow was started with a memory fraction of {found.fraction:g}"
    wanted = {"TF_GPU_ALLOCATOR": "cuda_malloc_async"} if policy.asynchronous else {}
    if found.environment != wanted:
        return f"the environment says {found.environment}"
    elsewhere = [device for device in found.devices if "GPU" not in device]
    return f"something of the step is on {elsewhere[0]}" if elsewhere else None


def by_figures(policy: Policy, memory: DeviceMemory, capability: str | None) -> str | None:
    """In words, how the reservation contradicts the policy; None where it does not, or cannot be told.

    It can only be told of a process that was alone: what others took or gave back meanwhile is in the figures too.
    """
    reserved, total, used = memory.reserved_bytes, memory.total_bytes, memory.nvml_idle_bytes
    if not memory.exclusive or reserved is None or total is None or used is None or memory.context_bytes is None:
        return None
    if not policy.reserves:
        most = (MOST_OF_GROWTH if policy.fraction is None else min(MOST_OF_GROWTH, policy.fraction)) * total
        if reserved > most + SLACK_BYTES:
            return f"{policy.name} reserved {_gib(reserved)} of {_gib(total)}: it should take only what it needs"
        return None
    free = max(0, total - used - memory.context_bytes)
    margin = _margin(capability, free) if policy.fraction is None else 0
    if margin is None:
        return None
    expected = max(0, min(free - margin if policy.fraction is None else policy.fraction * total, free))
    if not LEAST_OF_RESERVATION * expected - SLACK_BYTES <= reserved <= MOST_OF_RESERVATION * expected + SLACK_BYTES:
        return f"{policy.name} should have reserved {_gib(expected)}, and reserved {_gib(reserved)}"
    return None


def _margin(capability: str | None, free: int) -> int | None:
    """What the default leaves free on a GPU with so much to give; None where the generation is not known."""
    if free < _SMALL_GPU_BYTES:
        return _SMALL_MARGIN_BYTES
    if capability is None:
        return None
    major = int(capability.split(".")[0])
    return next(margin for least, margin in _MARGINS if major >= least) * 2**20


def _gib(number: float) -> str:
    return f"{number / 2**30:.2f} GiB"
