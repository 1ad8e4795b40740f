"""How far a result can be trusted: its A/A checks, what is known of warm-up, and one case measured several times."""

from collections.abc import Iterator

import msgspec

from bench.plan import memory_policy
from bench.plan.case import AXES, Case
from bench.results import aa_check
from bench.results.aa_check import AACheck
from bench.results.schema import Benchmark, Document

# The notebook's pipeline has two names: in `modes` it is what the notebook does, in `pipelines` what it consists of.
_SAME_PIPELINE = {"notebook": "prefetch-1"}
_USUAL_MEMORY = "growth"


def lines(document: Document) -> list[str]:
    """One line about each of these, as far as there is something to say."""
    found = (_aa_checks(document), _warm_up(document), _measured_again(document))
    return [line for line in found if line]


def _aa_checks(document: Document) -> str | None:
    """One for all experiments: noise is a property of the run."""
    if not document.benchmarks:
        return None
    checks = {one.name: aa_check.of(one) for one in document.autoencoder_bench.experiments if one.repetitions}
    if not checks:
        return None
    named = len(document.autoencoder_bench.experiments) > 1
    parts = [(f"{name} " if named else "") + _outcome(check) for name, check in checks.items()]
    return f"Data quality, by the same case measured twice in all rounds (A/A check): {'; '.join(parts)}."


def _outcome(check: AACheck) -> str:
    """Of the two measurements alone: what other cases differ by has intervals of its own."""
    if check.difference is None or check.resolution is None or check.limit is None:
        return "not checked"
    difference, resolution = (f"{100 * share:.1f} %" for share in (check.difference, check.resolution))
    limit = f"{100 * check.limit:.0f} %"
    match check.state:
        case "failed":
            return f"FAILED, the two differ by {difference}, more than chance allows"
        case "too noisy":
            return f"TOO NOISY, between the two a difference below {resolution} would not have shown (limit {limit})"
    return f"passed, between the two a difference below {resolution} would not have shown"


def _warm_up(document: Document) -> str | None:
    """What is unknown counts apart: it is not warm."""
    states = [process.steady for benchmark in document.benchmarks for process in benchmark.extra_info.processes]
    parts = [
        f"{count} {words}"
        for count, words in (
            (states.count(True), "settled"),
            (states.count(False), "still changing"),
            (states.count(None), "not checked"),
        )
        if count
    ]
    return f"Warm-up, of {len(states)} processes: {', '.join(parts)}." if states else None


def _measured_again(document: Document) -> str | None:
    """Cases that several experiments have, each with the figure of its own rounds."""
    cases: dict[Case, list[Benchmark]] = {}
    for benchmark in document.benchmarks:
        case = benchmark.extra_info.case
        if not case.control:
            cases.setdefault(_regardless_of_experiment(case), []).append(benchmark)
    several = [some for some in cases.values() if len({b.extra_info.case.experiment for b in some}) > 1]
    if not several:
        return None
    said = "; ".join(", ".join(_figures(some)) for some in several)
    return (
        f"The same case in several experiments, in steps/s: {said}. Each is measured in the rounds and minutes of its "
        "own experiment: compare cases within one."
    )


def _regardless_of_experiment(case: Case) -> Case:
    """What it does, however it is called: memory as every other experiment has it goes without saying."""
    pipeline = _SAME_PIPELINE.get(case.pipeline, case.pipeline)
    memory = "" if case.memory in (memory_policy.HOST, _USUAL_MEMORY) else case.memory
    return msgspec.structs.replace(case, experiment="", axes=AXES, pipeline=pipeline, memory=memory)


def _figures(some: list[Benchmark]) -> Iterator[str]:
    for benchmark in some:
        rate = benchmark.extra_info.steps_per_second.value
        yield f"{benchmark.fullname} {'-' if rate is None else f'{rate:,.0f}'}"
