"""The recipes of docs/architecture.md, each followed in a copy of the suite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import patience

ROOT = Path(__file__).parents[2]


class House:
    """A copy of the suite, in which lines are added, and whose code is run."""

    def __init__(self, root):
        self.root = root
        for name in ("autoencoder", "bench"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, path, before, line):
        """A line before the one place where this text stands."""
        file = self.root / path
        text = file.read_text()
        assert text.count(before) == 1, (path, before)
        file.write_text(text.replace(before, line + before))

    def run(self, *words):
        """What a process prints that has nothing but the copy."""
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            timeout=patience.limit(120),
            check=False,
            env=environment,
            cwd=self.root,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_an_experiment_is_a_folder_and_a_line(house):
    """What it then does in a run is in tests/bench/runs/test_made_up.py."""
    room = house.root / "bench" / "experiments" / "rereads"
    shutil.copytree(ROOT / "tests" / "support" / "made_up", room, ignore=shutil.ignore_patterns("server.py", "__pyc*"))
    for file in room.glob("*.py"):
        file.write_text(file.read_text().replace("support.made_up", "bench.experiments.rereads"))
    registry = "bench/experiments/registry.py"
    house.add(registry, "from bench.experiments.roofline", "from bench.experiments.rereads.experiment import REREADS\n")
    house.add(registry, "        ROOFLINE,\n", "        REREADS,\n")
    text = house.run("-m", "bench", "list")
    assert "experiment rereads: What is reading the weights beside a step?\n  resident\n  prefetch-1\n" in text


def test_a_variant_is_a_function_and_a_line(house):
    pipelines = "bench/backends/tensorflow/pipelines.py"
    house.add(
        pipelines,
        "PIPELINES: dict",
        "def constant(prepared, config, device):\n    return lambda: prepared.x_train[: config.batch_size]\n\n\n",
    )
    house.add(pipelines, '    "notebook": prefetch_1,\n', '    "constant": constant,\n')
    house.add("bench/experiments/pipelines/experiment.py", '    "no-prefetch",\n', '    "constant",\n')
    assert "  function/constant\n" in house.run("-m", "bench", "list")
    code = """
from bench import protocol
from bench.backends import backend
from bench.plan.case import Case
from bench.plan.workload import WORKLOAD
framework = backend.load()
state = framework.state(framework.prepare(WORKLOAD.load("sample", lambda _: None)))
case = Case(experiment="pipelines", mode="function", pipeline="constant")
framework.handlers[protocol.Prepare](state, protocol.Prepare(case=case, device="cpu", tf32=None, seed=1))
print(framework.handlers[protocol.RunSample](state, protocol.RunSample(steps=3, warmup_steps=1)).seconds > 0)
"""
    assert house.run("-c", code) == "True\n"


def test_an_axis_is_a_line(house):
    house.add(
        "bench/plan/case.py",
        "    control: bool = False",
        '    threads: Annotated[int, Meta(description="threads of a worker")] = 0\n',
    )
    code = f"""
from bench.plan.case import AXES, Case, parse_axis, values_of
from bench.tensorboard.sub_runs import PARAMETERS
from bench.results import files
from pathlib import Path
case = Case(experiment="x", axes=("mode", "threads"), threads=2)
print(AXES[-1], case.name, parse_axis("threads=1,2"), values_of(case)["threads"], PARAMETERS["threads"])
print(files.read(Path({str(ROOT / "results" / "reference" / "quick.json")!r})).benchmarks[0].extra_info.case.threads)
"""
    assert house.run("-c", code) == "threads function/2 ('threads', (1, 2)) 2 threads of a worker\n0\n"
    assert "environment, threads." in house.run(
        "-c", "from bench.plan.case import parse_axis\ntry: parse_axis('x')\nexcept Exception as e: print(e)"
    )


def test_a_framework_is_a_folder(house):
    folder = house.root / "bench" / "backends" / "plain"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Plain Python."""\n')
    (folder / "backend.py").write_text(
        '''"""Plain Python as something to be measured: as much of it as a probe and memory need."""

from bench import protocol
from bench.backends.backend import Backend


def _read(state, request):
    return protocol.MemoryRead(current_bytes=state[0], peak_bytes=None)


BACKEND = Backend(
    prepare=lambda data: len(data.train_images),
    why_not_fork=lambda: None,
    limit_threads=lambda count: None,
    state=lambda prepared: [prepared],
    handlers={protocol.ReadMemory: _read},
    out_of_memory=(),
)
'''
    )
    code = """
import sys, threading
from multiprocessing import Pipe
from bench import protocol
from bench.backends import backend
from bench.plan.workload import WORKLOAD
from bench.worker import worker
plain = backend.load("plain")
ours, theirs = Pipe()
prepared = plain.prepare(WORKLOAD.load("sample", lambda _: None))
threading.Thread(target=worker.serve, args=(theirs, prepared, plain), daemon=True).start()
protocol.decode(ours.recv_bytes(), protocol.WorkerReady)
ours.send_bytes(protocol.encode(protocol.ReadMemory(reset=False)))
print(protocol.decode(ours.recv_bytes(), protocol.MemoryRead).current_bytes, "tensorflow" in sys.modules)
"""
    assert house.run("-c", code) == "2000 False\n"
