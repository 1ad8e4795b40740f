"""What a framework beside TensorFlow has to define to be measured, and the worker's requests made of that.

It gets its first weights and its batches from outside, as arrays, and feeds one resident batch; there are no input
pipelines, memory policies or profiles in it.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import protocol
from bench.backends import batches, timing
from bench.backends.backend import Backend
from bench.backends.batches import Rows
from bench.backends.losses import finite
from bench.plan.workload import WORKLOAD, Config, Dataset

Weights = Sequence[npt.NDArray[np.float32]]
"""The first weights: four matrices (in, out), then four biases (out,), encoder before decoder."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call over its own state, that does one step or many; `synchronise` waits for everything it has queued.

    A plain one takes a batch. Others feed themselves: `next_input` gives what goes into a call, and `fixed_inputs` that
    of the calls which do the steps from start to stop on the batches in order. `trace` traces without computing.
    """

    step: Callable[[Any], Any]
    synchronise: Callable[[Any], None]
    wait_for: Callable[[Any], Any]
    losses: Callable[[Any], npt.NDArray[np.float32]]
    place: Callable[[Any], str]  # on which device a loss is
    traces: Callable[[], int] = lambda: 0
    trace: Callable[[Any], Any] | None = None
    compiled: bool = False
    steps_per_call: int = 1
    next_input: Callable[[], Any] | None = None
    fixed_inputs: Callable[[int, int], Iterator[Any]] | None = None
    bus_bytes: int = 0  # that the input of a step moves to a GPU
    state_bytes: int


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a call is made of: the model's sizes, its first weights, and the training rows."""

    config: Config
    weights: Weights
    rows: Rows


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A framework: `start` takes the kind of device and whether TF32 is used, and has something computed there.

    `put` makes a batch on that device, `is_tf32` says whether products of float32 are computed as TF32 there, and
    `read_memory` gives the bytes of tensors in use and at most, where they are known.
    """

    start: Callable[[str, bool | None], None]
    put: Callable[[Rows], Any]
    is_tf32: Callable[[], bool]
    read_memory: Callable[[bool], protocol.MemoryRead]
    probe: Callable[[], protocol.Probed]
    calls: Mapping[str, Callable[[Setting], Call]]
    why_not_fork: Callable[[], str | None]
    limit_threads: Callable[[int | None], None]
    out_of_memory: tuple[type[Exception], ...]


@dataclass
class State:
    """What a worker knows: the training rows from the start, its call once it is prepared."""

    rows: Rows
    device: str = "cpu"
    config: Config = field(default_factory=Config)
    call: Call | None = None
    next_input: Callable[[], Any] | None = None
    losses: list[float | None] = field(default_factory=list)

    def prepared(self) -> tuple[Call, Callable[[], Any]]:
        """The call and its input; raises RuntimeError before Prepare."""
        if self.call is None or self.next_input is None:
            raise RuntimeError("the worker was not prepared")
        return self.call, self.next_input


def backend_of(peer: Peer) -> Backend:
    """What server and worker need of the framework."""

    def prepare(state: State, request: protocol.Prepare) -> protocol.Prepared:
        return _prepare(peer, state, request)

    def check(state: State, request: protocol.Check) -> protocol.Checked:
        call, _ = state.prepared()
        for one in _fixed_inputs(peer, state, len(state.losses), request.steps):
            state.losses += finite(call.losses(call.step(one)))
        return protocol.Checked(losses=state.losses, mean_of=1)

    return Backend(
        prepare=_prepare_data,
        why_not_fork=peer.why_not_fork,
        limit_threads=peer.limit_threads,
        state=State,
        handlers={
            **timing.HANDLERS,
            protocol.Probe: lambda state, request: peer.probe(),
            protocol.Prepare: prepare,
            protocol.Check: check,
            protocol.ReadMemory: lambda state, request: _read_memory(peer, state, request),
        },
        out_of_memory=peer.out_of_memory,
    )


def _prepare_data(dataset: Dataset) -> Rows:
    return WORKLOAD.prepare(dataset.train_images)


def _prepare(peer: Peer, state: State, request: protocol.Prepare) -> protocol.Prepared:
    case = request.case
    state.device, state.config = request.device, Config(batch_size=case.batch_size)
    began = time.perf_counter()
    peer.start(request.device, request.tf32)
    device_init_seconds = time.perf_counter() - began
    call = peer.calls[case.mode](Setting(config=state.config, weights=_weights(request.weights), rows=state.rows))
    state.call = call
    first = _first_calls(call, _fixed_inputs(peer, state, 0, 2 * call.steps_per_call))
    state.losses = first.losses
    began = time.perf_counter()
    batch = peer.put(batches.rows_of(state.rows, 0, case.batch_size))
    state.next_input = call.next_input or (lambda: batch)
    state.next_input()
    input_init_seconds = time.perf_counter() - began
    gc.freeze()  # what is set up now stays: no collection walks it inside a sample
    return protocol.Prepared(
        device_init_seconds=device_init_seconds,
        trace_seconds=first.trace_seconds,
        compile_seconds=first.compile_seconds,
        first_step_seconds=first.first_step_seconds,
        input_init_seconds=input_init_seconds,
        device=first.place,
        tf32=request.device == "gpu" and peer.is_tf32(),
        model_bytes=call.state_bytes,
        data_bytes=4 * state.config.batch_size * state.config.num_features,
        bus_bytes=call.bus_bytes if request.device == "gpu" else None,
        policy=None,
        steps_per_call=call.steps_per_call,
    )


@dataclass(frozen=True)
class _FirstCalls:
    """Seconds of the parts of a first call, None where there is no such part; the losses of two calls, and where."""

    trace_seconds: float | None
    compile_seconds: float | None
    first_step_seconds: float
    losses: list[float | None]
    place: str


def _first_calls(call: Call, inputs: Iterator[Any]) -> _FirstCalls:
    """The first two calls: what the first takes beyond the second is called compiling, where it compiles."""
    first, second = next(inputs), next(inputs)
    trace_seconds = None
    if call.trace:
        began = time.perf_counter()
        call.trace(first)
        trace_seconds = time.perf_counter() - began
    # Each loss is read before the next call, which may overwrite it (torch.compile with CUDA graphs does).
    first_loss, first_seconds = _timed(call, first)
    losses, place = finite(call.losses(first_loss)), call.place(first_loss)
    second_loss, second_seconds = _timed(call, second)
    losses += finite(call.losses(second_loss))
    if call.compiled:
        return _FirstCalls(trace_seconds, max(0.0, first_seconds - second_seconds), second_seconds, losses, place)
    return _FirstCalls(trace_seconds, None, first_seconds, losses, place)


def _timed(call: Call, one: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    loss = call.step(one)
    call.synchronise(loss)
    return loss, time.perf_counter() - began


def _fixed_inputs(peer: Peer, state: State, start: int, stop: int) -> Iterator[Any]:
    """What goes into the calls that do the steps from `start` to `stop` on the batches in order."""
    call = state.call
    assert call is not None
    if call.fixed_inputs:
        return call.fixed_inputs(start, stop)
    return map(peer.put, batches.in_order(state.rows, state.config.batch_size, start, stop))


def _weights(path: str | None) -> Weights:
    """The first weights, from the file that TensorFlow has left for all. Raises ValueError where none was named."""
    if path is None:
        raise ValueError("the first weights are to come from a file, and none was named")
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in arrays.files]


def _read_memory(peer: Peer, state: State, request: protocol.ReadMemory) -> protocol.MemoryRead:
    if state.device != "gpu":
        return protocol.MemoryRead(current_bytes=None, peak_bytes=None)
    return peer.read_memory(request.reset)
