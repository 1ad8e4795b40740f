"""The parts of the calibration that can be tried without two hours: the redrawing, the slow step, the tables."""

import false_alarms
import numpy as np
import pytest
import slow_server
import tables
import tensorflow as tf
from support import documents

from bench.backends.tensorflow import modes
from bench.backends.tensorflow.train_step import Subject
from bench.results import files


@pytest.fixture
def recorded(tmp_path):
    """Twenty repetitions of a side-by-side run whose new side is slower by a known factor."""

    def record(factor):
        generator = np.random.default_rng(1)
        times = {name: documents.TIMES[name] for name in ("function/resident", "xla/resident")}
        quiet = {"repetitions": 20, "process": 0.003, "server": 0.003}
        base = documents.simulate(generator, times, **quiet)
        new = documents.simulate(generator, {name: factor * seconds for name, seconds in times.items()}, **quiet)
        (tmp_path / "run").mkdir()
        for name, found in zip(("base", "result"), documents.pair(base, new), strict=True):
            files.write(found, tmp_path / "run" / f"{name}.json")
        return tmp_path

    return record


@pytest.mark.parametrize(("factor", "alarms"), [(1.0, 0), (1.2, 40)])
def test_redrawn_pairs_are_judged_as_the_presets_would(recorded, factor, alarms):
    found = false_alarms.analyse(recorded(factor), pairs=40)
    assert found["recorded_repetitions"] == 20
    for preset in ("quick", "standard"):
        assert found[preset]["pairs_with_an_alarm"] == alarms
        assert sum(found[preset]["verdicts"]["modes/xla/resident"].values()) == 40
    assert found["quick"]["repetitions_median"] == 4
    assert "20 repetitions" not in tables.false_alarms(found)
    assert f"| quick | {alarms} of 40 | 4 |" in tables.false_alarms(found)


def test_the_slow_step_is_executed_twice_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(modes, "STEPS", dict(modes.STEPS))
    monkeypatch.setattr(slow_server, "CHECKED_STEPS", 10)
    calls = []
    modes.STEPS["eager"] = lambda config: Subject({}, lambda batch: calls.append(batch), lambda: 0)
    slow_server.slow_down(20)
    subject = modes.STEPS["eager"](None)
    for _ in range(10 + 100):
        subject.step(tf.zeros([1]))
    assert len(calls) == 110 + 5
