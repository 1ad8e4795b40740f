"""A GPU's trace: known answers, a count by hand, xprof's own count of the same trace, and traces that nobody wrote."""

import json
import math
from itertools import pairwise

import msgspec
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gpu_xplanes
from support.gpu_xplanes import Planes
from tensorflow.tsl.profiler.protobuf import xplane_pb2
from xprof.convert.raw_to_tool_data import xspace_to_tool_data

from bench.backends.tensorflow import profiler
from bench.profiles import breakdown, gpu_trace
from bench.results.gpu_trace_record import Copy, GpuTrace, Kernel
from bench.results.record import Breakdown

MICRO = 1e-6


def exactly(**microseconds):
    return {f"{name}_seconds": pytest.approx(value * MICRO) for name, value in microseconds.items()}


def parts(read):
    names = ("step", "host", "busy", "kernel", "copy", "idle")
    return {f"{name}_seconds": getattr(read, f"{name}_seconds") for name in names}


def one_step(length=1000):
    planes = Planes()
    planes.marker(0, length, 0)
    return planes


def test_of_a_host_that_is_slower_the_device_waits():
    kernels = [(100, 300, "gemm"), (500, 200, "add")]
    read = gpu_trace.read(gpu_xplanes.marked(20, 900, kernels, copies=[(50, 30)]).space)
    assert read.steps == 20
    assert parts(read) == exactly(step=900, host=900, busy=530, kernel=500, copy=30, idle=370)
    assert read.kernels == 2
    assert read.gaps == pytest.approx(59 / 20)  # two within each step, and one between each and the next
    assert read.longest_gap_seconds == pytest.approx(250 * MICRO)
    gemm, add = read.top_kernels
    assert gemm == Kernel(name="gemm", runs=1, seconds=pytest.approx(300 * MICRO), share=pytest.approx(0.6))
    assert add == Kernel(name="add", runs=1, seconds=pytest.approx(200 * MICRO), share=pytest.approx(0.4))
    (copy,) = read.copies
    assert copy == Copy(kind="host to device", pinned=False, runs=1, bytes=200_704, seconds=pytest.approx(30 * MICRO))


def test_a_host_that_runs_ahead_does_not_shorten_the_step():
    planes = Planes()
    for step in range(10):
        planes.marker(100 * step, 100, step)
        planes.kernel(13, 50 + 300 * step, 300)
    read = gpu_trace.read(planes.space)
    assert parts(read) == exactly(step=305, host=100, busy=300, kernel=300, copy=0, idle=5)
    assert (read.gaps, read.longest_gap_seconds) == (0, 0)


def test_streams_that_overlap_count_once_and_hide_copies():
    planes = one_step()
    planes.kernel(13, 100, 200)
    planes.kernel(14, 200, 200, "other")  # to 400
    planes.copy(15, 350, 100)  # 50 of them hidden
    planes.copy(15, 600, 50)
    planes.memset(16, 620, 10)
    read = gpu_trace.read(planes.space)
    assert parts(read) == exactly(step=1000, host=1000, busy=400, kernel=300, copy=100, idle=600)
    assert (read.kernels, read.gaps) == (2, 1)
    assert read.longest_gap_seconds == pytest.approx(150 * MICRO)
    assert sum(kernel.seconds for kernel in read.top_kernels) == pytest.approx(400 * MICRO)


def test_copies_are_told_apart_by_direction_and_by_the_memory_of_the_host():
    planes = one_step()
    planes.copy(14, 100, 40)
    planes.copy(14, 200, 30, kinds=("pinned", "device"), size=1000)
    planes.copy(14, 300, 20, kinds=("pinned", "device"), size=3000)
    planes.copy(14, 400, 25, "MemcpyD2H", kinds=("device", "pinned"), size=4)
    planes.copy(14, 500, 10, "MemcpyD2D", size=64)
    planes.copy(14, 600, 10, "MemcpyP2P", size=64)
    planes.copy(14, 700, 5, "MemcpyOther", size=7)
    planes.memset(14, 800, 3, size=256)
    read = gpu_trace.read(planes.space)
    assert [(copy.kind, copy.pinned, copy.runs, copy.bytes) for copy in read.copies] == [
        ("host to device", True, 2, 4000),
        ("host to device", False, 1, 200_704),
        ("device to host", True, 1, 4),
        ("device to device", None, 2, 128),
        ("other", None, 1, 7),
        ("memset", None, 1, 256),
    ]
    assert read.copies[0].seconds == pytest.approx(50 * MICRO)
    assert (read.kernels, read.top_kernels) == (0, ())


def test_a_cuda_graph_is_one_kernel_where_it_is_one_event_and_its_kernels_where_not():
    planes = one_step()
    planes.graph(13, 100, 200, 7, correlation=planes.launch(50, 10, "cuGraphLaunch"))
    number = planes.launch(500, 10, "cuGraphLaunch")
    for delay in (0, 30, 60):
        planes.kernel(13, 600 + delay, 20, "node", correlation=number, graph=7)
    read = gpu_trace.read(planes.space)
    assert read.kernels == 4
    assert [(kernel.name, kernel.runs) for kernel in read.top_kernels] == [("CudaGraphExec:7", 1), ("node", 3)]
    assert read.kernel_seconds == pytest.approx(260 * MICRO)


@pytest.mark.parametrize("calls", [1, 2, 4])
def test_a_call_of_25_steps_is_shared_out(calls):
    planes = Planes()
    for call in range(calls):
        planes.marker(2500 * call, 2500, call)
        for step in range(25):
            planes.kernel(13, 2500 * call + 100 * step + 50, 40)
            planes.kernel(13, 2500 * call + 100 * step + 95, 5)
    planes.copy(13, 2500 * calls + 10, 15, "MemcpyD2H", size=4)  # the loss, read after the last marker
    read = gpu_trace.read(planes.space, steps_per_marker=25)
    assert read.steps == 25 * calls
    assert read.host_seconds == pytest.approx(100 * MICRO)
    assert read.step_seconds == pytest.approx((100 + 1 / calls) * MICRO)
    assert (read.kernels, read.copies[0].runs) == (2, 1 / read.steps)
    assert read.busy_seconds == pytest.approx((45 + 15 / read.steps) * MICRO)


def test_what_ran_before_the_first_marker_is_left_out():
    planes = Planes()
    planes.marker(1000, 500, 0)
    planes.kernel(13, 100, 300, "before")
    planes.kernel(13, 900, 200, "across")
    read = gpu_trace.read(planes.space)
    (kernel,) = read.top_kernels
    assert (kernel.name, kernel.seconds) == ("across", pytest.approx(100 * MICRO))
    assert parts(read) == exactly(step=500, host=500, busy=100, kernel=100, copy=0, idle=400)


def test_lines_that_tools_derive_are_left_out():
    planes = one_step()
    planes.kernel(13, 100, 50)
    for name in ("Steps", "Launch Stats", "Framework Name Scope", "Framework Ops", "XLA Modules", "XLA Ops", "Source"):
        planes.derived(name, 0, 1000, number=0)
        planes.derived(name, 0, 5000, event_name="train", number=0)
    read = gpu_trace.read(planes.space)
    assert parts(read) == exactly(step=1000, host=1000, busy=50, kernel=50, copy=0, idle=950)
    assert read.steps == 1


def test_memory_that_is_held_is_nothing_that_runs_but_moving_it_is():
    planes = one_step()
    planes.kernel(13, 100, 50)
    planes.residency(10, 900)
    planes.unified_memory(300, 20)
    read = gpu_trace.read(planes.space)
    assert read.busy_seconds == pytest.approx(70 * MICRO)
    assert [(copy.kind, copy.pinned, copy.bytes) for copy in read.copies] == [("other", None, None)]


def test_a_stream_on_which_the_tracer_worked_keeps_its_kernels_and_copies():
    planes = one_step()
    planes.kernel(13, 100, 50)
    planes.copy(13, 200, 50)
    planes.overhead(13, 300, 400)
    assert {line.name for line in planes.device.lines} == {"CUPTI overhead"}
    read = gpu_trace.read(planes.space)
    assert parts(read) == exactly(step=1000, host=1000, busy=100, kernel=50, copy=50, idle=900)


def test_the_five_longest_kernels_are_named_by_at_most_120_characters():
    planes = one_step()
    for number in range(7):
        planes.kernel(13, 100 * number, 10 + number, f"{number}" * 200)
    read = gpu_trace.read(planes.space)
    assert [kernel.name for kernel in read.top_kernels] == [f"{number}" * 120 for number in (6, 5, 4, 3, 2)]
    assert sum(kernel.share for kernel in read.top_kernels) == pytest.approx(70 / 91)


def test_kernels_too_short_for_the_clock_are_counted_and_have_no_share():
    planes = one_step()
    planes.kernel(13, 100, 0)
    read = gpu_trace.read(planes.space)
    assert (read.kernels, read.busy_seconds) == (1, 0)
    assert [(kernel.runs, kernel.seconds, kernel.share) for kernel in read.top_kernels] == [(1, 0, 0)]


def test_of_several_planes_the_one_with_events_is_read():
    planes = one_step()
    planes.kernel(13, 100, 50)
    planes.space.planes.add(name="/device:GPU:1")
    assert gpu_trace.read(planes.space).kernels == 1
    planes.space.planes[-1].CopyFrom(planes.device)
    planes.space.planes[-1].name = "/device:GPU:1"
    with pytest.raises(ValueError, match=r"2 GPUs.*GPU:0, /device:GPU:1"):
        gpu_trace.read(planes.space)


def without_markers():
    planes = Planes()
    planes.kernel(13, 100, 50)
    return planes


def with_other_events(**marker):
    planes = without_markers()
    planes.marker(0, 1000, 0, **marker)
    return planes


def without_events():
    return one_step()


def only_before():
    planes = Planes()
    planes.kernel(13, 100, 50)
    planes.marker(1000, 500, 0)
    return planes


def years_apart():
    planes = only_before()
    planes.device.lines[0].timestamp_ns = 1_750_000_000 * 10**9  # never made relative to the session's start
    return planes


def of_negative_length(where):
    planes = one_step()
    planes.kernel(13, 100, 50)
    getattr(planes, where).lines[0].events[0].duration_ps = -5
    return planes


def too_many():
    planes = one_step()
    planes.kernel(13, 100, 50)
    planes.dropped()
    return planes


@pytest.mark.parametrize(
    ("planes", "says"),
    [
        pytest.param(without_markers(), "no step marker 'train'", id="no markers"),
        pytest.param(with_other_events(name="TraceContext"), "no step marker 'train'", id="marker of another name"),
        pytest.param(with_other_events(number="id"), "no step marker 'train'", id="marker without a number"),
        pytest.param(without_events(), "no event on any stream of /device:GPU:0", id="no events"),
        pytest.param(only_before(), "nothing ran on a stream after the first", id="nothing after the marker"),
        pytest.param(years_apart(), "do not fit each other", id="two clocks"),
        pytest.param(of_negative_length("device"), "event of -5 ps on the line 'Stream #13", id="negative kernel"),
        pytest.param(of_negative_length("host"), "event of -5 ps on the line 'python'", id="negative marker"),
        pytest.param(too_many(), "dropped events of the device", id="dropped"),
    ],
)
def test_a_trace_without_figures_says_why(planes, says):
    with pytest.raises(ValueError, match=says) as caught:
        gpu_trace.read(planes.space)
    assert "some-host" not in str(caught.value)


def test_a_marker_stands_for_a_step_at_least():
    with pytest.raises(ValueError, match="0 steps in a marker"):
        gpu_trace.read(with_other_events().space, steps_per_marker=0)


@pytest.mark.parametrize(
    "details",
    ["", "size", "size:", "size:-1", "size:1e9", "size:" + "9" * 5000, "size:٣", "kind_src:gold size:nan", "x" * 10**6],
    ids=["empty", "no value", "no digits", "negative", "float", "huge", "not ASCII", "not a number", "long"],
)
def test_a_size_that_is_none_is_not_known(details):
    planes = one_step()
    planes.copy(14, 100, 40)
    number = next(key for key, stat in planes.device.stat_metadata.items() if stat.name.startswith("kind_src"))
    planes.device.stat_metadata[number].name = details
    (copy,) = gpu_trace.read(planes.space).copies
    assert (copy.pinned, copy.bytes, copy.runs) == (None, None, 1)


def test_events_whose_names_are_missing_are_counted_all_the_same():
    planes = one_step()
    planes.kernel(13, 100, 40)
    planes.copy(13, 200, 40)
    planes.device.event_metadata.clear()
    read = gpu_trace.read(planes.space)
    assert read.top_kernels[0].name == "unnamed"
    assert [copy.kind for copy in read.copies] == ["other"]
    planes.device.stat_metadata.clear()
    read = gpu_trace.read(planes.space)
    assert (read.kernels, read.copies[0].runs, read.busy_seconds) == (0, 2, pytest.approx(80 * MICRO))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1])))


@settings(deadline=None)
@given(SPANS)
def test_a_union_covers_what_its_spans_cover(spans):
    merged = gpu_trace.union(spans)
    cells = {cell for start, end in spans for cell in range(start, end)}
    assert {cell for start, end in merged for cell in range(start, end)} == cells
    assert sum(end - start for start, end in merged) == len(cells)
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@settings(deadline=None)
@given(
    kernels=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 20)), min_size=1),
    copies=SPANS,
    steps=st.integers(1, 4),
)
def test_the_parts_are_those_of_a_count_by_hand(kernels, copies, steps):
    planes = Planes()
    for step in range(steps):
        planes.marker(20 * step, 20, step)
    for number, (start, length) in enumerate(kernels):
        planes.kernel(number % 3, start, length)
    for start, end in copies:
        planes.copy(3, start, end - start)
    read = gpu_trace.read(planes.space)
    computing = {cell for start, length in kernels for cell in range(start, start + length)}
    busy = computing | {cell for start, end in copies for cell in range(start, end)}
    last = max(20 * steps, max(busy) + 1, *(end for _, end in copies), 0)
    counted = exactly(
        step=last / steps,
        host=20,
        busy=len(busy) / steps,
        kernel=len(computing) / steps,
        copy=(len(busy) - len(computing)) / steps,
        idle=(last - len(busy)) / steps,
    )
    assert parts(read) == counted
    assert read.kernels == pytest.approx(len(kernels) / steps)


def sound():
    planes = gpu_xplanes.marked(2, 900, [(100, 300, "gemm"), (500, 200, "add")], copies=[(50, 30)])
    planes.memset(14, 1500, 2)
    planes.graph(13, 1600, 20, 7)
    planes.overhead(16, 1700, 5)
    return planes.space


ANY = st.integers(0, 50) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.sampled_from(["train", "step_num", "kernel_details", "memcpy_details", "size:x", "Stream #1", "XLA Ops", ""])


@st.composite
def hostile(draw):
    """A sound trace of which some fields hold something else of the right type."""
    space = sound()
    for _ in range(draw(st.integers(1, 4))):
        plane = draw(st.sampled_from(list(space.planes)))
        line = draw(st.sampled_from(list(plane.lines)))
        event = draw(st.sampled_from(list(line.events)))
        field = draw(
            st.sampled_from(["offset_ps", "duration_ps", "metadata_id", "stat", "names", "line", "timestamp_ns"])
        )
        if field == "stat":
            value = draw(st.sampled_from([{"ref_value": 99}, {"str_value": "size:9"}, {"bytes_value": b"\xff"}, {}]))
            event.stats.add(metadata_id=draw(st.integers(0, 20)), **value)
        elif field == "names":
            table = draw(st.sampled_from([plane.event_metadata, plane.stat_metadata]))
            table[draw(st.sampled_from(sorted(table)))].name = draw(TEXTS)
        elif field == "line":
            line.name = draw(TEXTS)
        else:
            setattr(line if field == "timestamp_ns" else event, field, draw(ANY))
    return space


@settings(max_examples=300, deadline=None)
@given(hostile(), st.integers(1, 25))
def test_whatever_a_trace_holds_ends_in_figures_or_in_one_error(space, steps_per_marker):
    try:
        read = gpu_trace.read(space, steps_per_marker)
    except ValueError:
        return
    assert msgspec.json.decode(msgspec.json.encode(read), type=GpuTrace) == read
    assert all(math.isfinite(value) and value >= 0 for value in parts(read).values())
    assert read.busy_seconds <= read.step_seconds


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("trace")
    variable = tf.Variable(tf.zeros([16, 16]))
    step = tf.function(lambda: variable.assign_add(tf.matmul(variable, variable)))
    profiler.take_profile(logdir, step, lambda loss: loss.numpy(), 5)
    (path,) = logdir.glob("plugins/profile/*/*.xplane.pb")
    return xplane_pb2.XSpace.FromString(path.read_bytes())


def test_a_trace_of_a_cpu_has_no_gpu(real):
    assert gpu_trace.read(real) is None


def test_the_markers_of_a_real_trace_are_found(real):
    space = xplane_pb2.XSpace.FromString(real.SerializeToString())
    planes = Planes()
    planes.kernel(13, 10 * 10**6, 1)
    space.planes.append(planes.device)
    read = gpu_trace.read(space)
    assert read.steps == 5
    assert 0 < read.host_seconds < read.step_seconds


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Two streams, kernels that share a name, copies, marked every 900 us."""
    planes = gpu_xplanes.marked(20, 900, [(100, 300, "gemm"), (500, 150, "add"), (700, 50, "add")], copies=[(20, 30)])
    planes.graph(13, 20_000, 77, 7)
    planes.kernel(15, 250, 400, "beside")
    path = tmp_path_factory.mktemp("trace") / "worker.xplane.pb"
    path.write_bytes(planes.space.SerializeToString())
    return planes.space, path


def test_xprof_counts_the_same_kernels(traced):
    space, path = traced
    data, _ = xspace_to_tool_data([str(path)], "kernel_stats", {})
    table = json.loads(data)
    columns = [column["id"] for column in table["cols"]]
    rows = [dict(zip(columns, (cell["v"] for cell in row["c"]), strict=True)) for row in table["rows"]]
    theirs = {row["kernel_name"]: (row["occurrences"], row["total_duration_us"]) for row in rows}
    read = gpu_trace.read(space)
    ours = {kernel.name: (kernel.runs * 20, kernel.seconds * 20 / MICRO) for kernel in read.top_kernels}
    assert ours.pop("CudaGraphExec:7") == (1, pytest.approx(77))  # which xprof counts as an operation, not as a kernel
    assert ours == {name: pytest.approx(pair) for name, pair in theirs.items()}


def test_xprof_still_leaves_the_host_out_of_the_step_of_a_gpu(traced):
    """Where this fails, xprof was mended: look whether it can be trusted with a GPU's steps (breakdown.py)."""
    space, path = traced
    read = breakdown.read(path, "gpu")
    assert isinstance(read, Breakdown), read
    assert gpu_trace.read(space).host_seconds == pytest.approx(900 * MICRO)
    assert read.split.step_seconds == pytest.approx(730 * MICRO)  # from the first copy's start to the last kernel's end
    assert (read.split.launch_seconds, read.split.host_compute_seconds) == (0, 0)
