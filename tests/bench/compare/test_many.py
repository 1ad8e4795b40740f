"""Many files at once, the exit codes, and the command itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import patience
from support.documents import TIMES, document, pair, simulate

from bench.compare import many, policy
from bench.compare.compare import Rules
from bench.errors import ExitCode, UsageError, worst
from bench.results import files

BENCH = Path(sys.executable).with_name("bench")


@pytest.fixture
def stored(tmp_path):
    """Write a result, or both of a side-by-side run, and return its path."""

    def store(name, factor=1.0, seed=1, **changes):
        times = {case: factor * seconds for case, seconds in TIMES.items()}
        samples = simulate(np.random.default_rng(seed), times, repetitions=12, process=0.002, server=0.002)
        path = tmp_path / f"{name}.json"
        files.write(document(samples, label=name, **changes), path)
        return path

    return store


@pytest.fixture
def side_by_side(tmp_path):
    def store(factor, control=1.0):
        quiet = {"repetitions": 12, "process": 0.002, "server": 0.002}
        generator = np.random.default_rng(1)
        base_times = {**TIMES, "function/resident/control": control * TIMES["function/resident"]}
        both = [simulate(generator, base_times, **quiet)]
        both.append(simulate(generator, {case: factor * seconds for case, seconds in TIMES.items()}, **quiet))
        paths = [tmp_path / "base.json", tmp_path / "result.json"]
        for path, found in zip(paths, pair(*both), strict=True):
            files.write(found, path)
        return paths

    return store


def bench(*arguments):
    command = [str(BENCH), "compare", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "100"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(60), check=False, env=environment
    )


@pytest.mark.parametrize(
    ("factor", "control", "options", "code"),
    [
        (1.0, 1.0, (), ExitCode.OK),
        (0.7, 1.0, ("--strict",), ExitCode.OK),
        (1.1, 1.0, (), ExitCode.REGRESSION),
        (1.1, 1.0, ("--threshold", "0.2"), ExitCode.OK),
        (1.015, 1.0, (), ExitCode.OK),
        (1.1, 1.3, (), ExitCode.OK),
        (1.1, 1.3, ("--strict",), ExitCode.INCONCLUSIVE),
        (1.1, 1.0, ("--fail-on", "missing"), ExitCode.OK),
        (1.0, 1.0, ("--fail-on", "regression,noisy,inconclusive"), ExitCode.OK),
        (1.1, 1.3, ("--fail-on", "noisy"), ExitCode.INCONCLUSIVE),
        (1.1, 1.0, ("--fail-on", "slow"), ExitCode.USAGE),
        (1.1, 1.0, ("--fail-on", "noisy", "--strict"), ExitCode.USAGE),
    ],
    ids=str,
)
def test_exit_codes_side_by_side(side_by_side, factor, control, options, code):
    done = bench(*side_by_side(factor, control), *options)
    assert done.returncode == code, done.stdout + done.stderr
    if code != ExitCode.USAGE:
        assert f"Exit code {int(code)}" in done.stdout.splitlines()[-1]


def test_exit_codes_between_runs(stored, tmp_path):
    base, slower, gpu = stored("base"), stored("slower", 1.6, seed=2), stored("gpu", 0.1, seed=3, gpu="H100")
    failed, other = stored("failed", 1.6, failed=["xla/resident"]), stored("other", data="e" * 64)
    assert bench(base, slower).returncode == ExitCode.REGRESSION
    assert bench(base, gpu).returncode == ExitCode.OK
    assert bench(base, gpu, "--strict").returncode == ExitCode.NOT_COMPARABLE
    assert bench(gpu, base, "--across-hardware").returncode == ExitCode.REGRESSION
    assert bench(base, failed).returncode == ExitCode.FAILED
    assert bench(base, gpu, slower).returncode == ExitCode.REGRESSION
    for arguments, code in (
        ((base, other), ExitCode.NOT_COMPARABLE),
        ((base, tmp_path / "none.json"), ExitCode.USAGE),
        ((base, base), ExitCode.USAGE),
        ((base,), ExitCode.USAGE),
        ((base, slower, "--history", tmp_path / "none"), ExitCode.USAGE),
    ):
        done = bench(*arguments)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr


def test_the_first_code_in_order_wins():
    assert worst([]) == ExitCode.OK
    assert worst([ExitCode.INCONCLUSIVE, ExitCode.REGRESSION, ExitCode.OK]) == ExitCode.REGRESSION
    assert worst([ExitCode.REGRESSION, ExitCode.FAILED]) == ExitCode.FAILED
    assert worst([ExitCode.FAILED, ExitCode.NOT_COMPARABLE, ExitCode.USAGE]) == ExitCode.USAGE
    assert worst(list(ExitCode)) == ExitCode.INTERRUPTED


def test_every_format_is_printed(stored):
    paths = [stored("base"), stored("slower", 1.6, seed=2)]
    assert json.loads(bench(*paths, "--format", "json").stdout)["exit_code"] == 3
    assert bench(*paths, "--format", "csv").stdout.startswith("base,new,kind,case,")
    assert "| case | speed |" in bench(*paths, "--format", "markdown").stdout
    assert "SLOWER" in bench(*paths).stdout


def test_history_is_used(stored, tmp_path):
    for seed in range(10, 16):
        stored(f"stored-{seed}", seed=seed)
    base, new = stored("base", seed=2), stored("new", 1.08, seed=3)
    (without,) = many.compare([base, new], None, Rules())
    (found,) = many.compare([base, new], tmp_path, Rules())
    assert (without.noise.source, found.noise.source) == ("assumed", "history")
    codes = [policy.exit_code([one], policy.USUAL) for one in (without, found)]
    assert codes == [ExitCode.OK, ExitCode.REGRESSION]


def test_the_same_file_twice_is_refused(stored):
    base = stored("base")
    with pytest.raises(UsageError, match="twice"):
        many.compare([base, base.parent / "." / base.name], None, Rules())
