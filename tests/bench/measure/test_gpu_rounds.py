"""Whether every preset gets its least rounds on a GPU, however slow its steps are, on simulated times."""

import itertools

import pytest

from bench.backends import clock
from bench.experiments.registry import usual_experiments
from bench.measure import entry, stopping
from bench.measure.part import GPU_PATIENCE
from bench.measure.repetition import RoundsPlan
from bench.measure.settings import Settings
from bench.plan.case import Case
from bench.plan.preset import PRESETS, shared_out

SYNCHRONISATION = 20e-6  # that a sample ends with: it makes short samples dearer, and so longer


def presets():
    """Every preset as an experiment has it alone, and beside the others."""
    for name, preset in PRESETS.items():
        yield f"{name}-alone", preset
        yield from ((f"{name}-{other}", own) for other, own in shared_out(preset, usual_experiments(name)).items())


def sample_seconds(step):
    def time_steps(count):
        return count * step + SYNCHRONISATION

    steps, warmup_steps = clock.choose_steps(time_steps, clock.GPU_RULES)
    return time_steps(steps) + time_steps(warmup_steps)


def rounds(preset, round_seconds):
    """How many a repetition gets whose cases all live at the same time, as `Part` and `Repetition` count them."""
    samples = stopping.samples_for_next([], preset, round_seconds, 0.0, GPU_PATIENCE)
    plan = RoundsPlan(samples, preset.rounds_seconds * GPU_PATIENCE, preset.least_rounds)
    return next(done for done in itertools.count() if done == samples or plan.is_over(done, done * round_seconds))


def most_alive(tmp_path):
    unused = {"gpu": None, "tf32": None, "seed": 0, "preset": None, "timeouts": None, "folder": tmp_path}
    return Settings(device="gpu", **unused).most_alive


@pytest.mark.parametrize("step", [0.015, 0.0008, 0.00025, 0.00005], ids=lambda step: f"{1e6 * step:.0f}us")
@pytest.mark.parametrize("preset", [pytest.param(preset, id=name) for name, preset in presets()])
def test_the_least_rounds_are_reached_even_where_all_cases_are_so_slow(preset, step, tmp_path):
    assert rounds(preset, most_alive(tmp_path) * sample_seconds(step)) >= preset.least_rounds


def test_so_many_are_alive_at_a_time(tmp_path):
    cases = [Case(experiment="modes", mode=f"mode-{i}", pipeline="resident") for i in range(30)]
    reference = Case(experiment="modes", mode="function", pipeline="resident")
    entries = entry.of((reference, *cases), side_by_side=False)
    groups = entries.groups(entries.all, most_alive(tmp_path))
    assert max(len(group) for group in groups) <= most_alive(tmp_path)
