"""What is said of warnings: those of one kind together, with what they are about, and no more than they hold."""

from pathlib import Path

import msgspec
import pytest

from bench.report import quality, shortcomings
from bench.results import files, warning
from bench.results.record import SameModel
from bench.results.schema import Control, Estimate, Pairing

QUICK = Path(__file__).parents[3] / "results" / "reference" / "quick.json"


@pytest.fixture
def quick():
    """A run of modes, pipelines and memory."""
    return files.read(QUICK)


def with_warnings(document, *warnings):
    section = msgspec.structs.replace(document.autoencoder_bench, warnings=warnings)
    return msgspec.structs.replace(document, autoencoder_bench=section)


def of(experiment, found):
    return msgspec.structs.replace(found, experiment=experiment)


def test_counts_of_all_experiments_are_added_up(quick):
    some = [
        of(name, warning.counted("few_samples", count, 10, "processes timed fewer samples than planned"))
        for name, count in (("modes", 1), ("pipelines", 2), ("memory", 4))
    ]
    (line,) = shortcomings.warnings(with_warnings(quick, *some))
    assert line == f"7 of 30 processes timed fewer samples than planned. {some[0].advice}"


def test_a_count_of_some_experiments_names_them(quick):
    found = of("pipelines", warning.counted("wide", 1, 3, "intervals reach further than 5%", ["xla/resident"]))
    (line,) = shortcomings.warnings(with_warnings(quick, found))
    assert line.startswith("pipelines: 1 of 3 intervals reach further than 5%: pipelines/xla/resident. ")


def test_a_case_of_two_experiments_is_two(quick):
    some = [
        of(name, warning.counted("wide", 1, 4, "intervals reach further than 5%", ["xla/resident"])) for name in "ab"
    ]
    (line,) = shortcomings.warnings(with_warnings(quick, *some))
    assert "2 of 8 intervals reach further than 5%: a/xla/resident, b/xla/resident. " in line


def test_causes_are_of_the_run(quick):
    some = [
        of(name, warning.counted("interference", 5, 10, "monitoring windows saw interference", ["other processes"]))
        for name in ("modes", "pipelines", "memory")
    ]
    (line,) = shortcomings.warnings(with_warnings(quick, *some))
    assert line.startswith("15 of 30 monitoring windows saw interference: other processes. ")


def test_a_text_without_a_count_keeps_its_experiment(quick):
    some = [of(name, warning.make("few_repetitions", "2 of the 3 repetitions.")) for name in ("modes", "pipelines")]
    (line,) = shortcomings.warnings(with_warnings(quick, *some))
    assert line.startswith("modes: 2 of the 3 repetitions. pipelines: 2 of the 3 repetitions. ")


def with_controls(document, **ratios):
    """The run with these A/A controls, as (low, high) of 99% intervals, or the reason why there is none."""
    experiments = []
    for one in document.autoencoder_bench.experiments:
        found = ratios.get(one.name, (0.99, 1.01))
        if isinstance(found, str):
            ratio = Estimate(value=None, low=None, high=None, confidence=None, repetitions=0, reason=found)
        else:
            low, high = found
            value = (low * high) ** 0.5
            ratio = Estimate(value=value, low=low, high=high, confidence=0.99, repetitions=4)
        experiments.append(msgspec.structs.replace(one, control=Control(ratio=ratio, unstable=None)))
    section = msgspec.structs.replace(document.autoencoder_bench, experiments=tuple(experiments))
    return msgspec.structs.replace(document, autoencoder_bench=section)


@pytest.mark.parametrize(
    ("ratios", "said", "also"),
    [
        pytest.param({}, "quiet enough.", "differences below 1% (modes), 1% (pipelines).", id="quiet"),
        pytest.param({"pipelines": "it failed"}, "quiet enough.", " Not checked: pipelines.", id="one unchecked"),
        pytest.param(
            {"modes": "it failed", "pipelines": "it failed"}, "not checked: it failed.", "", id="nothing checked"
        ),
        pytest.param({"modes": (1.1, 1.3), "pipelines": (0.5, 2.0)}, "FAILED.", " Too noisy: pipelines.", id="both"),
        pytest.param({"memory": (1.1, 1.3)}, "FAILED.", "20% (memory)", id="not about speed, and failed"),
        pytest.param({"pipelines": (0.5, 2.0)}, "NOISY.", "(pipelines)", id="noisy"),
    ],
)
def test_the_line_about_quality_hides_nothing(quick, ratios, said, also):
    line = quality.verdict(with_controls(quick, **ratios))[0]
    assert line.startswith(f"Data quality: {said}")
    assert also in line


def test_of_an_ab_run_the_other_side_has_the_control(quick):
    unchecked = with_controls(quick, modes="not measured", pipelines="not measured")
    pairing = Pairing(id="a", side="new", label="new")
    section = msgspec.structs.replace(unchecked.autoencoder_bench, pairing=pairing)
    line = quality.verdict(msgspec.structs.replace(unchecked, autoencoder_bench=section))[0]
    assert line.startswith("Data quality: the A/A control of this A/B run is in the other side's result")


def test_a_run_with_interference_is_not_called_quiet(quick):
    found = warning.counted("interference", 5, 10, "monitoring windows saw interference", ["other processes"])
    line = quality.verdict(with_warnings(quick, of("modes", found)))[0]
    assert line.startswith("Data quality: noisy, usable. Not resolved (99% CI): ")


def test_cases_in_another_precision_match_nothing_and_are_told_by_what_they_differ(quick):
    first, *others = quick.benchmarks
    check = SameModel(steps=50, tf32=False, largest_relative_difference=8.6e-3, limit=None, passed=None)
    info = msgspec.structs.replace(first.extra_info, same_model=(check,))
    found = msgspec.structs.replace(quick, benchmarks=(msgspec.structs.replace(first, extra_info=info), *others))
    line = quality.verdict(found)[-1]
    cases = [benchmark for benchmark in quick.benchmarks if not benchmark.extra_info.case.control]
    assert line.startswith(f"Numerics: {len(cases) - 1} of {len(cases)} cases match eager ")
    said = "1 with another precision or update are not judged: relative loss difference up to 8.6e-03 (50 steps)."
    assert line.endswith(f"50 steps). {said}")


def test_an_aa_control_is_no_case_of_the_numerics_check(quick):
    line = quality.verdict(quick)[-1]
    cases = [benchmark for benchmark in quick.benchmarks if not benchmark.extra_info.case.control]
    assert line.startswith(f"Numerics: all {len(cases)} cases match eager ")
