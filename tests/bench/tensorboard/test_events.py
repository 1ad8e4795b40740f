"""What we write is what TensorBoard's own reader reads, without TensorFlow and without the host's name."""

import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support import patience
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from bench.plan.case import Case
from bench.tensorboard import sub_runs
from bench.tensorboard.events import EventFile


def read(folder):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def test_scalars_and_images_come_back(tmp_path):
    png = tf.io.encode_png(np.full((3, 5, 1), 7, np.uint8)).numpy()
    with EventFile(tmp_path, 1_000.0) as events:
        events.scalar("loss", 0.25, 3)
        events.image("plot", png, 2, "words")
    found = read(tmp_path)
    (point,) = found.Tensors("loss")
    assert (point.step, point.wall_time, tf.make_ndarray(point.tensor_proto)) == (3, 1_000.0, 0.25)
    (plot,) = found.Tensors("plot")
    assert list(tf.make_ndarray(plot.tensor_proto)) == [b"5", b"3", png]


def test_what_is_no_plot_is_refused(tmp_path):
    with EventFile(tmp_path, 0.0) as events, pytest.raises(ValueError, match="no PNG"):
        events.image("plot", b"<svg/>", 0, "")


def test_no_file_names_the_host(tmp_path):
    EventFile(tmp_path, 5.0).__exit__(None, None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["events.out.tfevents.0000000005.bench"]
    assert socket.gethostname().encode() not in next(tmp_path.iterdir()).read_bytes()


def test_a_run_has_hyperparameters_and_metrics_of_every_case(finished):
    outcome = finished[0]
    for benchmark in outcome.document.benchmarks:
        found = read(outcome.folder / "tensorboard" / benchmark.fullname.replace("/", "-"))
        content = found.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
        started = metadata.parse_session_start_info_plugin_data(content)
        assert started.hparams["mode"].string_value == benchmark.extra_info.case.mode
        assert "memory" not in started.hparams  # no case of this run differs in it
        samples = [tf.make_ndarray(point.tensor_proto).item() for point in found.Tensors("seconds_per_step")]
        assert samples == pytest.approx(benchmark.stats.data)
        losses = [tf.make_ndarray(point.tensor_proto).item() for point in found.Tensors("loss")]
        assert len(losses) == 50
        assert losses[-1] == pytest.approx(benchmark.extra_info.same_model[-1].last_loss)
        assert losses[-1] < losses[0]


def test_writing_imports_no_tensorflow(tmp_path):
    code = (
        "import sys, pathlib\nfrom bench.tensorboard import sub_runs\nfrom bench.tensorboard.events import EventFile\n"
        f"with EventFile(pathlib.Path({str(tmp_path)!r}), 1.0) as events:\n"
        "    events.scalar('loss', 1.0, 0)\n    events.hparams('a', {'mode': 'xla'})\n"
        "    events.hparams_config({'mode': ''}, {'loss': ''})\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=patience.limit(60), check=False
    )
    assert done.returncode == 0, done.stderr


def _case(experiment, *axes):
    return SimpleNamespace(extra_info=SimpleNamespace(case=Case(experiment=experiment, axes=axes)))


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([_case("modes", "mode", "pipeline")], ["mode", "pipeline", "role"]),
        (
            [_case("modes", "mode", "pipeline"), _case("batch", "mode", "batch_size"), _case("memory", "memory")],
            ["batch_size", "experiment", "memory", "mode", "pipeline"],
        ),
        (
            [_case("scaling", "strategy", "devices", "batch_size", "mode")],
            ["batch_size", "devices", "mode", "role", "strategy"],
        ),
    ],
    ids=["one-experiment", "several", "scaling"],
)
def test_what_tensorboard_shows_at_first_is_what_tells_cases_apart(cases, expected):
    """It shows five hyperparameters, in the order of their names (seen in TensorBoard 2.21)."""
    found = sub_runs.parameters_of(SimpleNamespace(benchmarks=cases))
    assert sorted(found)[:5] == expected
