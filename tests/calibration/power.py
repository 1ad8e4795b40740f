"""How often is a known slowdown found? Live trials of one case, whose every so manieth step is executed twice."""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from bench.compare import stored_run
from bench.compare.compare import compare
from bench.output.progress_bar import open_view
from bench.plan.preset import PRESETS
from bench.run.against import Against
from bench.run.execute import run
from bench.run.options import Options

SLOW_SERVER = Path(__file__).with_name("slow_server.py")
TRIALS = 20
CASE = "function/resident"


def trials(folder: Path, preset: str, every: int, count: int = TRIALS) -> dict:
    """Verdicts of that many runs against the unchanged code, one to five minutes each; those in `folder` are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    done = [_kept(folder / f"trial-{seed}.json", folder, preset, every, seed) for seed in range(count)]
    stable = [trial for trial in done if not trial["unstable"]]
    return {
        "case": CASE,
        "preset": preset,
        "every": every,
        "true_slowdown": 1 / every,
        "trials": count,
        "unstable": len(done) - len(stable),
        "verdicts": dict(Counter(trial["verdict"] for trial in stable)),
        "each": done,
    }


def _kept(path: Path, folder: Path, preset: str, every: int, seed: int) -> dict:
    """The trial of this seed, from its file where an earlier, interrupted calibration has left one."""
    if not path.exists():
        path.write_text(json.dumps(_trial(folder, preset, every, seed)))
    return json.loads(path.read_text())


def _trial(folder: Path, preset: str, every: int, seed: int) -> dict:
    options = Options(
        preset=PRESETS[preset],
        only=(CASE,),
        out=folder,
        profile=False,
        seed=seed,
        against=Against(Path(sys.executable), "unchanged"),
        server_command=(sys.executable, str(SLOW_SERVER), str(every)),
    )
    began = time.monotonic()
    with open_view(Console()) as view:
        outcome = run(options, view)
    new = stored_run.of_document(outcome.folder / "result.json", outcome.document)
    base = stored_run.of_document(outcome.folder / "base.json", outcome.base)
    (found,) = compare(base, new).cases
    stopping = outcome.document.experiment.stopping
    return {
        "verdict": found.verdict,
        "unstable": base.aa_checks["modes"] == "failed",
        "ratio": found.speed.ratio.value,
        "low": found.speed.ratio.low,
        "high": found.speed.ratio.high,
        "repetitions": found.speed.ratio.repetitions,
        "stopped_on": stopping.reason,
        "seconds": time.monotonic() - began,
    }
