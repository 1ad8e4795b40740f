"""Baselines: what is kept, what fits a run, and what a run is told where none does."""

import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate

from bench.compare import noise, stored_run
from bench.errors import NoBaseline, ResultFileError
from bench.report import fleet
from bench.results import files
from bench.results.schema import SCHEMA_VERSION
from bench.run import baselines

PIPELINES = {
    "experiment": "pipelines",
    "samples": simulate(np.random.default_rng(1), {"function/resident": 1e-3, "function/prefetch-1": 2e-3}),
}


@pytest.fixture
def stored(tmp_path):
    """Write a result of this day, and say where."""

    def write(day=1, **changes):
        path = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}" / "result.json"
        path.parent.mkdir()
        changes.setdefault("samples", simulate(np.random.default_rng(day)))
        files.write(document(changes.pop("samples"), day=day, **changes), path)
        return path

    return write


def test_a_result_is_kept_by_fingerprint_and_time(stored, tmp_path):
    path = stored(day=3)
    kept = baselines.keep(path, tmp_path / "baselines")
    fingerprint = files.read(path).autoencoder_bench.fingerprint.sha256
    assert kept.path == tmp_path / "baselines" / fingerprint[:16] / "20261103T000000Z.json"
    assert (kept.count, kept.removed) == (1, 0)
    assert files.read(kept.path) == files.read(path)
    assert baselines.keep(path, tmp_path / "baselines") == kept  # once more is the same


def test_refreshing_takes_the_earlier_ones_of_the_fingerprint_away(stored, tmp_path):
    folder = tmp_path / "baselines"
    other = baselines.keep(stored(day=1, tensorflow="2.20.0"), folder).path
    first = baselines.keep(stored(day=2), folder).path
    assert baselines.keep(stored(day=3), folder).count == 2
    kept = baselines.keep(stored(day=4), folder, refresh=True)
    assert (kept.count, kept.removed) == (1, 2)
    assert not first.exists()
    assert other.exists()


def test_refreshing_leaves_what_it_does_not_replace(stored, tmp_path):
    folder = tmp_path / "baselines"
    for changes in ({"data": "e" * 64}, PIPELINES):
        baselines.keep(stored(day=1, **changes), folder)
    assert baselines.keep(stored(day=2), folder, refresh=True).removed == 0


def test_two_machines_of_a_kind_in_the_same_second_are_both_kept(stored, tmp_path):
    samples = (simulate(np.random.default_rng(seed)) for seed in (1, 2))
    kept = [baselines.keep(stored(samples=one), tmp_path / "baselines").path.name for one in samples]
    assert kept == ["20261101T000000Z.json", "20261101T000000Z-2.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "interrupted"}, "it is interrupted"),
        ({"failed": ("xla/resident",)}, "no speed: xla/resident"),
    ],
)
def test_what_nothing_could_be_judged_by_is_refused(stored, tmp_path, changes, message):
    with pytest.raises(NoBaseline, match=message):
        baselines.keep(stored(**changes), tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


def test_an_unstable_run_is_refused(stored, tmp_path):
    samples = simulate(np.random.default_rng(1))
    samples["function/resident/control"] = samples["function/resident/control"] * 1.5
    with pytest.raises(NoBaseline, match="A/A check did not pass, in modes: failed"):
        baselines.keep(stored(samples=samples), tmp_path / "baselines")


def test_a_run_that_is_too_noisy_is_refused_and_nothing_is_held_against_one(stored, tmp_path):
    noisy = stored(samples=simulate(np.random.default_rng(1), server=0.2))
    with pytest.raises(NoBaseline, match="A/A check did not pass, in modes: too noisy"):
        baselines.keep(noisy, tmp_path / "baselines")
    run = stored_run.load(noisy)  # one of before there was that check
    found = baselines.fitting([run], run)
    assert found.results == ()
    assert (
        "A/A check of 1 baseline of this machine and software did not pass (newest: modes: too noisy)" in found.why_none
    )


@pytest.mark.parametrize(("place", "value"), [("datetime", "../../x"), ("fingerprint", "../../../etc")])
def test_names_that_hostile_files_give_are_no_paths(stored, tmp_path, place, value):
    path = stored()
    text = path.read_text()
    whole = files.read(path)
    old = whole.datetime if place == "datetime" else whole.autoencoder_bench.fingerprint.sha256
    path.write_text(text.replace(old, value))
    with pytest.raises(ResultFileError, match=r"is no time|is none|fingerprint"):
        baselines.keep(path, tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


def fitting(tmp_path, new):
    return baselines.fitting(baselines.load(tmp_path / "baselines"), stored_run.load(new))


def test_those_of_the_same_machine_and_software_fit_the_oldest_first(stored, tmp_path):
    for day in (5, 2, 9):
        baselines.keep(stored(day=day), tmp_path / "baselines")
    baselines.keep(stored(day=4, cpu="another"), tmp_path / "baselines")
    found = fitting(tmp_path, stored(day=10))
    assert [run.datetime[:10] for run in found.results] == ["2026-11-02", "2026-11-05", "2026-11-09"]
    assert found.why_none is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (None, "there is none yet"),
        ({"cpu": "another"}, "none of 1 baseline is of this machine"),
        ({"data": "e" * 64}, "1 baseline of this machine, but of another model or other data"),
        ({"tensorflow": "2.20.0"}, "1 baseline of this hardware, but .* tensorflow 2.20.0 there, 2.21.0 here"),
        (PIPELINES, "1 baseline of this machine and software, without a case in common"),
    ],
)
def test_why_none_fits(stored, tmp_path, changes, why):
    new = stored(day=9)
    if changes:
        baselines.keep(stored(day=1, **changes), tmp_path / "baselines")
    found = fitting(tmp_path, new)
    assert found.results == ()
    assert re.search(why, found.why_none)


def test_a_file_that_is_no_result_is_named_rather_than_passed_over(tmp_path):
    (tmp_path / "0123").mkdir()
    (tmp_path / "0123/broken.json").write_text("{")
    with pytest.raises(ResultFileError, match=r"broken\.json"):
        baselines.load(tmp_path)


def test_a_baseline_and_the_run_it_was_count_once(stored, tmp_path):
    paths = [stored(day=day) for day in (1, 2, 3)]
    for path in paths[:2]:
        baselines.keep(path, tmp_path / "baselines")
    history = noise.load_history(tmp_path, [stored_run.load(paths[2])])
    assert sorted(run.datetime[:10] for run in history) == ["2026-11-01", "2026-11-02"]
    assert len(fleet.load(fleet.find([tmp_path])).runs) == 3


def test_runs_of_one_moment_on_two_machines_of_one_kind_are_two(stored):
    one, two = (stored_run.load(stored(samples=simulate(np.random.default_rng(seed)))) for seed in (1, 2))
    assert one.datetime == two.datetime
    assert len(stored_run.distinct([one, two, replace(one, path=two.path)])) == 2


def test_a_document_of_an_older_version_is_kept_in_the_present_one(reference, tmp_path):
    kept = baselines.keep(reference / "second.json", tmp_path / "baselines")
    assert msgspec.json.decode(kept.path.read_bytes())["autoencoder_bench"]["schema_version"] == SCHEMA_VERSION
