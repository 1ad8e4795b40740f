"""What a worker does alike in every framework: choose the size of a sample, time samples and single steps."""

from collections.abc import Callable
from typing import Any, Protocol

from bench import protocol
from bench.backends import clock


class Timed(Protocol):
    """A call that does one step or many, and how to wait for it."""

    @property
    def steps_per_call(self) -> int:
        """How many steps a call does."""

    @property
    def step(self) -> Callable[[Any], Any]:
        """Takes an input and gives a loss, or the losses of all its steps."""

    def traces(self) -> int:
        """How often it was traced, or compiled anew, since the start."""

    def synchronise(self, loss: Any) -> None:
        """Wait until everything queued is done."""

    def wait_for(self, loss: Any) -> Any:
        """Wait until this loss is there."""


class State(Protocol):
    """What a worker knows."""

    device: str

    def prepared(self) -> tuple[Timed, Callable[[], Any]]:
        """The call and what gives its next input; raises RuntimeError before Prepare."""


def _calibrate(state: State, request: protocol.Calibrate) -> protocol.Calibrated:
    timed, next_input = state.prepared()
    rules = clock.of_calls(clock.GPU_RULES if state.device == "gpu" else clock.CPU_RULES, timed.steps_per_call)

    def time_steps(count: int) -> float:
        return clock.time_sample(timed.step, next_input, timed.synchronise, count, rules.least_warmup_steps)

    chosen, warmup_steps = clock.choose_steps(time_steps, rules)
    return protocol.Calibrated(steps=chosen * timed.steps_per_call, warmup_steps=warmup_steps * timed.steps_per_call)


def _run_sample(state: State, request: protocol.RunSample) -> protocol.SampleDone:
    timed, next_input = state.prepared()
    calls, warmup_steps = request.steps // timed.steps_per_call, request.warmup_steps // timed.steps_per_call
    seconds = clock.time_sample(timed.step, next_input, timed.synchronise, calls, warmup_steps)
    return protocol.SampleDone(seconds=seconds, traces=timed.traces())


def _sustain(state: State, request: protocol.Sustain) -> protocol.SustainDone:
    timed, next_input = state.prepared()
    calls = request.steps // timed.steps_per_call
    done, seconds = clock.sustain(timed.step, next_input, timed.synchronise, calls, request.seconds)
    return protocol.SustainDone(steps=done * timed.steps_per_call, seconds=seconds)


def _measure_latency(state: State, request: protocol.MeasureLatency) -> protocol.LatencyDone:
    timed, next_input = state.prepared()
    # The loss alone: a second thing that is read back would be a second way over the bus in every latency.
    durations = clock.time_each(timed.step, next_input, timed.wait_for, request.steps, request.seconds)
    return protocol.LatencyDone(seconds=durations)


HANDLERS: dict[type[protocol.Message], Callable[[Any, Any], protocol.Message]] = {
    protocol.Calibrate: _calibrate,
    protocol.RunSample: _run_sample,
    protocol.Sustain: _sustain,
    protocol.MeasureLatency: _measure_latency,
}
