"""What a worker does with TensorFlow on request: takes one case through its first call, its samples and the rest."""

import gc
import os
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench import protocol
from bench.backends import timing
from bench.backends.losses import finite
from bench.backends.tensorflow import allocator, device, modes, pipelines, profiler, reconstructions, replicas
from bench.backends.tensorflow.pipelines import NextBatch
from bench.backends.tensorflow.replicas import Replicas
from bench.backends.tensorflow.train_step import Subject
from bench.backends.tensorflow.workload import WORKLOAD, Config, PreparedData
from bench.plan import precisions
from bench.plan.case import Case


@dataclass
class State:
    """What a worker knows: its data from the start, its case and its subject once it is prepared."""

    data: PreparedData
    device: str = "cpu"
    case: Case | None = None
    replicas: Replicas | None = None  # where several devices share a step
    config: Config = field(default_factory=Config)
    subject: Subject | None = None
    next_batch: NextBatch | None = None
    losses: list[float | None] = field(default_factory=list)

    def prepared(self) -> tuple[Subject, NextBatch]:
        """The subject and its input; raises RuntimeError before Prepare."""
        if self.subject is None or self.next_batch is None:
            raise RuntimeError("the worker was not prepared")
        return self.subject, self.next_batch

    def afresh(self, seed: int) -> Subject:
        """The case's subject once more, as it is before its first call, with the weights of a seed of its own.

        Raises RuntimeError before Prepare.
        """
        if self.case is None:
            raise RuntimeError("the worker was not prepared")
        scope = device.scope(self.device)
        with tf.device(scope) if self.replicas is None else nullcontext():
            return modes.build(self.case.mode, self.config, seed, self.data, scope, self.replicas, self.case.precision)


def _probe(state: State, request: protocol.Probe) -> protocol.Probed:
    return device.probe()


def _join(state: State, request: protocol.Join) -> protocol.Joined:
    started = time.perf_counter()
    device.choose(request.device, request.case.memory, first=request.device_number, cores=request.cores)
    state.replicas = replicas.joined(request.rank, request.addresses, request.timeout_seconds)
    return protocol.Joined(seconds=time.perf_counter() - started)


def _start(state: State, request: protocol.Prepare) -> float:
    """Start the device, or devices, and return the seconds that took; after Join only what is left of it."""
    started, case = time.perf_counter(), request.case
    tf32 = precisions.tf32(case.precision, request.tf32)
    if state.replicas is None:
        device.choose(request.device, case.memory, count=case.devices, cores=request.cores)
        device.compute(request.device, tf32)
        state.replicas = replicas.of(case.strategy, request.device, case.devices)
    else:
        device.compute(request.device, tf32)
    return time.perf_counter() - started


def _prepare(state: State, request: protocol.Prepare) -> protocol.Prepared:
    case = state.case = request.case
    state.device = request.device
    if request.trace_cuda_graphs:
        device.trace_cuda_graphs()
    state.config = Config(batch_size=case.batch_size)
    device_init_seconds = _start(state, request)
    tf32 = request.device == "gpu" and device.uses_tf32(tf.config.get_visible_devices("GPU"))
    if case.precision == precisions.TF32 and not tf32:
        raise RuntimeError("TF32 was asked for, and this device has none")
    with tf.device(device.scope(state.device)) if state.replicas is None else nullcontext():
        scope = device.scope(state.device)
        subject = state.afresh(request.seed)
        inputs = modes.fixed_inputs(subject, state.data, state.config, 0, 2 * subject.steps_per_call)
        # One after the other: to make an input may reset what the call before left.
        call = modes.first_call(subject, inputs)
    device.require(request.device, call.losses[0])
    started = time.perf_counter()
    next_batch = subject.next_input or pipelines.PIPELINES[case.pipeline](state.data, state.config, scope)
    next_batch()
    input_init_seconds = time.perf_counter() - started
    state.subject, state.next_batch = subject, next_batch
    state.losses = [number for loss in call.losses for number in finite(loss.numpy())]
    gc.freeze()  # what is set up now stays: no collection walks it inside a sample
    data_bytes = 4 * state.config.batch_size * state.config.num_features
    return protocol.Prepared(
        device_init_seconds=device_init_seconds,
        trace_seconds=call.trace_seconds,
        compile_seconds=call.compile_seconds,
        first_step_seconds=call.first_step_seconds,
        input_init_seconds=input_init_seconds,
        device=call.losses[0].device,
        tf32=tf32,
        model_bytes=subject.model_bytes,
        data_bytes=data_bytes,
        bus_bytes=_bus_bytes(subject, case.pipeline, state.config) if request.device == "gpu" else None,
        steps_per_call=subject.steps_per_call,
        policy=allocator.applied((call.losses[0], subject.trainable[0])) if request.device == "gpu" else None,
        pinned_cores=tuple(sorted(os.sched_getaffinity(0))) if request.cores else (),
    )


def _bus_bytes(subject: Subject, name: str, config: Config) -> int:
    return subject.bus_bytes if subject.next_input else pipelines.bus_bytes(name, config)


def _probe_context(state: State, request: protocol.ProbeContext) -> protocol.ContextHeld:
    state.device = "gpu"
    device.start(state.device, "growth", request.tf32)
    with tf.device(device.scope(state.device)):
        subject = modes.build(request.mode, state.config, request.seed, state.data, device.scope(state.device))
        inputs = modes.fixed_inputs(subject, state.data, state.config, 0, subject.steps_per_call)
        subject.synchronise(subject.step(next(inputs)))
        state.subject = subject
    return protocol.ContextHeld(tensors_bytes=device.read_memory(state.device, reset=False).peak_bytes)


def _save_weights(state: State, request: protocol.SaveWeights) -> protocol.WeightsSaved:
    device.start(request.device, "growth", tf32=None)
    keras.utils.set_random_seed(request.seed)
    with tf.device(device.scope(request.device)):
        variables = WORKLOAD.trainable(WORKLOAD.create(state.config))
    np.savez(request.path, *[variable.numpy() for variable in variables])
    return protocol.WeightsSaved()


def _check(state: State, request: protocol.Check) -> protocol.Checked:
    subject, _ = state.prepared()
    done = len(state.losses) * subject.mean_of
    for put_in in modes.fixed_inputs(subject, state.data, state.config, done, request.steps):
        state.losses += finite(subject.step(put_in).numpy())
    return protocol.Checked(losses=state.losses, mean_of=subject.mean_of)


def _read_memory(state: State, request: protocol.ReadMemory) -> protocol.MemoryRead:
    return device.read_memory(state.device, request.reset)


def _take_profile(state: State, request: protocol.TakeProfile) -> protocol.ProfileTaken:
    subject, next_batch = state.prepared()
    return profiler.take_profile(
        Path(request.logdir),
        lambda: subject.step(next_batch()),
        subject.synchronise,
        request.calls,
        request.tracers,
        subject.steps_per_call,
    )


def _reconstruct(state: State, request: protocol.Reconstruct) -> protocol.Reconstructed:
    subject, _ = state.prepared()
    with tf.device(device.scope(state.device)):
        reconstructions.save(subject.parameters, state.data.x_test, Path(request.path))
    return protocol.Reconstructed()


def _train(state: State, request: protocol.Train) -> protocol.Trained:
    device.start(request.device, "growth", request.tf32)
    keras.utils.set_random_seed(request.seed)
    losses = WORKLOAD.train(state.data, Config(training_steps=request.steps), request.mode, Path(request.folder))
    return protocol.Trained(first_loss=losses[0], final_loss=statistics.fmean(losses[-100:]))


HANDLERS: dict[type[protocol.Message], Callable[[State, Any], protocol.Message]] = {
    **timing.HANDLERS,
    protocol.Probe: _probe,
    protocol.Join: _join,
    protocol.Prepare: _prepare,
    protocol.SaveWeights: _save_weights,
    protocol.ProbeContext: _probe_context,
    protocol.Check: _check,
    protocol.ReadMemory: _read_memory,
    protocol.TakeProfile: _take_profile,
    protocol.Reconstruct: _reconstruct,
    protocol.Train: _train,
}
