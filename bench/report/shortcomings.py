"""What a result does not have, or what a reader has to know about its figures: failures, skipped cases, warnings."""

from collections.abc import Iterable, Sequence

from bench.plan import strategies
from bench.report import quality
from bench.results.schema import Benchmark, Document, ExperimentRecord
from bench.results.warning import CAUSES, Code, RunWarning

LONGEST_LINE = 2_000  # where names from elsewhere stand in it
MOST_NAMES = 3  # of cases, in a sentence

# What the line about the quality of the data says already.
SAID_OF_QUALITY: tuple[Code, ...] = ("unstable", "too_noisy")


def of(document: Document) -> list[str]:
    """All of it, a line each."""
    return [*failures(document), *warnings(document)]


def failures(document: Document) -> list[str]:
    """What the run was asked for and does not have."""
    section = document.autoencoder_bench
    lines = []
    counts = [f"{len(one.repetitions)} of at most {one.preset.looks[-1]} of {one.name}" for one in section.experiments]
    if section.status == "interrupted":
        saved = f"after repetitions: {', '.join(counts)}. They are saved."
        lines.append(f"Interrupted {saved}" if document.benchmarks else "Interrupted: no repetition was done.")
    elif section.status_reason:
        lines.append(f"Ended after repetitions: {', '.join(counts)}. {section.status_reason}")
    several = len(section.experiments) > 1
    lines += [line for experiment in section.experiments for line in _not_measured(experiment, several)]
    lines += [line for benchmark in document.benchmarks for line in _missing_parts(benchmark)]
    if section.training_reason:
        lines.append(f"The training run failed: {section.training_reason}")
    return lines


def warnings(document: Document, but: Sequence[Code] = ()) -> list[str]:
    """Those of one kind together, over all experiments, and each advice once."""
    section = document.autoencoder_bench
    advised: dict[str, dict[Code, list[RunWarning]]] = {}
    for warning in section.warnings:
        if warning.code not in but:
            advised.setdefault(warning.advice, {}).setdefault(warning.code, []).append(warning)
    experiments = [one.name for one in section.experiments]
    return [
        f"{'; '.join(_together(some, experiments).removesuffix('.') for some in kinds.values())}. {advice}"
        for advice, kinds in advised.items()
    ]


def _together(some: Sequence[RunWarning], experiments: Sequence[str]) -> str:
    """One sentence: of counts the sum, of equal texts one with all that they are about.

    It names the experiments where there are several, and not all of them warn.
    """
    several = len(experiments) > 1
    rests = {one.text.removeprefix(f"{one.count} of {one.of} ") for one in some}
    if len(rests) > 1 or (several and some[0].count is None and not some[0].items):
        return " ".join(f"{one.experiment}: {one.sentence}" if several else one.sentence for one in some)
    (text,) = rests
    items = [
        f"{one.experiment}/{item}" if several and item not in CAUSES.values() else item
        for one in some
        for item in one.items
    ]
    warning = [one.experiment or "" for one in some]
    if some[0].count is None:
        return _with_items(text, items)
    text = f"{sum(one.count or 0 for one in some)} of {sum(one.of or 0 for one in some)} {text}"
    if several and set(warning) < set(experiments):
        text = f"{', '.join(warning)}: {text}"
    items = list(dict.fromkeys(items))
    return text if len(items) > MOST_NAMES else _with_items(text, items)


def _with_items(text: str, items: Sequence[str]) -> str:
    return f"{text.removesuffix('.')}: {_names(items)}." if items else text


def _not_measured(experiment: ExperimentRecord, named: bool) -> list[str]:
    """The cases of an experiment that have no speed, with the reason."""
    before = f"{experiment.name}/" if named else ""
    lines = [
        f"{before}{case.name}: {case.failure.status}: {case.failure.reason} (log: {case.failure.log})"
        for case in experiment.cases
        if case.failure is not None
    ]
    skipped: dict[str, list[str]] = {}
    for case in experiment.cases:
        if case.skipped is not None:
            skipped.setdefault(case.skipped, []).append(before + case.name)
    lines += [f"Skipped: {_names(names)}: {reason}." for reason, names in skipped.items()]
    unfinished = [before + case.name for case in experiment.cases if case.status == "unfinished"]
    if unfinished:
        lines.append(f"Not measured: {_names(unfinished)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMES else f"{names[0]} and {len(names) - 1} more"


def _missing_parts(benchmark: Benchmark) -> Iterable[str]:
    """What else is missing of a case that has a speed."""
    info, name = benchmark.extra_info, benchmark.fullname
    if not info.same_model:
        yield f"{name}: numerics not verified against eager: {info.same_model_reason}"
    # There is none of a single step in a loop or of several processes, and none is wanted of what is not about speed.
    single = info.sample_size.steps_per_call == 1 and strategies.ranks(info.case) == 1
    if info.latency_reason and single and not info.case.control and quality.of_speed(info.case.experiment):
        yield f"{name}: no latency: {info.latency_reason}"
    if info.profile and info.profile.status == "failed":
        yield f"{name}: the profile failed: {info.profile.reason}"
