"""Speed-up, efficiency, communication and stragglers, of simulated results whose truth is known."""

import re

import msgspec
import numpy as np
import pytest
from support import documents
from support.documents import simulate

from bench.experiments.base import Measured
from bench.experiments.scaling import exhibit, figures, plot
from bench.experiments.scaling.experiment import SCALING
from bench.results import consistency, estimates
from bench.results.record import Quantities

# One device takes 2 ms + 40 us a row, two 5 ms + 22 us: communication costs, and rows are shared.
TIMES = {
    "single/1/64/function": 4.56e-3,
    "single/1/512/function": 22.48e-3,
    "single/1/2048/function": 83.92e-3,
    "mirrored/2/64/function": 6.408e-3,
    "mirrored/2/128/function": 7.816e-3,
    "mirrored/2/512/function": 16.264e-3,
    "mirrored/2/1024/function": 27.528e-3,
    "mirrored/2/2048/function": 50.056e-3,
    "single/1/64/function/control": 4.56e-3,
}
ALL_REDUCE_SECONDS = 2.5e-3
RATE = 0.5e9  # bytes per second, for the largest


def quantities(repetition, generator, late):
    def about(seconds):
        return float(seconds * np.exp(generator.normal(0, 0.02)))

    gradients = {
        figures.GRADIENTS_SECONDS: about(3e-3),
        figures.of_replica(0): about(2e-3),
        figures.of_replica(1): about(2e-3 * late),
        figures.of_replica(2): about(2e-3),
    }
    reduce = {
        figures.ALL_REDUCE_SECONDS: about(ALL_REDUCE_SECONDS),
        figures.ALL_REDUCE_BYTES: 872_768.0,
        figures.of_size(4): about(1e-3),
        figures.of_size(16_777_216): about(16_777_216 / RATE),
    }
    return (
        Quantities(name=figures.GRADIENTS, repetition=repetition, values=gradients),
        Quantities(name=figures.ALL_REDUCE, repetition=repetition, values=reduce),
    )


def result(generator, late=1.0, repetitions=6):
    """A simulated result with what is measured beside steps, and the figures that are made of it."""
    found = documents.document(simulate(generator, TIMES, repetitions=repetitions), experiment="scaling")
    records = []
    for record in documents.records(found):
        shared = record.case.strategy != "single"
        beside = [one for number in range(1, repetitions + 1) for one in quantities(number, generator, late)]
        records.append(msgspec.structs.replace(record, quantities=tuple(beside) if shared else ()))
    return documents.rebuilt(found, records)


@pytest.fixture(scope="module")
def found():
    return result(np.random.default_rng(5))


def of(document, name):
    return next(one for one in document.benchmarks if one.name == name).extra_info.figures


@pytest.mark.parametrize(
    ("name", "figure", "truth"),
    [
        ("mirrored/2/64/function", figures.SPEEDUP, 4.56 / 6.408),
        ("mirrored/2/2048/function", figures.SPEEDUP, 83.92 / 50.056),
        ("mirrored/2/2048/function", figures.STRONG, 83.92 / 50.056 / 2),
        ("mirrored/2/128/function", figures.WEAK, 4.56 / 7.816),
        ("mirrored/2/1024/function", figures.WEAK, 22.48 / 27.528),
        ("mirrored/2/64/function", figures.SHARE, 2.5 / 6.408),
        ("mirrored/2/2048/function", figures.SHARE, 2.5 / 50.056),
        ("mirrored/2/64/function", figures.ALL_REDUCE_SECONDS, ALL_REDUCE_SECONDS),
        ("mirrored/2/64/function", "algorithm_bandwidth_of_16777216_bytes_per_second", RATE),
        ("mirrored/2/64/function", "bus_bandwidth_of_16777216_bytes_per_second", RATE),  # 2 (n - 1) / n is 1 of two
    ],
)
def test_intervals_hold_the_truth(name, figure, truth):
    """In 97% of results at least: 95%, with room for the chance of two hundred."""
    generator = np.random.default_rng(17)
    holds = []
    for _ in range(200):
        estimate = of(result(generator), name)[figure]
        holds.append(estimate.low <= truth <= estimate.high)
    assert 0.90 <= np.mean(holds) <= 1.0


def test_cases_of_different_groups_have_a_speed_up_too():
    """Where not all workers may live at a time, a case and its counterpart share no round, but the reference's."""
    samples = simulate(np.random.default_rng(3), TIMES, repetitions=6)
    late = documents.document(samples, experiment="scaling")
    records = []
    for record in documents.records(late):
        if record.case.devices == 2:
            # Its rounds are numbered behind those of the first group.
            moved = [msgspec.structs.replace(p, rounds=tuple(20 + i for i in p.rounds)) for p in record.processes]
            records.append(msgspec.structs.replace(record, processes=tuple(moved)))
        elif record.case.batch_size == 64:
            # The reference is in both.
            both = [
                msgspec.structs.replace(
                    p, rounds=tuple(range(40)), seconds_per_step=p.seconds_per_step + p.seconds_per_step
                )
                for p in record.processes
            ]
            records.append(msgspec.structs.replace(record, processes=tuple(both)))
        else:
            records.append(record)
    speedup = of(documents.rebuilt(late, records), "mirrored/2/2048/function")[figures.SPEEDUP]
    assert speedup.low < 83.92 / 50.056 < speedup.high


def test_a_measurement_that_failed_is_missing_with_its_reason():
    samples = simulate(np.random.default_rng(3), TIMES, repetitions=3)
    found = documents.document(samples, experiment="scaling")
    why = {figures.ALL_REDUCE: "wrong sum: 4 of ones over 2 replicas gave 17"}
    records = [
        msgspec.structs.replace(
            record, quantities=(Quantities(name=figures.ALL_REDUCE, repetition=1, values={}, reasons=why),)
        )
        for record in documents.records(found)
    ]
    missing = of(documents.rebuilt(found, records), "mirrored/2/64/function")
    assert missing[figures.SHARE].value is None
    assert missing[figures.SHARE].reason == "wrong sum: 4 of ones over 2 replicas gave 17"
    assert missing[figures.GRADIENTS_SECONDS].reason == "it could not be measured"


@pytest.mark.parametrize("number", ["04", "9" * 5_000, "٤", "4x"], ids=["zero", "endless", "arabic", "letters"])
def test_numbers_in_names_that_nobody_writes_are_passed_over(number):
    assert figures.sizes_of({f"all_reduce_of_{number}_seconds": None}) == []
    assert figures.over_others({f"replica_{number}_over_others_ratio": None}) == {}


def test_a_result_without_figures_is_shown_without_them():
    """A file from anywhere may have none, and strategies that nobody knows."""
    found = documents.document(simulate(np.random.default_rng(3), TIMES, repetitions=3), experiment="scaling")
    bare = documents.rebuilt(found, documents.records(found))
    bare = msgspec.structs.replace(
        bare,
        benchmarks=tuple(
            msgspec.structs.replace(one, extra_info=msgspec.structs.replace(one.extra_info, figures={}))
            for one in bare.benchmarks
        ),
    )
    assert exhibit.findings(bare) == []
    assert all(grid(bare) for grid in exhibit.EXHIBIT.section.grids)
    assert plot.draw(bare)


def test_without_the_case_on_one_device_there_is_no_figure_and_a_reason(found):
    missing = of(found, "mirrored/2/128/function")[figures.SPEEDUP]
    assert missing.value is None
    assert missing.reason == "single/1/128/function was not measured"


def test_the_bus_carries_more_than_the_algorithm_moves():
    """Of eight devices 2 (8 - 1) / 8 of it, as nccl-tests count."""
    estimate = estimates.scaled(figures.estimates.level([1e9, 1e9, 1e9]), 2 * 7 / 8)
    assert estimate.value == pytest.approx(1.75e9)


def test_a_result_with_these_figures_is_consistent(found):
    assert consistency.first_problem(found) is None


def test_findings_say_what_is_sure(found):
    first, second, third = exhibit.findings(found)
    assert first.startswith("2 cores (mirrored): 1.7")
    assert "at 2,048 rows" in first
    assert "(slower) at 64 rows" in first
    assert second.startswith("2 cores (mirrored): weak scaling efficiency 8")
    assert "at 512 rows on each" in second
    assert "the all-reduce of the gradients alone takes 2.5" in third


def test_a_straggler_is_named_and_equal_replicas_are_not(found):
    assert not any("time of the others" in text for text in exhibit.findings(found))
    late = exhibit.findings(result(np.random.default_rng(5), late=1.3))
    assert any(re.search(r"replica 1 takes 1\.(29|3\d)x \[.*\] the median time of the others", text) for text in late)


def test_tables_have_a_row_for_each_case_and_size(found):
    table = exhibit.table(found)
    whole, sizes, replicas = (grid(found) for grid in exhibit.EXHIBIT.section.grids)
    assert len(table.rows) == len(whole.rows) == len(TIMES) - 1
    assert [row[:2] for row in sizes.rows] == [("mirrored/2", "4 B"), ("mirrored/2", "16.8 MB")]
    assert [row[:2] for row in replicas.rows] == [("mirrored/2/2048", str(number)) for number in range(3)]
    assert "A device is a core with one thread here, pinned." in table.caption


def test_the_plot_shows_every_speed_up_and_share(found):
    drawn = plot.draw(found)
    left, right = drawn.axes
    assert len(right.patches) == 5
    assert "ideal" in [text.get_text() for text in left.get_legend().get_texts()]


def test_one_device_has_nothing_to_scale():
    times = {"single/1/64/function": 4e-3, "mirrored/1/64/function": 4.2e-3, "single/1/64/function/control": 4e-3}
    samples = simulate(np.random.default_rng(1), times, repetitions=6)
    document = documents.document(samples, experiment="scaling", axes={"devices": (1,)})
    (text,) = exhibit.findings(document)
    assert text.startswith("There is nothing to scale on one device. Steps/s under tf.distribute with one replica")
    assert "mirrored 0.95" in text
    assert plot.draw(document) is None


def test_figures_are_of_cases_that_share():
    assert SCALING.figures(Measured(None, [], [], None, None)) == {}
