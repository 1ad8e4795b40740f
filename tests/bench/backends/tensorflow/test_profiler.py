"""Traces: step markers are counted, host names taken out, empty ones noticed."""

import pytest
import tensorflow as tf
from support import gpu_xplanes
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from bench.backends.tensorflow import profiler


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("trace")
    variable = tf.Variable(tf.zeros([16, 16]))
    step = tf.function(lambda: variable.assign_add(tf.matmul(variable, variable)))
    return logdir, profiler.take_profile(logdir, step, lambda loss: loss.numpy(), 7)


def test_every_step_is_marked(traced):
    _, taken = traced
    assert taken.step_markers == 7
    assert taken.events > 7
    assert taken.device_events is None  # a CPU has no device of its own


def test_calls_of_python_are_told_from_operations():
    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/host:CPU")
    plane.event_metadata[1].name = "$worker.py:10 step"
    plane.event_metadata[2].name = "MatMul"
    line = plane.lines.add()
    for number in (1, 2, 1):
        line.events.add(metadata_id=number)
    assert profiler.inspect_trace(space).python_events == 2


def test_the_trace_names_no_host(traced):
    logdir, _ = traced
    (path,) = logdir.glob("plugins/profile/*/*")
    assert path.name == "worker.xplane.pb"
    assert list(xplane_pb2.XSpace.FromString(path.read_bytes()).hostnames) == ["worker"]


def test_a_trace_without_markers_is_seen_to_have_none():
    space = xplane_pb2.XSpace()
    space.planes.add(name="/host:CPU").lines.add().events.add()
    taken = profiler.inspect_trace(space)
    assert (taken.step_markers, taken.events) == (0, 1)


def test_a_second_trace_in_the_same_folder_is_refused(traced):
    logdir, _ = traced
    with pytest.raises(RuntimeError, match="2 traces"):
        profiler.take_profile(logdir, lambda: tf.constant(1.0), lambda loss: loss.numpy(), 1)


@pytest.mark.parametrize("hosts", [["some-host"], [""], []], ids=["named", "empty", "none"])
def test_complaints_that_name_the_host_travel_without_it(hosts):
    """The warning is the profiler's own, of events that it dropped (tests/support/gpu_xplanes.py)."""
    planes = gpu_xplanes.Planes()
    planes.dropped()
    planes.space.hostnames.extend(hosts)
    before = planes.space.warnings[0]
    profiler._without_hosts(planes.space)
    assert list(planes.space.hostnames) == [profiler.HOST]
    expected = before.replace("some-host", profiler.HOST) if hosts == ["some-host"] else before
    assert list(planes.space.warnings) == [expected]


def test_on_a_gpu_that_was_not_traced_the_reason_says_so():
    planes = gpu_xplanes.Planes()
    space = xplane_pb2.XSpace(planes=[planes.host])
    assert profiler._of_gpu(space, 1, on_gpu=True) == (None, "it holds nothing of the GPU, which was not traced")
    assert profiler._of_gpu(space, 1, on_gpu=False) == (None, None)
