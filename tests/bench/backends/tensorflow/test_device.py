"""Reading what TensorFlow says of its devices; the descriptions are as TensorFlow 2.21 writes them."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf
from support import patience

from bench.backends.tensorflow import device


@pytest.mark.parametrize(
    ("description", "bus_id"),
    [
        (
            "device: 0, name: NVIDIA A100-SXM4-40GB, pci bus id: 0000:41:00.0, compute capability: 8.0",
            "0000:41:00.0",
        ),
        ("device: 1, name: Tesla T4, pci bus id: 0000:00:1E.0, compute capability: 7.5", "0000:00:1E.0"),
        ("device: XLA_GPU device", None),
        ("", None),
    ],
)
def test_the_address_is_read_from_tensorflows_description(description, bus_id):
    assert device.pci_bus_id(description) == bus_id


POOLS = """
import sys
from pathlib import Path
from bench.backends.tensorflow import device
device.limit_threads(int(sys.argv[1]) or None)
device.start("cpu", "growth", None)
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
many = tf.random.normal([2000, 2000])
tf.function(lambda: tf.reduce_sum(many @ many), jit_compile=True)().numpy()
print(sum(1 for task in Path("/proc/self/task").iterdir()))
"""


def pools(count):
    done = subprocess.run(
        [sys.executable, "-c", POOLS, str(count)],
        capture_output=True,
        text=True,
        timeout=patience.limit(100),
        check=True,
    )
    asked, running = done.stdout.splitlines()
    return asked, int(running)


def test_the_pools_have_the_threads_that_the_control_group_is_enough_for():
    """The kernel's list of this process's threads says what TensorFlow made of it."""
    (free, unlimited), (one, limited) = pools(0), pools(1)
    assert (free, one) == ("0 0", "1 1")
    assert limited < unlimited or (os.cpu_count() or 1) == 1


def test_who_chose_the_number_of_threads_keeps_it(monkeypatch):
    import tensorflow as tf

    before = tf.config.threading.get_intra_op_parallelism_threads()
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    device.limit_threads(before + 1)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


@pytest.mark.parametrize(
    ("capabilities", "switch", "expected"),
    [
        # NVIDIA's table of compute capabilities: T4 7.5, A100 8.0, H100 9.0.
        ([(7, 5)], True, False),
        ([(8, 0)], True, True),
        ([(9, 0)], True, True),
        ([(8, 0)], False, False),
        ([None], True, True),  # TensorFlow does not say
        ([], True, False),
    ],
)
def test_tf32_is_what_the_gpu_can_and_not_only_what_is_switched_on(monkeypatch, capabilities, switch, expected):
    known = {i: {} if pair is None else {"compute_capability": pair} for i, pair in enumerate(capabilities)}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", known.get)
    monkeypatch.setattr(tf.config.experimental, "tensor_float_32_execution_enabled", lambda: switch)
    assert device.uses_tf32(list(known)) is expected


def test_without_a_gpu_there_is_no_tf32_though_the_switch_is_on():
    assert tf.config.experimental.tensor_float_32_execution_enabled()
    assert device.uses_tf32(tf.config.list_physical_devices("GPU")) is False


GRAPHS = """
import sys
import tensorflow as tf
from bench.backends.tensorflow import device
if sys.argv[1] == "with":
    device.trace_cuda_graphs()
tf.function(lambda x: x * 2.0, jit_compile=True)(tf.ones([3])).numpy()
"""


@pytest.mark.parametrize(("asked", "said"), [("with", 1), ("without", 0)])
def test_xla_is_told_to_trace_its_cuda_graphs_after_tensorflow_was_imported(tmp_path, asked, said):
    """XLA's own dump of its options says what it understood; it lists those that are not as they are by default."""
    if tf.__version__.startswith("2.19."):
        pytest.skip("the XLA of TensorFlow 2.19 knows the option, and writes no dump of its options")
    variables = {**os.environ, "XLA_FLAGS": f"--xla_dump_to={tmp_path}"}
    command = [sys.executable, "-c", GRAPHS, asked]
    subprocess.run(command, env=variables, timeout=patience.limit(100), check=True, capture_output=True)
    (options,) = [path.read_text() for path in tmp_path.glob("*debug_options")]
    assert options.count("xla_enable_command_buffers_during_profiling: true") == said
