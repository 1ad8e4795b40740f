"""Results are found by what they are: beside other files, behind links, in folders that hold themselves."""

import json
import shutil
from pathlib import Path

import pytest

from bench.compare import noise, stored_run
from bench.errors import ResultFileError
from bench.report import fleet
from bench.results import search
from bench.run import baselines


@pytest.fixture
def stored(reference, tmp_path):
    """A folder with one result in a run's folder."""
    (tmp_path / "run").mkdir()
    shutil.copy(reference / "result.json", tmp_path / "run" / "result.json")
    return tmp_path


# What other programs leave beside results: xprof's cache, a list, an editor's settings, nothing, no JSON at all.
OTHERS = {
    ".cached_tools.json": '["overview_page", "trace_viewer"]',
    "package.json": '{"name": "x", "benchmarks": 3}',
    "settings.json": '{"machine_info": {}}',
    "log.json": "[1, 2]",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_result_is_passed_over_in_every_search(stored, name):
    (stored / "run" / "tensorboard").mkdir()
    (stored / "run" / "tensorboard" / name).write_text(OTHERS[name])
    only = [stored / "run" / "result.json"]
    assert search.below(stored) == only
    assert fleet.find([stored]) == only
    assert [run.path for run in baselines.load(stored)] == only
    other = stored_run.load(only[0])
    assert noise.load_history(stored, [other]) == []  # itself


@pytest.mark.parametrize("part", [200, 100_000])
def test_a_damaged_result_is_one_all_the_same(stored, part):
    text = (stored / "run" / "result.json").read_text()
    (stored / "half.json").write_text(text[:part])
    assert search.below(stored) == [stored / "half.json", stored / "run" / "result.json"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 1_000, id="zeros, as after a loss of power"),
        pytest.param('{"machine_info": {}, "benchmarks": []}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"{", id="a letter"),
    ],
)
def test_a_folder_kept_for_results_has_nothing_else(stored, content):
    """A gate that passes over its baseline would pass anything; a report of a folder of anything passes over it."""
    (stored / "lost.json").write_bytes(content)
    assert search.below(stored) == [stored / "run" / "result.json"]
    with pytest.raises(ResultFileError, match=r"lost\.json"):
        baselines.load(stored)


def test_a_link_to_nothing_among_baselines_is_an_error(stored):
    (stored / "gone.json").symlink_to(stored / "nothing")
    with pytest.raises(ResultFileError, match=r"gone\.json"):
        baselines.load(stored)


def test_the_format_itself_is_no_result():
    schema = Path(__file__).parents[3] / "docs" / "result.schema.json"
    assert search.kind_of(schema) == "other"


def test_originals_behind_a_link_are_not_taken_away(stored, tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive")
    into = tmp_path_factory.mktemp("baselines")
    kept = baselines.keep(stored / "run" / "result.json", into)
    shutil.move(kept.path, archive / "original.json")
    kept.path.parent.joinpath("old").symlink_to(archive)
    document = json.loads((stored / "run" / "result.json").read_text())
    document["datetime"] = "2026-11-29T00:00:00+00:00"
    (stored / "run" / "result.json").write_text(json.dumps(document))
    assert baselines.keep(stored / "run" / "result.json", into, refresh=True).removed == 0
    assert (archive / "original.json").is_file()


def test_results_behind_links_are_found_once_and_loops_end(stored, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("volume")
    shutil.move(stored / "run", elsewhere / "run")
    for name in ("a", "b"):
        (stored / name).symlink_to(elsewhere)
    (elsewhere / "run" / "loop").symlink_to(elsewhere)
    (stored / "file.json").symlink_to(elsewhere / "run" / "result.json")
    (found,) = search.below(stored)
    assert found.resolve() == elsewhere / "run" / "result.json"
    assert len(baselines.load(stored)) == 1
    assert len(fleet.find([stored])) == 1


def test_a_history_behind_a_link_says_what_runs_vary_by(stored, tmp_path_factory):
    document = json.loads((stored / "run" / "result.json").read_text())
    volume = tmp_path_factory.mktemp("volume")
    for i in range(5):
        document["datetime"] = f"2026-01-0{i + 1}T00:00:00+00:00"
        (volume / f"{i}.json").write_text(json.dumps(document))
    (stored / "history").symlink_to(volume)
    wanted = stored_run.load(stored / "run" / "result.json")
    assert len(noise.load_history(stored / "history", [wanted])) == 5
    assert len(noise.load_history(stored, [wanted])) == 5


def test_a_search_of_a_folder_that_is_not_there_finds_nothing(tmp_path):
    assert search.below(tmp_path / "none") == []
