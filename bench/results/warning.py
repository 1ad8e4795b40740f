"""What a run warns of: a closed list of codes, each with its advice, and where each applies."""

from collections.abc import Sequence
from typing import Literal

from bench.plan.preset import longer_than
from bench.results.base import Record
from bench.results.record import CaseRecord, Interference, RepetitionRecord, SameModel
from bench.stats.inference import LEAST_REPETITIONS

Code = Literal[
    "unstable",
    "too_noisy",
    "wide",
    "few_repetitions",
    "few_samples",
    "unsteady",
    "warmup_unknown",
    "interference",
    "one_by_one",
    "alone",
    "spawned",
    "sides_differ",
]

ADVICE: dict[Code, str] = {
    "unstable": "Close other programs, or take a quieter machine, and run again; until then no verdict is given.",
    "too_noisy": "Take what the intervals leave open as open. Close other programs, or take a quieter machine.",
    "wide": "Select fewer cases (--only){longer}, or take a quieter machine.",
    "few_repetitions": f"Let it finish {LEAST_REPETITIONS} repetitions; fewer have no interval.",
    "few_samples": "Select fewer cases (--only){longer}.",
    "unsteady": "Run again on a machine that is warm; where it stays, the speed of the case is not one number.",
    "warmup_unknown": (
        "Their speed may still have been changing. Select fewer cases (--only){longer}; of cases that run alone it "
        "cannot be told."
    ),
    "interference": "Look for what else runs on this machine or its host; samples are kept, intervals are wider.",
    "one_by_one": "Put the GPU in DEFAULT compute mode (nvidia-smi -c 0), so that cases can take turns.",
    "alone": "Nothing to do: only so can it be told what a process takes. For speeds take another experiment.",
    "spawned": "Nothing to do for the figures; only starting takes longer.",
    "sides_differ": "Find out why before you compare their speed: perhaps they do not compute the same.",
}

WARMUP_SAMPLES = 20  # that it takes to tell whether a process was warm (bench/stats/steady_state.py)
INTERFERENCE_SHARE = 0.2  # of the monitoring windows
FEW_SAMPLES = 0.8  # of those planned; a sample or two less is no matter
UNSTEADY_SHARE = 0.5  # of a case's processes: noise alone keeps some from looking steady


CAUSES: dict[Interference, str] = {
    "steal": "time stolen by the hypervisor",
    "run_delay": "our threads waiting for a core",
    "others": "other processes",
    "major_faults": "pages read from the disk",
    "throttled": "a throttled GPU",
}


class RunWarning(Record, frozen=True, kw_only=True):
    """Something that a reader of the figures has to know, with what to do about it."""

    code: Code
    text: str
    advice: str
    experiment: str | None = None  # None: of the whole run


def make(code: Code, text: str) -> RunWarning:
    """A warning with the advice of its code, where nothing is known of the preset."""
    return RunWarning(code=code, text=text, advice=advise(code))


def advise(code: Code, preset: str | None = None) -> str:
    """What to do in a run of this preset: a longer one is only named where there is one."""
    longer = longer_than([preset])
    return ADVICE[code].format(longer=f" or measure longer (--preset {longer.name})" if longer else "")


def of_repetitions(repetitions: Sequence[RepetitionRecord], interleaved: bool, alone: bool = False) -> list[RunWarning]:
    """What the repetitions themselves give reason for; `alone` where the experiment wants its cases one by one."""
    found = []
    if 0 < len(repetitions) < LEAST_REPETITIONS:
        found.append(
            make(
                "few_repetitions", f"{len(repetitions)} of the {LEAST_REPETITIONS} repetitions that an interval needs."
            )
        )
    if not interleaved:
        code: Code = "alone" if alone else "one_by_one"
        found.append(make(code, "Cases ran one after another, so the machine's drift is in their ratios."))
    unsound = next((repetition.unsound for repetition in repetitions if repetition.unsound), None)
    if unsound:
        found.append(make("spawned", f"Workers were spawned, not forked: {unsound}."))
    windows = [window for repetition in repetitions for window in repetition.windows]
    marked = [window for window in windows if window.interference]
    if len(marked) > INTERFERENCE_SHARE * len(windows):
        seen = sorted({one for window in marked for one in window.interference})
        causes = ", ".join(CAUSES[one] for one in seen)
        found.append(
            make("interference", f"Interference in {len(marked)} of {len(windows)} monitoring windows: {causes}.")
        )
    return found


def of_cases(
    cases: Sequence[CaseRecord], repetitions: Sequence[RepetitionRecord], interleaved: bool = True
) -> list[RunWarning]:
    """What the samples of the cases give reason for."""
    found = []
    planned = {repetition.repetition: repetition.samples for repetition in repetitions}
    processes = [(record.case.name, process) for record in cases for process in record.processes]
    fewer = [
        len(process.rounds)
        for _, process in processes
        if len(process.rounds) < FEW_SAMPLES * planned.get(process.repetition, 0)
    ]
    if fewer:
        text = f"{len(fewer)} of {len(processes)} processes timed fewer samples than planned, the fewest {min(fewer)}."
        found.append(make("few_samples", text))
    unknown = sum(process.steady is None for _, process in processes)
    if unknown:
        why = f"under {WARMUP_SAMPLES} samples beside the reference" if interleaved else "they ran alone"
        found.append(
            make("warmup_unknown", f"Warm-up not verified for {unknown} of {len(processes)} processes: {why}.")
        )
    unsteady = [
        record.case.name
        for record in cases
        if sum(process.steady is False for process in record.processes) > UNSTEADY_SHARE * len(record.processes)
    ]
    if unsteady:
        found.append(make("unsteady", f"Still changing after their warm-up: {', '.join(unsteady)}."))
    return found


def of_widths(wide: Sequence[str], target: float) -> list[RunWarning]:
    """Cases whose interval is wider than the preset wants it."""
    if not wide:
        return []
    return [make("wide", f"Intervals that reach further than {100 * target:g} %: {', '.join(wide)}.")]


def of_sides(between: SameModel | None) -> list[RunWarning]:
    """The two sides' eager losses, where they differ."""
    if between is None or between.passed:
        return []
    found = between.largest_relative_difference
    by = "are not numbers" if found is None else f"differ by {found:.1e} (limit {between.limit:.0e})"
    return [make("sides_differ", f"The losses of the two sides in eager mode {by}.")]
