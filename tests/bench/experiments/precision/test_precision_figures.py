"""Speed and loss against float32's, of simulated results whose truth is known."""

import re

import msgspec
import numpy as np
import pytest
from support import documents
from support.documents import simulate

from bench.experiments.base import Measured
from bench.experiments.precision import arithmetic, exhibit, figures, plot
from bench.experiments.precision.experiment import PRECISION
from bench.plan import precisions
from bench.results import consistency, estimates
from bench.results.record import Fact, Quantities, SameModel
from bench.results.schema import Estimate

BFLOAT16 = precisions.MIXED_BFLOAT16
# At the large batch bfloat16 does 1.7 times the steps, at the notebook's as many.
TIMES = {
    "float32/64/function": 2e-3,
    "float32/64/xla": 1.5e-3,
    f"{BFLOAT16}/64/xla": 1.5e-3,
    "float32/4096/xla": 60e-3,
    f"{BFLOAT16}/4096/xla": 60e-3 / 1.7,
    "float32/64/function/control": 2e-3,
}
LOSS, DEARER = 0.012, 1.004


def trained(case, repetitions, generator, base):
    """What the trainings of a case gave: each seed has a loss of its own, that all precisions have in common."""
    times = DEARER if case.precision == BFLOAT16 else 1.0
    for number in range(1, repetitions + 1):
        values = {
            figures.of_seed(seed): float(base[seed] * times * np.exp(generator.normal(0, 0.002)))
            for seed in range(2 * number - 1, 2 * number + 1)
        }
        yield Quantities(name=figures.LOSSES, repetition=number, values=values)


def result(generator, repetitions=6, quantities=trained, **changes):
    """A simulated result with trainings, the checks' differences, and the figures that are made of it."""
    found = documents.document(simulate(generator, TIMES, repetitions=repetitions, **changes), experiment="precision")
    base = {seed: LOSS * np.exp(generator.normal(0, 0.05)) for seed in range(1, 2 * repetitions + 1)}
    records = [
        msgspec.structs.replace(record, quantities=tuple(quantities(record.case, repetitions, generator, base)))
        if record.case.batch_size == 64 and not record.case.control
        else record
        for record in documents.records(found)
    ]
    return documents.rebuilt(found, records)


@pytest.fixture(scope="module")
def found():
    return with_facts(result(np.random.default_rng(5)), bfloat16_instructions=Fact(value=""))


def with_facts(document, kind="cpu", **facts):
    section = document.autoencoder_bench
    device = msgspec.structs.replace(section.device, kind=kind)
    section = msgspec.structs.replace(section, facts={kind: facts}, device=device)
    return msgspec.structs.replace(document, autoencoder_bench=section)


def of(document, name):
    return next(one for one in document.benchmarks if one.name == name).extra_info.figures


@pytest.mark.parametrize(
    ("name", "figure", "truth"),
    [
        (f"{BFLOAT16}/64/xla", figures.SPEED, 1.0),
        (f"{BFLOAT16}/4096/xla", figures.SPEED, 1.7),
        (f"{BFLOAT16}/64/xla", figures.LOSS, DEARER),
    ],
)
def test_intervals_hold_the_truth(name, figure, truth):
    """95% of them, within the error of two hundred."""
    generator = np.random.default_rng(17)
    estimates_ = [of(result(generator), name)[figure] for _ in range(200)]
    assert 0.90 <= np.mean([one.low <= truth <= one.high for one in estimates_]) <= 0.99


def test_the_loss_is_compared_seed_by_seed(found):
    """Seeds differ by 5%, their pairs by 0.3%: the interval is of the pairs, and over seeds, not repetitions."""
    loss = of(found, f"{BFLOAT16}/64/xla")[figures.LOSS]
    assert loss.repetitions == 12
    assert loss.high - loss.low < 0.01
    assert of(found, "float32/64/xla")[figures.TRAINED].value == pytest.approx(LOSS, rel=0.05)


def test_a_batch_without_training_has_no_loss(found):
    assert of(found, f"{BFLOAT16}/4096/xla").keys() == {figures.SPEED}
    assert of(found, "float32/4096/xla") == {}


def test_a_training_that_failed_leaves_no_loss():
    """Those that went well would say too much good of it."""

    def quantities(case, repetitions, generator, base):
        some = list(trained(case, repetitions, generator, base))
        if case.precision == BFLOAT16:
            reasons = {figures.of_seed(1): "from seed 1 losses are not numbers"}
            some[0] = msgspec.structs.replace(some[0], values={}, reasons=reasons)
        return some

    document = result(np.random.default_rng(5), quantities=quantities)
    loss = of(document, f"{BFLOAT16}/64/xla")[figures.LOSS]
    assert (loss.value, loss.reason) == (None, f"{BFLOAT16}/64/xla: from seed 1 losses are not numbers")
    (text,) = exhibit.findings(document)
    assert text.endswith(
        f"its loss after 1,000 steps of 64 rows is not known ({BFLOAT16}/64/xla: from seed 1 losses are not numbers)."
    )


def test_without_float32_there_is_no_figure_and_a_reason():
    records = documents.records(result(np.random.default_rng(5)))
    cases = tuple(record.case for record in records)
    left = [record for record in records if record.case.name != "float32/4096/xla"]
    plan = documents.ExperimentPlan(experiment=PRECISION, cases=cases, preset=documents.PRESETS["standard"])
    found = PRECISION.figures(Measured(plan, left, [], None, None))
    missing = found[f"{BFLOAT16}/4096/xla"][figures.SPEED]
    assert (missing.value, missing.reason) == (None, "float32/4096/xla was not measured")


def test_the_finding_joins_what_it_brings_and_what_it_costs(found):
    (text,) = exhibit.findings(found)
    pattern = (
        rf"{BFLOAT16} \(xla, emulated\): 1\.[67]\dx \[.*\] at 4,096 rows, .*x \[.*\] \(gains less than 5%\) "
        r"at 64 rows, of float32's steps/s; loss after 1,000 steps of 64 rows \+0\.\d\d% \[\+.*, \+.*\]\."
    )
    assert re.fullmatch(pattern, text)


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (1.6, 1.7, 1.8, "1.70x [1.60, 1.80]"),
        (0.8, 0.85, 0.9, "0.850x [0.800, 0.900] (slower)"),
        (0.98, 1.01, 1.04, "1.01x [0.980, 1.04] (gains less than 5%)"),
        (0.9, 1.0, 1.1, "1.00x [0.900, 1.10] (inconclusive)"),
        (None, 1.2, None, "1.20x (no interval) (inconclusive)"),
    ],
    ids=["faster", "slower", "little", "open", "no interval"],
)
def test_a_speed_is_called_what_its_interval_supports(low, value, high, said):
    estimate = Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=6)
    assert exhibit._speed(estimate) == said


@pytest.mark.parametrize(
    ("low", "value", "high", "said"),
    [
        (1.001, 1.004, 1.007, "+0.40% [+0.10, +0.70]."),
        (0.98, 0.99, 0.995, "-1.00% [-2.00, -0.50]."),
        (0.99999, 1.00001, 1.001, "0.00% [0.00, +0.10] (inconclusive)."),
    ],
    ids=["worse", "better", "open"],
)
def test_a_loss_is_called_what_its_interval_supports(found, low, value, high, said):
    loss = Estimate(value=value, low=low, high=high, confidence=0.95, repetitions=6)
    benchmarks = tuple(
        msgspec.structs.replace(
            one,
            extra_info=msgspec.structs.replace(one.extra_info, figures={**one.extra_info.figures, figures.LOSS: loss}),
        )
        for one in found.benchmarks
    )
    (text,) = exhibit.findings(msgspec.structs.replace(found, benchmarks=benchmarks))
    assert text.endswith(f"loss after 1,000 steps of 64 rows {said}")


def test_a_result_with_these_figures_is_consistent(found):
    assert consistency.first_problem(found) is None


def test_tables_have_a_row_for_each_case(found):
    check = SameModel(steps=50, tf32=False, largest_relative_difference=8.6e-3, limit=None, passed=None)
    benchmarks = tuple(
        msgspec.structs.replace(one, extra_info=msgspec.structs.replace(one.extra_info, same_model=(check,)))
        for one in found.benchmarks
    )
    found = msgspec.structs.replace(found, benchmarks=benchmarks)
    table = exhibit.table(found)
    (whole,) = (grid(found) for grid in exhibit.EXHIBIT.section.grids)
    assert len(table.rows) == len(whole.rows) == len(TIMES) - 1
    row = next(row for row in table.rows if row[0] == f"{BFLOAT16}/64/xla")
    assert row[3] == "8.6e-03"
    assert row[4].startswith("+0.4")
    row = next(row for row in whole.rows if row[0] == f"{BFLOAT16}/64/xla")
    assert (row[2], row[5], row[6]) == ("8.6e-03 (50)", "12", "emulated")
    reference = next(row for row in table.rows if row[0] == "float32/64/xla")
    assert (reference[2], reference[4]) == ("baseline", "-")


def test_the_plot_shows_every_speed_and_loss(found):
    left, right = plot.draw(found).axes
    assert [len(axes.containers) for axes in (left, right)] == [2, 1]
    assert [text.get_text() for text in left.get_yticklabels()] == [f"{BFLOAT16}/4096/xla", f"{BFLOAT16}/64/xla"]


def test_a_result_without_figures_is_shown_without_them(found):
    """A file from anywhere may have none."""
    bare = msgspec.structs.replace(
        found,
        benchmarks=tuple(
            msgspec.structs.replace(one, extra_info=msgspec.structs.replace(one.extra_info, figures={}))
            for one in found.benchmarks
        ),
    )
    assert exhibit.findings(bare) == []
    assert all(grid(bare).rows for grid in exhibit.EXHIBIT.section.grids)
    assert plot.draw(bare) is None


@pytest.mark.parametrize("number", ["04", "9" * 5_000, "٤", "4x"], ids=["zero", "endless", "arabic", "letters"])
def test_numbers_in_names_that_nobody_writes_are_passed_over(number):
    one = Quantities(name=figures.LOSSES, repetition=1, values={f"seed_{number}_loss": 1.0})
    record = documents.records(result(np.random.default_rng(5), repetitions=3))[0]
    assert figures.losses(msgspec.structs.replace(record, quantities=(one,))) == {}


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        ("cpu", {"bfloat16_instructions": Fact(value="")}, "emulated"),
        ("cpu", {"bfloat16_instructions": Fact(value="amx_bf16, avx512_bf16")}, "amx_bf16, avx512_bf16"),
        ("cpu", {"bfloat16_instructions": Fact(value=None, reason="the kernel gives no flags")}, "unknown"),
        ("cpu", {}, "unknown"),
        ("gpu", {"compute_capability": Fact(value="9.0")}, "tensor cores"),
        ("gpu", {"compute_capability": Fact(value="7.5")}, "emulated"),
        ("gpu", {"compute_capability": Fact(value="9.0.1")}, "unknown"),
        ("gpu", {"compute_capability": Fact(value=None, reason="NVML: no")}, "unknown"),
        ("gpu", {}, "unknown"),
    ],
)
def test_what_a_device_has_for_it_is_named(found, kind, facts, expected):
    assert arithmetic.of(with_facts(found, kind, **facts), BFLOAT16) == expected
    assert arithmetic.of(with_facts(found, kind, **facts), "float32") == "float32"


def test_figures_are_of_measured_cases():
    assert PRECISION.figures(Measured(None, [], [], None, None)) == {}


def test_few_seeds_have_no_interval():
    document = result(np.random.default_rng(5), repetitions=1)
    loss = of(document, f"{BFLOAT16}/64/xla")[figures.LOSS]
    assert (loss.low, loss.repetitions, loss.reason) == (None, 2, estimates._FEW)
    assert "(no interval) (inconclusive)" in exhibit.findings(document)[0]
