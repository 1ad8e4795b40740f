"""Sentences against a known truth: of two thousand simulated results each, none is false in more than one of twenty.

The truth lies where a sentence is easiest to get wrong: at the bound that it is about.
"""

import re

import msgspec
import numpy as np
import pytest
from support import documents
from support.documents import document, simulate, with_inputs_alone

from bench.experiments.base import cases_of
from bench.experiments.batch import exhibit as batch
from bench.experiments.frameworks import exhibit as frameworks
from bench.experiments.pipelines import exhibit as pipelines
from bench.experiments.precision import exhibit as precision
from bench.experiments.registry import EXPERIMENTS
from bench.experiments.roofline import exhibit as roofline
from bench.experiments.roofline import step_cost
from bench.experiments.roofline.peaks import EagerParts, Peaks
from bench.experiments.scaling import exhibit as scaling
from bench.report import environments
from bench.report.findings import findings
from bench.results import aa_check, claims
from bench.results.claims import NEGLIGIBLE
from bench.results.estimates import level, processes_of

RESULTS = 2_000
# Of two thousand, by which a true share of one in twenty is told from more: three standard errors on top.
MOST_FALSE = 0.05 + 3 * (0.05 * 0.95 / RESULTS) ** 0.5
ONE_SIDED = 0.05  # of a claim that can be wrong in one direction only, which is half of one in twenty
FEW_ROUNDS = {"rounds": 3, "sample": 0.04, "process": 0.01, "server": 0.015}  # a noisy machine; samples average out


def results(times, experiment, repetitions=4, seed=11, **noise):
    """Simulated results of these true times, one after the other."""
    generator = np.random.default_rng(seed)
    for _ in range(RESULTS):
        yield document(simulate(generator, times, repetitions=repetitions, **FEW_ROUNDS | noise), experiment=experiment)


def share(sentences):
    return sum(sentences) / RESULTS


MODES = {"eager/resident": 10e-3, "function/resident": 1e-3, "xla/resident": 1e-3, "function/resident/control": 1e-3}


def test_which_mode_is_faster():
    """Equal ones: whatever is said of them but `inconclusive` is false, in either direction."""
    between, over_eager = [], []
    for found in results({**MODES, "eager/resident": 1e-3}, "modes"):
        if aa_check.of(found.experiment).state == "failed":
            continue  # then nothing is said of speeds
        first, second = findings(found)[:2]
        between.append("inconclusive" not in second)
        over_eager.append("inconclusive" not in first.split("tf.function")[0])
    assert share(between) <= MOST_FALSE
    assert share(over_eager) <= MOST_FALSE


@pytest.mark.parametrize("loss", [0.0, NEGLIGIBLE])
def test_what_the_notebooks_pipeline_costs(loss):
    """Where nothing is lost it does not cost something; where just as much is as is called little, it costs no less."""
    times = {**MODES, "xla/notebook": 1e-3 / (1 - loss), "function/notebook": 1e-3 / (1 - loss)}
    wrong = []
    for found in results(times, "modes"):
        if aa_check.of(found.experiment).state == "failed":
            continue
        text = next(line for line in findings(found) if line.startswith("Notebook input"))
        of_xla = text.partition(" under XLA")[0]
        little = "less than" in of_xla
        wrong.append(little if loss else not little and "inconclusive" not in of_xla)
    assert share(wrong) <= ONE_SIDED


@pytest.mark.parametrize("loss", [0.0, NEGLIGIBLE])
def test_what_a_pipeline_costs(loss):
    times = {"function/resident": 1e-3, "function/prefetch-1": 1e-3 / (1 - loss), "function/resident/control": 1e-3}
    said = [pipelines.findings(found)[0] for found in results(times, "pipelines")]
    if loss == 0:
        assert share("below" not in text and "overhead inconclusive" not in text for text in said) <= ONE_SIDED
    else:
        assert share("overhead below" in text for text in said) <= ONE_SIDED


def with_inputs(found, generator, rate):
    """The result with its pipelines measured alone, at this true rate, in every repetition."""
    return with_inputs_alone(found, rate * np.exp(generator.normal(0, 0.03, size=4)))


def test_the_bottleneck():
    """The pipeline delivers just what the step could take: neither that it is the bottleneck nor that it is not."""
    generator = np.random.default_rng(3)
    times = {"function/resident": 1e-3, "function/prefetch-1": 2e-3, "function/resident/control": 1e-3}
    said = [pipelines.findings(with_inputs(found, generator, 1_000.0))[0] for found in results(times, "pipelines")]
    assert all("bottleneck" in text for text in said)
    assert share("inconclusive" not in text for text in said) <= MOST_FALSE


def test_what_would_help():
    """Five changes that gain just what is asked for: none of them surely gains more, nor do they all gain less."""
    changed = {f"function/{name}": 2e-3 / pipelines.WORTH for name in pipelines.REMEDIES}
    times = {"function/resident": 1e-3, "function/prefetch-1": 2e-3, **changed, "function/resident/control": 1e-3}
    said = [pipelines.findings(found)[1] for found in results(times, "pipelines")]
    assert share(text.startswith("Smallest change") for text in said) <= ONE_SIDED
    assert share(text.startswith("No other") for text in said) <= ONE_SIDED


WAYS = {"eager": 10e-3, "function": 1e-3, "xla-loop": 0.5e-3, "xla-loop-fused": 0.5e-3, "function/control": 1e-3}


def with_peaks(found, generator, seconds):
    """The result with the device's limits: a step takes at least so long, truly, by arithmetic as by memory."""
    limits = {
        repetition: Peaks(
            eager_op_seconds=1e-5,
            function_call_seconds=1e-4,
            copy_bytes_per_second=1.0,
            large_copy_bytes_per_second=step_cost.STATE_BYTES / seconds * np.exp(generator.normal(0, 0.02)),
            matmul_flops_per_second=dict.fromkeys(
                step_cost.PRODUCTS, step_cost.FLOPS / seconds * np.exp(generator.normal(0, 0.02))
            ),
            large_matmul_flops_per_second=1e12,
            eager_parts=EagerParts(
                forward_seconds=2e-3 * np.exp(generator.normal(0, 0.05)),
                with_gradients_seconds=5e-3 * np.exp(generator.normal(0, 0.05)),
                step_seconds=10e-3 * np.exp(generator.normal(0, 0.05)),
            ),
        )
        for repetition in range(1, 5)
    }
    return documents.with_peaks(found, limits)


@pytest.mark.parametrize("level", [2, 4, 8])
def test_however_many_ways_are_level_none_is_called_slower(level):
    """Of what is said of several together: one in twenty may be wrong, and no more with more of them."""
    names = [case.name for case in cases_of(EXPERIMENTS["roofline"]) if not case.control][2 : 2 + level]
    times = {"eager": 10e-3, "function": 1e-3, **dict.fromkeys(names, 0.5e-3), "function/control": 1e-3}
    wrong = []
    for found in results(times, "roofline"):
        processes = {b.name: processes_of(b) for b in found.benchmarks if not b.extra_info.case.control}
        wrong.append(bool(set(names) & set(claims.leaders(processes, processes["function"]).slower)))
    assert share(wrong) <= ONE_SIDED


@pytest.fixture(scope="module")
def of_the_limit():
    """What is said of results whose two fastest ways are level, at a limit of a quarter of a millisecond."""
    generator = np.random.default_rng(4)
    found = [with_peaks(one, generator, 0.25e-3) for one in results(WAYS, "roofline")]
    return found, [roofline.findings(one) for one in found]


def test_which_way_is_the_fastest(of_the_limit):
    said = [next(text for text in texts if text.startswith("Fastest:")) for texts in of_the_limit[1]]
    assert share("inconclusive" not in text for text in said) <= MOST_FALSE
    # Nor is one of the two among those that are surely slower: both are named.
    assert share(not ("xla-loop-fused" in text and re.search("xla-loop[^-]", text)) for text in said) <= MOST_FALSE


def test_how_long_the_notebooks_training_takes(of_the_limit):
    wrong = []
    for texts in of_the_limit[1]:
        text = next(text for text in texts if "5,001 updates" in text)
        low, high = map(float, re.search(r"take \S+ \[([\d.]+), ([\d.]+)\] s in eager", text).groups())
        wrong.append(not low <= 50.01 <= high)
    assert share(wrong) <= MOST_FALSE


def test_the_parts_of_an_eager_step(of_the_limit):
    wrong = []
    for texts in of_the_limit[1]:
        text = next(text for text in texts if text.startswith("Of an eager"))
        low, high = map(int, re.search(r"optimizer takes -?\d+% \[(-?\d+), (\d+)\]", text).groups())
        wrong.append(not low - 0.5 <= 50 <= high + 0.5)
    assert share(wrong) <= MOST_FALSE


def test_the_largest_part_of_a_step(of_the_limit):
    """Half of the fastest way's step is at the limit, by arithmetic as by memory: no part is the largest."""
    named = [
        roofline.largest_part(next(b for b in found.benchmarks if b.name == "xla-loop"), roofline.figures(found))
        for found in of_the_limit[0]
    ]
    assert share(part in ("arithmetic", "memory") for part in named) <= ONE_SIDED
    assert share(part == "other" for part in named) <= ONE_SIDED


def test_where_the_fixed_part_is_more():
    """At 256 examples both parts are equal: of that size neither is said."""
    times = {f"function/{size}": 0.512e-3 + 2e-6 * size for size in (16, 64, 256, 1024, 4096)}
    said = [batch.findings(found)[0] for found in results({**times, "function/64/control": 0.64e-3}, "batch")]
    wrong = [bool(re.search(r"half of a step up to 256|half from 256", text)) for text in said]
    assert share(wrong) <= MOST_FALSE


@pytest.mark.parametrize(
    ("repetitions", "noise", "least", "most"),
    [
        pytest.param(4, (0.005, 0.005, 0.01), 0.0, 0.005, id="quiet, 4 repetitions"),
        pytest.param(3, (0.005, 0.005, 0.01), 0.0, 0.005, id="quiet, 3 repetitions"),
        pytest.param(4, (0.09, 0.014, 0.014), 0.0, 0.02, id="noisy, 4 repetitions"),
        pytest.param(4, (0.25, 0.04, 0.04), 0.45, 0.65, id="very noisy, 4 repetitions"),
    ],
)
def test_an_aa_check_fails_seldom_and_noise_does_not_help_to_pass(repetitions, noise, least, most):
    """With the preset `quick`, as docs/statistics.md has it."""
    from bench.plan.preset import PRESETS

    sample, process, server = noise
    times = {"function/resident": 1e-3, "function/resident/control": 1e-3}
    states = []
    for found in results(times, "modes", repetitions, rounds=30, sample=sample, process=process, server=server):
        quick = msgspec.structs.replace(found.experiment, preset=PRESETS["quick"])
        states.append(aa_check.of(quick).state)
    assert share(state == "failed" for state in states) <= 0.02
    assert least <= share(state == "too noisy" for state in states) <= most


SHARED = {"single/1/64/function": 2e-3, "mirrored/2/64/function": 2e-3, "single/1/64/function/control": 2e-3}


def test_what_a_second_device_brings():
    """It brings nothing, truly: it is called neither faster nor slower."""
    said = [scaling.findings(found)[0] for found in results(SHARED, "scaling")]
    assert all(text.startswith("2 cores (mirrored)") for text in said)
    assert share("inconclusive" not in text for text in said) <= MOST_FALSE


def test_which_replica_is_a_straggler():
    """One takes just as much longer as is usual between devices: it is not called slower than that."""
    generator = np.random.default_rng(7)
    said = []
    for _ in range(RESULTS):
        late = np.exp(generator.normal(np.log(scaling.STRAGGLES), 0.03, size=4))
        ratios = {0: level([1.0] * 4), 1: level(late.tolist()), 2: level([1.0] * 4)}
        said.append(scaling.straggler(ratios) is not None)
    assert share(said) <= ONE_SIDED


FEWER_BITS = {"float32/64/xla": 1e-3, "mixed_bfloat16/64/xla": 1e-3}
FEWER_BITS |= dict.fromkeys(("float32/64/function", "float32/64/function/control"), 0.0015)


def test_what_fewer_bits_bring():
    """They bring nothing, truly: they are called neither faster nor slower."""
    said = [precision.findings(found)[0] for found in results(FEWER_BITS, "precision")]
    assert all(text.startswith("mixed_bfloat16 (xla): ") for text in said)
    assert share(not re.search(r"inconclusive|gains less than 5%", text) for text in said) <= MOST_FALSE


def test_where_fewer_bits_gain_little():
    """They gain just 5%, truly: that it is less is seldom said."""
    times = {**FEWER_BITS, "mixed_bfloat16/64/xla": 1e-3 / 1.05}
    said = [precision.findings(found)[0] for found in results(times, "precision")]
    assert share("gains less than" in text for text in said) <= ONE_SIDED


ENVIRONMENTS = ("A=1", "B=1")


def test_what_other_variables_change():
    """Nothing: of all that is said of four cases together, one in twenty may be wrong."""
    base = {"function/resident": 1e-3, "xla/resident": 0.7e-3}
    times = {**base, **{f"{name}/{variables}": t for name, t in base.items() for variables in ENVIRONMENTS}}
    generator, wrong = np.random.default_rng(5), []
    for _ in range(RESULTS):
        samples = simulate(generator, times, repetitions=4, **FEW_ROUNDS)
        found = document(samples, axes={"environment": ENVIRONMENTS})
        remarks = " ".join(environments.findings(found)).count("(inconclusive)")
        wrong.append(remarks < 4)
    assert share(wrong) <= MOST_FALSE


FRAMEWORKS = {
    "tensorflow/function": 2e-3,
    "tensorflow/xla-loop-1-fused": 1e-3,
    "tensorflow/xla-loop-fused": 1e-3,
    "jax/scan-1": 1e-3,
    "jax/scan-25": 1e-3,
    "torch/compile": 1e-3,
}


def test_of_frameworks_that_are_level():
    """None is faster than TensorFlow, and a call takes neither more nor less in it than in JAX."""
    best, call = [], []
    for found in results(FRAMEWORKS, "frameworks"):
        found = documents.with_calls(found, {"tensorflow/xla-loop-fused": 25, "jax/scan-25": 25})
        said = frameworks.findings(found)
        of_best = next(sentence for sentence in said if sentence.startswith("Best"))
        best.append(of_best.count("(inconclusive)") < 2)
        gap = next(sentence for sentence in said if sentence.startswith("What a call"))
        call.append("(inconclusive)" not in gap.partition(", the step")[0])
    assert share(best) <= MOST_FALSE
    assert share(call) <= MOST_FALSE
