"""What plans, reads and shows results does so without TensorFlow; proved in fresh processes."""

import subprocess
import sys

import pytest
from support import patience

PROBE = """
import sys
sys.argv = ["bench", *{arguments!r}]
from bench.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
heavy = sorted({{"tensorflow", "keras", "matplotlib", "jax", "torch"}} & set(sys.modules))
assert not heavy, heavy
"""


def probe(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=patience.limit(60), check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["validate", "{result}"]])
def test_light_commands_stay_light(arguments, finished):
    result = str(finished[0].folder / "result.json")
    done = probe(PROBE.format(arguments=[argument.format(result=result) for argument in arguments]))
    assert done.returncode == 0, done.stderr


MODULES = [
    "bench.run.execute",
    "bench.run.artifacts",
    "bench.report.run_page",
    "bench.report.fleet_page",
    "bench.tensorboard.sub_runs",
    "bench.measure.session",
    "bench.report.summary",
    "bench.recording.recorder",
    "bench.doctor.doctor",
    "autoencoder.data",
]


@pytest.mark.parametrize("module", MODULES)
def test_the_launchers_side_imports_no_tensorflow(module):
    done = probe(f"import sys, {module}\nassert 'tensorflow' not in sys.modules and 'keras' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_the_probe_can_fail():
    done = probe("import sys, bench.backends.tensorflow.handlers\nassert 'tensorflow' not in sys.modules")
    assert done.returncode == 1
