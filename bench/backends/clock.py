"""Time samples of steps and single steps; choose how long a sample is."""

import math
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

Batch = TypeVar("Batch")
Loss = TypeVar("Loss")
Clock = Callable[[], float]


class SampleRules(msgspec.Struct, frozen=True):
    """What a sample must be on a device. Durations in seconds."""

    target_seconds: float
    warmup_seconds: float
    least_steps: int = 3
    least_warmup_steps: int = 2  # more than the notebook's pipeline can prefetch while its worker is stopped
    # Launch queues fill and drain at a sample's ends: so many steps outweigh that, and so do so many seconds.
    queued_steps: int = 0
    queued_seconds: float = 0.0
    # Where the ends still matter, twice the steps do not take twice the time.
    linearity: float | None = None
    most_seconds: float = 1.0  # a sample is not doubled beyond this


# After another process has run, steps of 0.7 ms were seen to take 12% longer for tens of ms (docs/design.md).
CPU_RULES = SampleRules(target_seconds=0.020, warmup_seconds=0.035)
GPU_RULES = SampleRules(
    target_seconds=0.100,
    warmup_seconds=0.050,
    queued_steps=200,
    queued_seconds=0.250,
    linearity=0.02,
    most_seconds=0.500,
)


def of_calls(rules: SampleRules, steps_per_call: int) -> SampleRules:
    """The same rules for calls that do so many steps each."""
    return msgspec.structs.replace(
        rules,
        least_steps=math.ceil(rules.least_steps / steps_per_call),
        queued_steps=math.ceil(rules.queued_steps / steps_per_call),
        least_warmup_steps=math.ceil(rules.least_warmup_steps / steps_per_call),
    )


def time_sample(
    step: Callable[[Batch], Loss],
    next_batch: Callable[[], Batch],
    synchronise: Callable[[Loss], None],
    steps: int,
    warmup_steps: int,
    now: Clock = time.perf_counter,
) -> float:
    """Seconds that `steps` steps take, queued without host reads, with one synchronisation at the end.

    `warmup_steps` untimed steps and a synchronisation come first: they warm caches, and use up what an input pipeline
    prefetched while the worker was idle.
    """
    synchronise(_run(step, next_batch, warmup_steps))
    started = now()
    synchronise(_run(step, next_batch, steps))
    return now() - started


def sustain(
    step: Callable[[Batch], Loss],
    next_batch: Callable[[], Batch],
    synchronise: Callable[[Loss], None],
    steps: int,
    seconds: float,
    now: Clock = time.perf_counter,
) -> tuple[int, float]:
    """Run samples of `steps` steps until `seconds` have passed; returns the steps and the seconds they took."""
    begun, done = now(), 0
    while now() - begun < seconds:
        synchronise(_run(step, next_batch, steps))
        done += steps
    return done, now() - begun


def take_batches(
    next_batch: Callable[[], Batch], seconds: float, now: Clock = time.perf_counter, warmup_seconds: float = 0.05
) -> tuple[int, float]:
    """Take batches for `seconds`, after some that are not counted; returns how many, and the seconds they took."""
    begun = now()
    while now() - begun < warmup_seconds:
        next_batch()
    begun, taken = now(), 0
    while now() - begun < seconds:
        next_batch()
        taken += 1
    return taken, now() - begun


def time_each(
    step: Callable[[Batch], Loss],
    next_batch: Callable[[], Batch],
    synchronise: Callable[[Loss], None],
    steps: int,
    seconds: float,
    now: Clock = time.perf_counter,
) -> list[float]:
    """Seconds of single steps, each followed by a synchronisation: latency, not throughput.

    Ends after `steps` steps, or once `seconds` have passed.
    """
    durations: list[float] = []
    begun = now()
    while len(durations) < steps and now() - begun < seconds:
        started = now()
        synchronise(step(next_batch()))
        durations.append(now() - started)
    return durations


def choose_steps(time_steps: Callable[[int], float], rules: SampleRules) -> tuple[int, int]:
    """Return (steps, warm-up steps) of a sample under `rules`; `time_steps(n)` times n steps in seconds."""
    per_step = _seconds_per_step(time_steps, rules)
    queued = min(rules.queued_steps, math.ceil(rules.queued_seconds / per_step))
    steps = max(rules.least_steps, queued, math.ceil(rules.target_seconds / per_step))
    while rules.linearity is not None and 2 * steps * per_step < rules.most_seconds:
        # The median of three pairs: of single ones, noise alone would fail most.
        ratio = statistics.median(time_steps(2 * steps) / time_steps(steps) / 2 for _ in range(3))
        if abs(ratio - 1) <= rules.linearity:
            break
        steps *= 2
    return steps, max(rules.least_warmup_steps, math.floor(rules.warmup_seconds / per_step))


def _seconds_per_step(time_steps: Callable[[int], float], rules: SampleRules) -> float:
    """Double the steps until they fill a quarter of a sample, so that one slow step does not decide."""
    steps = rules.least_steps
    while (seconds := time_steps(steps)) < rules.target_seconds / 4:
        steps *= 2
    return seconds / steps


def _run(step: Callable[[Batch], Loss], next_batch: Callable[[], Batch], steps: int) -> Loss:
    for _ in range(steps):
        loss = step(next_batch())
    return loss
