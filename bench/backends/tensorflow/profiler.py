"""Trace steps for TensorBoard, and check that the trace holds what it should."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from bench.profiles import gpu_trace
from bench.protocol import ProfileTaken
from bench.results.gpu_trace_record import GpuTrace
from bench.results.record import USUAL_TRACERS, Tracers

# TensorBoard shows this as the name of the profiled machine; the profiler would write the real one.
HOST = "worker"


def take_profile(
    logdir: Path,
    step: Callable[[], tf.Tensor],
    synchronise: Callable[[tf.Tensor], None],
    calls: int,
    tracers: Tracers = USUAL_TRACERS,
    steps_per_call: int = 1,
) -> ProfileTaken:
    """Trace `calls` calls into `logdir`, each with a step marker, and say what the trace was found to hold.

    The logdir must be fresh: the profiler names a trace by the second it was taken in. Host names are taken out of
    the trace, since results travel. Raises RuntimeError where no trace was written.
    """
    synchronise(step())
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=tracers.host, python_tracer_level=int(tracers.python), device_tracer_level=int(tracers.device)
    )
    tf.profiler.experimental.start(str(logdir), options)
    try:
        for number in range(calls):
            with tf.profiler.experimental.Trace("train", step_num=number, _r=1):
                loss = step()
        synchronise(loss)
    finally:
        tf.profiler.experimental.stop()
    traces = list(logdir.glob("plugins/profile/*/*.xplane.pb"))
    if len(traces) != 1:
        raise RuntimeError(f"the profiler wrote {len(traces)} traces instead of one")
    space = xplane_pb2.XSpace.FromString(traces[0].read_bytes())
    _without_hosts(space)
    traces[0].with_name(f"{HOST}.xplane.pb").write_bytes(space.SerializeToString())
    traces[0].unlink()
    return inspect_trace(space, steps_per_call)


def inspect_trace(space: xplane_pb2.XSpace, steps_per_call: int = 1) -> ProfileTaken:
    """Count step markers, events, and events of devices in a trace, and read what a GPU did."""
    devices = [plane for plane in space.planes if plane.name.startswith("/device:GPU")]
    on_gpu = bool(tf.config.get_visible_devices("GPU"))
    gpu, gpu_reason = _of_gpu(space, steps_per_call, on_gpu)
    return ProfileTaken(
        step_markers=sum(_step_markers(plane) for plane in space.planes if plane not in devices),
        events=sum(_events(plane) for plane in space.planes),
        device_events=sum(_events(plane) for plane in devices) if on_gpu else None,
        python_events=sum(_python_events(plane) for plane in space.planes),
        gpu=gpu,
        gpu_reason=gpu_reason,
    )


def _of_gpu(space: xplane_pb2.XSpace, steps_per_call: int, on_gpu: bool) -> tuple[GpuTrace | None, str | None]:
    """What a GPU did, or None with the reason where there is one."""
    try:
        found = gpu_trace.read(space, steps_per_call)
    except ValueError as error:
        return None, str(error)
    return found, "it holds nothing of the GPU, which was not traced" if on_gpu and found is None else None


def _without_hosts(space: xplane_pb2.XSpace) -> None:
    """Take the names of hosts out, also where the profiler complains of events that it dropped on one."""
    for name in filter(None, space.hostnames):
        for said in (space.warnings, space.errors):
            said[:] = [text.replace(name, HOST) for text in said]
    space.hostnames[:] = [HOST]


def _events(plane: xplane_pb2.XPlane) -> int:
    return sum(len(line.events) for line in plane.lines)


def _python_events(plane: xplane_pb2.XPlane) -> int:
    """Calls of Python functions, which its tracer names `$file.py:line function`."""
    ids = {key for key, metadata in plane.event_metadata.items() if metadata.name.startswith("$")}
    return sum(event.metadata_id in ids for line in plane.lines for event in line.events)


def _step_markers(plane: xplane_pb2.XPlane) -> int:
    """Events that carry a step number, which is how the profiler recognises a step."""
    ids = {key for key, metadata in plane.stat_metadata.items() if metadata.name == "step_num"}
    return sum(any(stat.metadata_id in ids for stat in event.stats) for line in plane.lines for event in line.events)
