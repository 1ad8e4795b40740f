"""Reading what TensorFlow says of its devices; the descriptions are as TensorFlow 2.21 writes them."""

import os
import subprocess
import sys

import pytest
from support import patience

from bench.measure import device


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
from bench.measure import device
device.limit_threads(int(sys.argv[1]) or None)
device.start("cpu", "growth", None)
import tensorflow as tf
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
many = tf.random.normal([2000, 2000])
tf.function(lambda: tf.reduce_sum(many @ many), jit_compile=True)().numpy()
names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
print(sum(name.startswith(("tf_Compute", "tf_numa", "tf_XLAEigen", "Eigen")) for name in names), sorted(set(names)))
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
    return asked, int(running.split()[0])


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
