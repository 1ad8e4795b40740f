"""Traces are read back: real ones against the trace's own step markers, a GPU's from made-up tables, and no trace."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import patience
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from bench.profiles import breakdown
from bench.results.record import Breakdown


@pytest.fixture(scope="module")
def trace(finished, tmp_path_factory):
    """A copy, since TensorBoard may serve the run, and leaves files beside the traces."""
    (path,) = (finished[0].folder / "tensorboard" / "modes-function-notebook").glob("plugins/profile/*/*.xplane.pb")
    return Path(shutil.copy(path, tmp_path_factory.mktemp("trace")))


def marker_seconds(path):
    """Durations of the step markers, from the trace itself."""
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    found = {}
    for plane in space.planes:
        numbers = {key for key, metadata in plane.stat_metadata.items() if metadata.name == "step_num"}
        for line in plane.lines:
            for event in line.events:
                for stat in event.stats:
                    if stat.metadata_id in numbers:
                        found[stat.int64_value or stat.uint64_value] = event.duration_ps / 1e12
    return [found[number] for number in sorted(found)]


def test_the_mean_step_is_that_of_the_markers(trace):
    read = breakdown.read(trace, "cpu")
    assert isinstance(read, Breakdown), read
    seconds = marker_seconds(trace)
    # Of many steps xprof leaves out the first and the last, of a few none.
    kept = seconds if read.split.steps == len(seconds) else seconds[1:-1]
    assert read.split.steps == len(kept)
    assert read.split.step_seconds == pytest.approx(sum(kept) / len(kept), rel=1e-3)


def test_the_parts_make_up_the_step(trace):
    read = breakdown.read(trace, "cpu")
    split = read.split
    parts = [
        split.device_compute_seconds,
        split.host_compute_seconds,
        split.launch_seconds,
        split.input_seconds,
        split.transfer_seconds,
        split.compile_seconds,
        split.idle_seconds,
    ]
    assert sum(parts) == pytest.approx(split.step_seconds, rel=1e-6)
    assert read.input_bound_share == pytest.approx(split.input_seconds / split.step_seconds)
    assert 0 <= read.input_bound_share < 1
    assert any(op.kind == "Dataset" for op in read.top_ops)  # the notebook's pipeline feeds this case
    assert [op.self_seconds for op in read.top_ops] == sorted((op.self_seconds for op in read.top_ops), reverse=True)


WAITING = """
import pathlib, sys, time
import numpy as np
import tensorflow as tf
from bench.backends.tensorflow.profiler import take_profile

def rows():
    while True:
        time.sleep(0.02)
        yield np.zeros(8, np.float32)

batches = iter(tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([8], tf.float32)))
step = tf.function(tf.reduce_sum)
take_profile(pathlib.Path(sys.argv[1]), lambda: step(next(batches)), lambda loss: loss.numpy(), 5)
"""


def test_a_step_that_waits_for_its_input_is_seen_to(tmp_path):
    """An input that takes 20 ms for each batch: how long a step waits is the machine's affair, not whether."""
    command = [sys.executable, "-c", WAITING, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience.limit(120), check=False)
    assert done.returncode == 0, done.stderr
    (read,) = breakdown.read_all([(tmp_path, 1)], "cpu")
    assert read.split.input_seconds > 0
    assert read.input_bound_share > 0


def test_a_call_of_many_steps_is_shared_out(trace):
    """What xprof takes for a step is a call: its parts are divided, and so is nothing else."""
    one, many = (breakdown.read(trace, "cpu", steps) for steps in (1, 25))
    assert many.split.steps == 25 * one.split.steps
    for name in one.split.__struct_fields__:
        if name.endswith("_seconds"):
            assert getattr(many.split, name) == pytest.approx(getattr(one.split, name) / 25)
    assert many.top_ops == one.top_ops
    assert many.input_bound_share == pytest.approx(one.input_bound_share)


def test_the_trace_is_left_as_it_was(trace):
    breakdown.read(trace, "cpu")
    assert [path.name for path in trace.parent.iterdir()] == ["worker.xplane.pb"]


def test_every_case_of_a_run_has_its_breakdown(finished):
    for benchmark in finished[0].document.benchmarks:
        profile = benchmark.extra_info.profile
        assert profile.breakdown is not None, profile.breakdown_reason
        assert profile.tracers is not None
        eager = benchmark.extra_info.case.mode == "eager" and benchmark.extra_info.case.pipeline == "resident"
        assert bool(profile.breakdown.top_ops_reason) == eager  # xprof counts no operations of eager mode


def test_what_is_no_trace_costs_the_breakdown_alone(tmp_path):
    (tmp_path / "worker.xplane.pb").write_bytes(b"\xff" * 100)
    assert isinstance(breakdown.read(tmp_path / "worker.xplane.pb", "cpu"), str)


def test_an_empty_trace_has_no_steps(tmp_path):
    (tmp_path / "worker.xplane.pb").write_bytes(b"")
    assert isinstance(breakdown.read(tmp_path / "worker.xplane.pb", "cpu"), str)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.abort()", "xprof ended with -6"),
        ("raise SystemExit('no such tool')", "no such tool"),
        ("print('{')", "could not be understood"),
        ('print(\'{"overview_page": null, "framework_op_stats": null}\')', "no step was recognised"),
    ],
)
def test_a_converter_that_fails_says_why(tmp_path, code, reason):
    assert reason in breakdown.read(tmp_path / "any", "cpu", command=(sys.executable, "-c", code))


def test_a_converter_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(breakdown, "_SECONDS", 5.0)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    code = "import tempfile, time; open(tempfile.mkdtemp() + '/left', 'w').close(); time.sleep(600)"
    assert "did not answer" in breakdown.read(tmp_path / "any", "cpu", command=(sys.executable, "-c", code))
    assert list((tmp_path / "tmp").iterdir()) == []  # nor does it leave anything


def test_files_of_the_user_are_not_taken_for_modules(trace, tmp_path, monkeypatch):
    for module in ("random", "bench", "json", "xprof"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(breakdown.read(trace, "cpu"), Breakdown)


def test_two_traces_or_none_are_not_guessed_about(tmp_path):
    assert breakdown.read_all([(tmp_path, 1)], "cpu") == ["0 traces instead of one"]


def on_gpu(**changed):
    step = {
        "deviceComputeTimeMs": 0.2,
        "deviceToDeviceTimeMs": 0.01,
        "deviceCollectivesTimeMs": 0.0,
        "hostComputeTimeMs": 0.1,
        "kernelLaunchTimeMs": 0.3,
        "infeedTimeMs": 0.05,
        "outfeedTimeMs": 0.01,
        "compileTimeMs": 0.0,
        "otherTimeMs": 0.33,
        "stepTimeMs": 1.0,
    } | changed
    columns = [{"id": "stepnum"}, *({"id": name} for name in step)]
    row = {"c": [{"v": "train 1"}, *({"v": value} for value in step.values())]}
    names = ("host_or_device", "type", "operation", "occurrences", "total_self_time")
    ops = [("Device", "MatMul", "a", 20, 3000.0), ("Device", "Adam", "b", 20, 1000.0), ("Host", "IDLE", "IDLE", 1, 9.0)]
    return json.dumps(
        {
            "overview_page": [
                {"cols": columns, "rows": [row]},
            ],
            "framework_op_stats": [
                {
                    "cols": [{"id": name} for name in names],
                    "rows": [{"c": [{"v": value} for value in op]} for op in ops],
                    "p": {},
                }
            ],
        }
    ).encode()


def test_the_tables_of_a_gpu_are_understood():
    found = breakdown.understand(on_gpu(), "gpu")
    assert found.input_bound_share is None  # of a GPU's steps xprof leaves out what the host does
    assert found.split.device_compute_seconds == pytest.approx(0.2e-3)
    assert found.split.transfer_seconds == pytest.approx(0.02e-3)
    assert found.split.launch_seconds == pytest.approx(0.3e-3)
    assert [(op.side, op.kind, op.self_share) for op in found.top_ops] == [
        ("device", "MatMul", 0.75),
        ("device", "Adam", 0.25),
    ]


def test_a_column_that_xprof_renamed_is_named():
    raw = on_gpu().replace(b"kernelLaunchTimeMs", b"launchTimeMs")
    with pytest.raises(ValueError, match="launch_seconds"):
        breakdown.understand(raw, "gpu")


def test_the_converter_needs_no_tensorflow(trace):
    code = (
        f"import sys; sys.argv = ['', {str(trace)!r}]\nfrom bench.profiles import convert_trace\nconvert_trace.main()\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=patience.limit(60), check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (on_gpu(hostComputeTimeMs="nan"), "nan is no number"),
        (on_gpu(stepTimeMs=None), "TypeError"),
        (on_gpu().replace(b"total_self_time", b"self"), "KeyError"),
        (on_gpu().replace(b"3000.0", b"1e999"), "no"),
    ],
)
def test_what_is_no_number_costs_the_breakdown_alone(tmp_path, raw, reason):
    (tmp_path / "answer").write_bytes(raw)
    command = (sys.executable, "-c", f"print(open({str(tmp_path / 'answer')!r}).read())")
    found = breakdown.read(tmp_path / "any", "gpu", command=command)
    assert isinstance(found, str)
    assert reason in found


def test_a_converter_that_cannot_be_started_says_so(tmp_path):
    assert "could not be started" in breakdown.read(tmp_path / "any", "cpu", command=(str(tmp_path / "nothing"),))
