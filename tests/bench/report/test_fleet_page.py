"""Many runs on one page, with a known truth: who is slower, what changed when, what could not be read."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from support.documents import TIMES, document, foreign, simulate

from bench.errors import ResultFileError, UsageError
from bench.report import fleet, fleet_charts, fleet_page, render
from bench.results import files


def write(folder, number, *, factor=1.0, times=TIMES, **facts):
    """A result of one night after the other."""
    generator = np.random.default_rng(number)
    found = document(simulate(generator, {name: t * factor for name, t in times.items()}), label=f"r{number}", **facts)
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    path = folder / f"{number:03}.json"
    files.write(msgspec.structs.replace(found, datetime=when.isoformat()), path)
    return path


def page_of(*paths):
    return fleet_page.page(fleet.load(fleet.find(paths)))


def section(page, anchor):
    return next(section for section in page.sections if section.anchor == anchor)


def test_machines_stand_side_by_side_with_ratios(tmp_path):
    paths = [write(tmp_path, i, factor=1 + i, cpu=f"CPU {i}") for i in range(3)]
    page = page_of(*paths)
    assert page.title == "3 runs of 3 machines"
    (beside,) = section(page, "beside").grids
    assert beside.headings == ("case", "r0", "r1", "r2")
    row = next(row for row in beside.rows if row[0] == "modes/eager/resident")
    assert [round(float(cell.split()[0])) for cell in row[1:]] == pytest.approx([71, 36, 24], rel=0.1)
    (ratios,) = section(page, "ratios").grids
    row = next(row for row in ratios.rows if row[0] == "modes/eager/resident")
    assert float(row[1].split("x")[0]) == pytest.approx(0.5, rel=0.1)
    assert "SLOWER" not in " ".join(row)  # other hardware gets no verdict
    (differences,) = section(page, "differences").grids
    assert differences.rows[1] == ("r1", "CPU 1")
    assert not any(one.anchor.startswith("history") for one in page.sections)


def test_a_machines_history_marks_what_changed(tmp_path):
    for i in range(14):
        slow = i >= 12
        write(tmp_path, i, factor=1.4 if slow else 1.0, tensorflow="2.22.0" if slow else "2.21.0")
    page = page_of(tmp_path)
    assert page.title == "14 runs of 1 machine"
    history = section(page, "history-0")
    changes = {row[1]: row[-1] for row in history.grids[0].rows}
    assert "modes/xla/resident SLOWER" in changes["r12"]
    assert "tensorflow: 2.21.0 to 2.22.0" in changes["r12"]
    assert not any("SLOWER" in change for label, change in changes.items() if label != "r12")
    assert history.plots[0].markup.count(">SLOWER<") == 3
    assert any("r12" in point and "is slower" in point for point in section(page, "findings").points)


def test_a_quiet_history_says_that_nothing_got_slower(tmp_path):
    for i in range(8):
        write(tmp_path, i)
    assert "No significant regression" in section(page_of(tmp_path), "findings").points[-1]


def test_a_hundred_files_make_a_page_under_2_mb(tmp_path):
    for i in range(100):
        write(tmp_path, i, cpu=f"CPU {i % 20}")
    text = render.html(page_of(tmp_path))
    assert len(text.encode()) < 2_000_000
    assert "100 runs of 20 machines" in text


def test_many_machines_get_a_row_each(tmp_path):
    for i in range(6):
        write(tmp_path, i, cpu=f"CPU {i}")
    (beside,) = section(page_of(tmp_path), "beside").grids
    assert beside.headings[:2] == ("run", "modes/eager/resident")
    assert [row[0] for row in beside.rows] == [f"r{i}" for i in range(6)]


def test_other_work_is_named_and_not_compared(tmp_path):
    page = page_of(write(tmp_path, 0), write(tmp_path, 1, data="e" * 64, cpu="other"))
    assert "r1 is not compared" in section(page, "ratios").points[0]
    assert "different data" in section(page, "ratios").points[0]


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(tmp_path):
    write(tmp_path, 0)
    write(tmp_path, 1)
    (tmp_path / "half.json").write_text('{"machine_info": {')
    page = page_of(tmp_path)
    assert "half.json" in section(page, "unreadable").points[0]
    assert page.title == "2 runs of 1 machine"


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(ResultFileError, match=r"half\.json"):
        page_of(tmp_path / "half.json", tmp_path / "half.json")


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="has no result in it"):
        fleet.find([tmp_path])


def test_the_reference_results_are_of_two_machines(reference):
    page = page_of(*sorted(reference.glob("*.json")))
    assert "of 2 machines" in page.title
    assert section(page, "history-0").plots


def test_a_folder_of_results_is_no_run_though_one_is_called_like_a_runs(reference):
    found = fleet.find([reference])
    assert len(found) == len(list(reference.glob("*.json"))) > 2


def test_of_a_side_by_side_run_one_side_counts(tmp_path):
    for i in range(2):
        (tmp_path / f"run{i}").mkdir()
        write(tmp_path / f"run{i}", i).rename(tmp_path / f"run{i}" / "result.json")
        write(tmp_path / f"run{i}", i).rename(tmp_path / f"run{i}" / "base.json")
    assert page_of(tmp_path).title == "2 runs of 1 machine"


def test_a_newer_run_that_measured_nothing_does_not_stand_for_its_machine(tmp_path):
    first, second = write(tmp_path, 0), write(tmp_path, 1)
    found = files.read(second)
    replace = msgspec.structs.replace
    interrupted = replace(found.autoencoder_bench, status="interrupted")
    unfinished = tuple(replace(case, status="unfinished") for case in found.experiment.cases)
    interrupted = replace(interrupted, experiments=(replace(found.experiment, cases=unfinished),))
    files.write(replace(found, benchmarks=(), autoencoder_bench=interrupted), second)
    page = page_of(first, second, write(tmp_path, 2, cpu="other"))
    (beside,) = section(page, "beside").grids
    assert beside.headings == ("case", "r0", "r2")


def test_cases_of_one_mode_can_be_told_apart():
    names = ["pipelines/function/resident", "pipelines/function/prefetch-1", "pipelines/function/vectorised"]
    assert len({fleet_charts._colour(name, names) for name in names}) == 3
    assert len({fleet_charts._marker(name, names) for name in names}) == 3


def test_a_run_is_held_against_the_last_one_with_a_case_in_common(tmp_path):
    batch = {"function/64": 1e-3, "xla/64": 1e-3, "function/64/control": 1e-3}
    paths = [write(tmp_path, 0), write(tmp_path, 1, times=batch, experiment="batch"), write(tmp_path, 2, factor=2.0)]
    page = page_of(*paths)
    changes = {row[1]: row[-1] for row in section(page, "history-0").grids[0].rows}
    assert changes["r1"] == "no earlier run has a case in common"
    assert "modes/xla/resident SLOWER" in changes["r2"]


def test_a_table_has_the_runs_that_have_something_in_it(tmp_path):
    batch = {"function/64": 1e-3, "xla/64": 1e-3, "function/64/control": 1e-3}
    for i in range(6):
        write(tmp_path, i, **({"times": batch, "experiment": "batch"} if i == 3 else {}))
    modes, of_batch = section(page_of(tmp_path), "beside").grids
    assert [row[0] for row in modes.rows] == ["r0", "r1", "r2", "r4", "r5"]
    assert [row[0] for row in of_batch.rows] == ["r3"]


def test_each_machine_is_shown_with_its_gpu(tmp_path):
    gpus = ("NVIDIA H100 80GB HBM3", None)
    page = page_of(*(write(tmp_path, i, gpu=gpu) for i, gpu in enumerate(gpus)))
    tables = {grid.title: grid for part in page.sections for grid in part.grids}
    shown = ["NVIDIA H100 80GB HBM3", "none (CPU)"]
    for title, heading in (("Machines", "GPU"), ("Fingerprints", "gpu"), ("Runs", "GPU")):
        column = tables[title].headings.index(heading)
        assert [row[column] for row in tables[title].rows] == shown


def test_a_file_of_another_tool_does_not_say_which_gpu_it_was(tmp_path):
    page = page_of(foreign(tmp_path / "other", 10), write(tmp_path, 0))
    (machines,) = section(page, "machines").grids
    assert [row[1] for row in machines.rows] == ["-", "none (CPU)"]


def test_plots_of_many_say_where_they_come_from(tmp_path):
    paths = [write(tmp_path, i, cpu=f"CPU {i // 3}", tensorflow=f"2.2{i}.0") for i in range(4)]
    page = page_of(*paths)
    beside = section(page, "beside").plots[0].markup
    assert "2 machines | 2026-01-03 to 2026-01-04 | TensorFlow 2.22.0, 2.23.0 | autoencoder-bench 0.1.0" in beside
    assert beside.count(">CPU 0<") == beside.count(">CPU 1<") == 1
    history = section(page, "history-0").plots[0].markup
    assert "CPU 0 | 2026-01-01 to 2026-01-03 | TensorFlow 2.20.0, 2.21.0 and 1 more | autoencoder-bench" in history
