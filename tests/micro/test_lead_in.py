"""Why blocks have a long lead-in: steps just after other processes have run take longer than steady ones."""

import random

import numpy as np

from bench import protocol
from bench.experiments import selection
from bench.experiments.selection import Choice
from bench.measure.launcher import Limits, Server

ROUNDS = 25
STEPS = 25
LEAD_INS = (12, 48, 96)


def test_lead_in(benchmark, full_set, tmp_path, capsys):
    """Prints seconds per step after other cases' blocks, over those of a worker that goes on without a break."""
    server = Server(full_set, {"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path / "server.log", Limits())
    server.wait_until_ready()
    try:
        chosen = selection.select(Choice(("modes",)))["modes"]
        chosen = chosen if benchmark.enabled else chosen[1:3]
        workers = {case.name: start(server, case, tmp_path) for case in chosen}
        ratios = benchmark.pedantic(lambda: measure(workers, ROUNDS if benchmark.enabled else 1), rounds=1)
    finally:
        server.close()
    with capsys.disabled():
        for lead_in, values in ratios.items():
            quartiles = np.quantile(values, [0.25, 0.5, 0.75])
            print("\nxla/resident, lead-in of {} steps: {:.3f} [{:.3f}, {:.3f}]".format(lead_in, *quartiles[[1, 0, 2]]))


def start(server, case, folder):
    worker, _ = server.start_worker(folder / "worker.log")
    worker.ask(protocol.Prepare(case=case, device="cpu", tf32=None, seed=1), protocol.Prepared, 120)
    worker.stop()
    return worker


def block(worker, steps, lead_in):
    worker.resume()
    done = worker.ask(protocol.RunBlock(steps=steps, lead_in=lead_in), protocol.BlockDone, 120)
    worker.stop()
    return done.seconds / steps


def measure(workers, rounds):
    """Ratios of each round, for each lead-in; the steady block comes right after, with a lead-in of its own."""
    subject, others = workers["xla/resident"], [name for name in workers if name != "xla/resident"]
    ratios = {lead_in: [] for lead_in in LEAD_INS}
    for _ in range(rounds):
        for lead_in in random.sample(LEAD_INS, len(LEAD_INS)):
            for name in random.sample(others, len(others)):
                block(workers[name], 3 if name.startswith("eager") else 17, 2)
            broken = block(subject, STEPS, lead_in)
            ratios[lead_in].append(broken / block(subject, STEPS, 100))
    return ratios
