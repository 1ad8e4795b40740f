"""How far a result can be trusted: its A/A checks, what is known of warm-up, and one case measured several times."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bench.experiments.registry import EXPERIMENTS
from bench.output import cells
from bench.output.figures import multiple, with_interval
from bench.plan import memory_policy
from bench.plan.case import AXES, Case
from bench.results import aa_check
from bench.results.aa_check import AACheck
from bench.results.record import SameModel
from bench.results.schema import Benchmark, Document
from bench.results.warning import ADVICE

# The notebook's pipeline has two names: in `modes` it is what the notebook does, in `pipelines` what it consists of.
_SAME_PIPELINE = {"notebook": "prefetch-1"}
_USUAL_MEMORY = "growth"


def lines(document: Document) -> list[str]:
    """One line about each of these, as far as there is something to say."""
    found = (*verdict(document), _warm_up(document), _measured_again(document))
    return [line for line in found if line]


def verdict(document: Document) -> list[str]:
    """Whether noise allows for conclusions, what the A/A control says of that, and whether all compute the same."""
    return [line for line in (_noise(document), _control(document), _numerics(document)) if line]


def of_speed(name: str) -> bool:
    """Whether this experiment's answer is about times, which noise can spoil."""
    return name not in EXPERIMENTS or EXPERIMENTS[name].of_speed


_STATES = ("failed", "too noisy", "passed", "not checked")  # the worst first


def _checks(document: Document) -> dict[str, AACheck]:
    """Of the experiments whose answer noise in the times can spoil; of others where the check failed."""
    checks = {one.name: aa_check.of(one) for one in document.autoencoder_bench.experiments if one.repetitions}
    return {name: check for name, check in checks.items() if of_speed(name) or check.state == "failed"}


def _noise(document: Document) -> str | None:
    """One line for all experiments: noise is a property of the run."""
    checks = _checks(document)
    if not document.benchmarks or not checks:
        return None
    named = len(document.autoencoder_bench.experiments) > 1
    by_state = {state: [name for name, check in checks.items() if check.state == state] for state in _STATES}
    unchecked = f" Not checked: {', '.join(by_state['not checked'])}." if named and by_state["not checked"] else ""
    resolved = [
        _share(name, check.resolution, named)
        for name, check in checks.items()
        if check.state in ("too noisy", "passed")
    ]
    if by_state["failed"]:
        parts = [_share(name, checks[name].difference, named) for name in by_state["failed"]]
        noisy = f" Too noisy: {', '.join(by_state['too noisy'])}." if by_state["too noisy"] else ""
        return (
            f"Data quality: FAILED. Two measurements of the same case differ by {', '.join(parts)}, more than chance "
            f"allows (A/A check).{noisy}{unchecked} {ADVICE['unstable']}"
        )
    if by_state["too noisy"]:
        text = f"NOISY. Do not trust differences below {', '.join(resolved)} (A/A control, 99% CI)."
    elif resolved:
        interfered = any(warning.code == "interference" for warning in document.autoencoder_bench.warnings)
        state = "noisy, usable" if interfered else "quiet enough"
        text = f"{state}. Not resolved (99% CI): differences below {', '.join(resolved)}."
    elif document.autoencoder_bench.pairing:
        return "Data quality: the A/A control of this A/B run is in the other side's result; the comparison uses it."
    else:
        first = next(one for one in document.autoencoder_bench.experiments if one.name in checks)
        return f"Data quality: not checked: {first.control.ratio.reason or 'the A/A control has no interval'}."
    return f"Data quality: {text}{unchecked}"


def _share(name: str, share: float | None, named: bool) -> str:
    percent = 100 * (share or 0.0)
    text = f"{percent:.2g}" if percent < 99.5 else f"{percent:,.0f}"  # beyond, two digits need an exponent
    return f"{text}%" + (f" ({name})" if named else "")


def _control(document: Document) -> str | None:
    """The ratios of the A/A controls: no case of their own, but the same one measured twice."""
    checked = _checks(document)
    experiments = [
        one
        for one in document.autoencoder_bench.experiments
        if one.name in checked and one.control.ratio.value is not None
    ]
    if not experiments or not document.benchmarks:
        return None
    ratios = (f"{one.name} {with_interval(one.control.ratio, multiple)}" for one in experiments)
    references = dict.fromkeys(one.reference for one in experiments)
    return f"A/A control {', '.join(references)} (99% CI): {', '.join(ratios)}."


def _numerics(document: Document) -> str | None:
    """How far the losses of the cases lie from eager's; also of those that are another model on purpose."""
    measured = cells.without_control(document)
    verified = [benchmark for benchmark in measured if any(check.passed for check in benchmark.extra_info.same_model)]
    checks = [check for benchmark in verified for check in benchmark.extra_info.same_model if check.passed]
    largest, limit = _largest(checks), max((check.limit for check in checks if check.limit is not None), default=None)
    if largest is None or limit is None:
        return f"Numerics:{others}" if (others := _not_judged(measured)) else None
    cases = f"all {len(verified)}" if verified == measured else f"{len(verified)} of {len(measured)}"
    return (
        f"Numerics: {cases} cases match eager (relative loss difference up to {largest:.1e}, limit "
        f"{limit:.0e}, {max(check.steps for check in checks)} steps).{_not_judged(measured)}"
    )


def _not_judged(measured: Sequence[Benchmark]) -> str:
    """The cases with another precision or update, and how far they are from eager mode in float32."""
    checks = [check for one in measured for check in one.extra_info.same_model if check.passed is None]
    largest = _largest(checks)
    if largest is None:
        return ""
    return (
        f" {len(checks)} with another precision or update are not judged: relative loss difference up to {largest:.1e} "
        f"({max(check.steps for check in checks)} steps)."
    )


def _largest(checks: Iterable[SameModel]) -> float | None:
    differences = (check.largest_relative_difference for check in checks)
    return max((one for one in differences if one is not None), default=None)


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
    for benchmark in cells.without_control(document):
        cases.setdefault(_regardless_of_experiment(benchmark.extra_info.case), []).append(benchmark)
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
