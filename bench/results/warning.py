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
    "too_noisy": "Close other programs, or take a quieter machine.",
    "wide": "Select fewer cases (--only){longer}.",
    "few_repetitions": f"Let it finish {LEAST_REPETITIONS} repetitions; fewer have no interval.",
    "few_samples": "Select fewer cases (--only){longer}.",
    "unsteady": "Run again; if it persists, the case has no single throughput.",
    "warmup_unknown": "Select fewer cases (--only){longer}.",
    "interference": "Close other programs (samples are kept).",
    "one_by_one": "Put the GPU in DEFAULT compute mode (nvidia-smi -c 0), so that cases can take turns.",
    "alone": "Expected: memory is attributable only to a process running alone. For speeds take another experiment.",
    "spawned": "Nothing to do for the figures; only starting takes longer.",
    "sides_differ": "The two sides may not be numerically equivalent; investigate first.",
}

WARMUP_SAMPLES = 20  # that it takes to tell whether a process was warm (bench/stats/steady_state.py)
INTERFERENCE_SHARE = 0.2  # of the monitoring windows
FEW_SAMPLES = 0.8  # of those planned; a sample or two less is no matter
UNSTEADY_SHARE = 0.5  # of a case's processes: noise alone keeps some from looking steady


CAUSES: dict[Interference, str] = {
    "steal": "hypervisor steal",
    "run_delay": "scheduling delay",
    "others": "other processes",
    "major_faults": "major page faults",
    "throttled": "GPU throttling",
}


class RunWarning(Record, frozen=True, kw_only=True):
    """Something that a reader of the figures has to know, with what to do about it."""

    code: Code
    text: str
    advice: str
    experiment: str | None = None  # None: of the whole run
    items: tuple[str, ...] = ()  # the cases that it is about, or the causes that were seen
    count: int | None = None  # of how many, where the text begins with the two
    of: int | None = None

    @property
    def sentence(self) -> str:
        """The text, with what it is about."""
        return f"{self.text.removesuffix('.')}: {', '.join(self.items)}." if self.items else self.text


def counted(code: Code, count: int, of: int, what: str, items: Sequence[str] = ()) -> RunWarning:
    """A warning about a number of several things."""
    return RunWarning(
        code=code, text=f"{count} of {of} {what}.", advice=advise(code), items=tuple(items), count=count, of=of
    )


def make(code: Code, text: str, items: Sequence[str] = ()) -> RunWarning:
    """A warning with the advice of its code, where nothing is known of the preset."""
    return RunWarning(code=code, text=text, advice=advise(code), items=tuple(items))


def advise(code: Code, preset: str | None = None) -> str:
    """What to do in a run of this preset: a longer one is only named where there is one."""
    longer = longer_than([preset])
    return ADVICE[code].format(longer=f" or use --preset {longer.name}" if longer else "")


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
        found.append(make(code, "Cases ran sequentially; ratios include machine drift."))
    unsound = next((repetition.unsound for repetition in repetitions if repetition.unsound), None)
    if unsound:
        found.append(make("spawned", f"Workers were spawned, not forked: {unsound}."))
    windows = [window for repetition in repetitions for window in repetition.windows]
    marked = [window for window in windows if window.interference]
    if len(marked) > INTERFERENCE_SHARE * len(windows):
        seen = sorted({one for window in marked for one in window.interference})
        what = "monitoring windows saw interference"
        found.append(counted("interference", len(marked), len(windows), what, [CAUSES[one] for one in seen]))
    return found


def of_cases(
    cases: Sequence[CaseRecord], repetitions: Sequence[RepetitionRecord], interleaved: bool = True
) -> list[RunWarning]:
    """What the samples of the cases give reason for."""
    found = []
    planned = {repetition.repetition: repetition.samples for repetition in repetitions}
    processes = [(record.case.name, process) for record in cases for process in record.processes]
    fewer = sum(len(process.rounds) < FEW_SAMPLES * planned.get(process.repetition, 0) for _, process in processes)
    if fewer:
        found.append(counted("few_samples", fewer, len(processes), "processes timed fewer samples than planned"))
    unknown = sum(process.steady is None for _, process in processes)
    if unknown:
        what = f"processes have no verified warm-up{'' if interleaved else ' (they ran alone)'}"
        found.append(counted("warmup_unknown", unknown, len(processes), what))
    unsteady = [
        record.case.name
        for record in cases
        if sum(process.steady is False for process in record.processes) > UNSTEADY_SHARE * len(record.processes)
    ]
    if unsteady:
        found.append(make("unsteady", "No steady state after warm-up.", unsteady))
    return found


def of_widths(wide: Sequence[str], of: int, target: float) -> list[RunWarning]:
    """Cases whose interval is wider than the preset wants it, of so many."""
    if not wide:
        return []
    return [counted("wide", len(wide), of, f"intervals reach further than {100 * target:g}%", wide)]


def of_sides(between: SameModel | None) -> list[RunWarning]:
    """The two sides' eager losses, where they differ."""
    if between is None or between.passed:
        return []
    found = between.largest_relative_difference
    by = (
        "are not numbers"
        if found is None or between.limit is None
        else f"differ by {found:.1e} (limit {between.limit:.0e})"
    )
    return [make("sides_differ", f"The losses of the two sides in eager mode {by}.")]
