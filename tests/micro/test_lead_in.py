"""Why samples have a long warm-up: steps just after other processes have run take longer than steady ones."""

import random

import numpy as np

from bench import protocol
from bench.experiments import selection
from bench.experiments.selection import Choice
from bench.launch.server import Server
from bench.launch.worker import Timeouts

ROUNDS = 25
STEPS = 25
WARMUPS = (12, 48, 96)


def test_warmup_steps(benchmark, full_set, tmp_path, capsys):
    """Prints seconds per step after other cases' samples, over those of a worker that goes on without a break."""
    server = Server(full_set, {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path / "server.log", Timeouts())
    server.wait_until_ready()
    try:
        chosen = selection.select(Choice(("modes",)))["modes"]
        chosen = chosen if benchmark.enabled else chosen[1:3]
        workers = {case.name: start(server, case, tmp_path) for case in chosen}
        ratios = benchmark.pedantic(lambda: measure(workers, ROUNDS if benchmark.enabled else 1), rounds=1)
    finally:
        server.close()
    with capsys.disabled():
        for warmup_steps, values in ratios.items():
            quartiles = np.quantile(values, [0.25, 0.5, 0.75])
            print(
                "\nxla/resident, warm-up of {} steps: {:.3f} [{:.3f}, {:.3f}]".format(
                    warmup_steps, *quartiles[[1, 0, 2]]
                )
            )


def start(server, case, folder):
    worker, _ = server.start_worker(folder / "worker.log")
    worker.ask(protocol.Prepare(case=case, device="cpu", tf32=None, seed=1), protocol.Prepared, 120)
    worker.stop()
    return worker


def sample(worker, steps, warmup_steps):
    worker.resume()
    done = worker.ask(protocol.RunSample(steps=steps, warmup_steps=warmup_steps), protocol.SampleDone, 120)
    worker.stop()
    return done.seconds / steps


def measure(workers, rounds):
    """Ratios of each round, for each warm-up; the steady sample comes right after, with a warm-up of its own."""
    subject, others = workers["xla/resident"], [name for name in workers if name != "xla/resident"]
    ratios = {warmup_steps: [] for warmup_steps in WARMUPS}
    for _ in range(rounds):
        for warmup_steps in random.sample(WARMUPS, len(WARMUPS)):
            for name in random.sample(others, len(others)):
                sample(workers[name], 3 if name.startswith("eager") else 17, 2)
            broken = sample(subject, STEPS, warmup_steps)
            ratios[warmup_steps].append(broken / sample(subject, STEPS, 100))
    return ratios
