"""How often is identical code called slower or faster? Pairs redrawn, as whole repetitions, from many recorded ones."""

import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median

from rich.console import Console

from bench.compare import stored_run
from bench.compare.compare import compare
from bench.measure import stopping
from bench.output.progress_bar import open_view
from bench.plan.preset import PRESETS, Preset
from bench.results import estimates
from bench.run.against import Against
from bench.run.execute import run
from bench.run.options import Options

REPETITIONS = 60
PAIRS = 200
ONLY = ("xla/resident",)


def record(folder: Path, repetitions: int = REPETITIONS) -> None:
    """Measure the same interpreter on both sides, repetition after repetition: about twenty minutes on 2 cores."""
    preset = Preset(
        name="recording",
        summary="as many repetitions as are asked for",
        looks=(repetitions,),
        target_half_width=0.02,
        seconds=float(repetitions * 120),
        first_rounds_seconds=9.0,
        least_rounds=30,
        most_rounds=30,
        rounds_seconds=38.0,
        latency_seconds=1.0,
        training_steps=1,
    )
    options = Options(
        preset=preset, only=ONLY, out=folder, profile=False, against=Against(Path(sys.executable), "same")
    )
    with open_view(Console()) as view:
        run(options, view)


def analyse(folder: Path, pairs: int = PAIRS, seed: int = 1) -> dict:
    """Verdicts of redrawn pairs, stopped as presets stop: after four repetitions, or on width after 3, 6, 12, 16."""
    base, new = (stored_run.load(path) for path in sorted(folder.glob("*/*.json")))
    repetitions = sorted({process.repetition for case in base.cases.values() for process in case.processes})
    results = {}
    for name in ("quick", "standard"):
        generator = random.Random(seed)
        drawn = [_draw(base, new, repetitions, PRESETS[name], generator) for _ in range(pairs)]
        verdicts = {case: Counter(verdict[case] for verdict, _ in drawn) for case in base.cases}
        alarms = sum(any(found in ("SLOWER", "FASTER") for found in verdict.values()) for verdict, _ in drawn)
        results[name] = {
            "pairs": pairs,
            "pairs_with_an_alarm": alarms,
            "repetitions_median": median(count for _, count in drawn),
            "verdicts": {case: dict(found) for case, found in verdicts.items()},
        }
    return {
        "recorded_repetitions": len(repetitions),
        "overlap": "pairs share repetitions, as each is drawn from all",
        **results,
    }


def _draw(base, new, repetitions, preset, generator):
    """The verdict for each case, and after how many repetitions measuring would have ended."""
    order = generator.sample(repetitions, preset.looks[-1])
    for look in preset.looks:
        chosen = set(order[:look])
        some_base, some_new = (_only(run, chosen) for run in (base, new))
        ratios = [
            list(estimates.log_ratios(some_new.cases[name].processes, case.processes).values())
            for name, case in some_base.cases.items()
        ]
        if all(stopping.is_narrow(ratio, preset) for ratio in ratios):
            break
    found = compare(some_base, some_new)
    return {case.name: case.verdict for case in found.cases}, look


def _only(run, repetitions):
    """The run as if it had only these repetitions, and as if it were stable: that would hide false alarms."""
    chosen = {
        name: replace(case, processes=tuple(r for r in case.processes if r.repetition in repetitions))
        for name, case in run.cases.items()
    }
    return replace(run, cases=chosen, aa_checks=dict.fromkeys(run.aa_checks, "passed"))
