"""Compare two results: the same rounds, separate runs, or other hardware."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.compare import noise, stored_run, verdicts
from bench.compare.changes import Changes
from bench.compare.noise import Noise
from bench.compare.records import (
    CaseComparison,
    CaseState,
    Comparison,
    Difference,
    Judgement,
    Kind,
    RunInfo,
    RunNoise,
    Verdict,
)
from bench.compare.stored_run import Run
from bench.compare.verdicts import Change, Longer, Scale, Stability
from bench.errors import NotComparable
from bench.output import figures
from bench.plan.preset import longer_than
from bench.results import estimates
from bench.results.schema import Estimate

SIDE_BY_SIDE_THRESHOLD = 0.03
SEPARATE_THRESHOLD = 0.05
FIRST_CALL_THRESHOLD = 0.20
MEMORY_THRESHOLD = 0.05
LOSS_THRESHOLD = 0.10

_LONGEST_PATH = 4_096


@dataclass(frozen=True)
class Rules:
    """What the user asked for; a threshold of None is the default of the kind of comparison."""

    threshold: float | None = None
    first_call_threshold: float = FIRST_CALL_THRESHOLD
    memory_threshold: float = MEMORY_THRESHOLD
    across_hardware: bool = False  # pass or fail although the hardware differs


def compare(base: Run, new: Run, history: Sequence[Run] = (), rules: Rules = Rules()) -> Comparison:
    """What NEW is to BASE. Raises NotComparable where they did not do the same work."""
    kind = _kind(base, new)
    _require_same_work(base, new)
    run_noise = Noise() if kind == "side_by_side" else _noise(history, base, new)
    side_by_side = kind == "side_by_side"
    threshold = rules.threshold or (SIDE_BY_SIDE_THRESHOLD if side_by_side else SEPARATE_THRESHOLD)
    judged = kind != "other_hardware" or rules.across_hardware
    changes = Changes(base, new, side_by_side, run_noise, threshold)
    judge = _Judge(base, new, judged)
    names = changes.common
    speed_scale = Scale(threshold, "SLOWER", "FASTER", inverted=True)
    # One family: of all verdicts on speed together, one in twenty comparisons of equal things may hold a wrong one.
    relative = {name: change for name in names if (change := changes.relative(name)) is not None}
    speeds = judge([*((name, changes.speed(name)) for name in names), *relative.items()], speed_scale)
    relatives = dict(zip(relative, speeds[len(names) :], strict=True))
    first_calls = judge.some(changes.first_call, names, Scale(rules.first_call_threshold, "SLOWER", "FASTER"))
    memory = judge.some(changes.memory, names, Scale(rules.memory_threshold, "LARGER", "SMALLER"))
    compared = {
        name: CaseComparison(
            name=name,
            state="compared",
            detail=None,
            base_steps_per_second=base.cases[name].steps_per_second,
            new_steps_per_second=new.cases[name].steps_per_second,
            verdict=_of_case(speed, relatives.get(name), threshold),
            speed=speed,
            relative=relatives.get(name),
            first_call=first_calls.get(name),
            memory=memory.get(name),
        )
        for name, speed in zip(names, speeds, strict=False)  # those relative to the others come after
    }
    return Comparison(
        kind=kind,
        judged=judged,
        base=_info(base),
        new=_info(new),
        differences=differences(base, new),
        threshold=threshold,
        first_call_threshold=rules.first_call_threshold,
        memory_threshold=rules.memory_threshold,
        noise=RunNoise(source="none", runs=0, deviation=None, relative_deviation=None)
        if side_by_side
        else run_noise.summary(),
        cases=tuple(compared.get(name) or _absent(name, base, new, kind) for name in _all_names(base, new)),
        final_loss=_final_loss(base, new),
        notes=(*_notes(base, new), *_notes_on_history(run_noise, names)),
        noisy=tuple(_noisy(base, new, side_by_side)),
    )


@dataclass(frozen=True)
class _Judge:
    """Gives all changes of a metric their verdicts."""

    base: Run
    new: Run
    judged: bool

    def __call__(self, changes: Sequence[tuple[str, Change]], scale: Scale) -> list[Judgement]:
        """Those of the named cases, each as stable as its experiment was."""
        stabilities = [_stability(self.base, self.new, stored_run.experiment_of(name)) for name, _ in changes]
        return verdicts.judge_all([change for _, change in changes], scale, stabilities, self.judged, self._longer)

    def some(
        self, change_of: Callable[[str], Change | None], names: Sequence[str], scale: Scale
    ) -> dict[str, Judgement]:
        """Those cases that have the metric. The A/A control says nothing about it."""
        changes = {name: change for name in names if (change := change_of(name)) is not None}
        stable = [verdicts.STABLE] * len(changes)
        found = verdicts.judge_all(list(changes.values()), scale, stable, self.judged, self._longer)
        return dict(zip(changes, found, strict=True))

    @property
    def _longer(self) -> Longer | None:
        """The next preset after the longest that either run had; None where there is none."""
        preset = longer_than([self.base.preset, self.new.preset])
        return Longer(preset.name, preset.looks[-1]) if preset else None


def _stability(base: Run, new: Run, experiment: str) -> Stability:
    """What the A/A controls of an experiment say; side by side there is one, of the base.

    Files of other tools have none, and no intervals.
    """
    side_by_side = _kind(base, new) == "side_by_side"
    with_control = [run for run in (base, new) if run.workload and not (side_by_side and _side(run) == "new")]
    states = {run.label: run.aa_checks.get(experiment, "not checked") for run in with_control}
    unstable = next((label for label, state in states.items() if state == "failed"), None)
    unchecked = next((label for label, state in states.items() if state == "not checked"), None)
    return Stability(unstable, unchecked)


def _side(run: Run) -> str | None:
    return run.pairing.side if run.pairing else None


def _kind(base: Run, new: Run) -> Kind:
    pairing = base.pairing
    if pairing and new.pairing and pairing.id == new.pairing.id and pairing.side != new.pairing.side:
        return "side_by_side"
    return "separate" if base.hardware == new.hardware else "other_hardware"


def _require_same_work(base: Run, new: Run) -> None:
    if None not in (base.workload, new.workload) and base.workload != new.workload:
        raise NotComparable(
            f"{base.path} and {new.path} measured different workloads: their models or parameters differ."
        )
    if None not in (base.data, new.data) and base.data != new.data:
        raise NotComparable(
            f"{base.path} and {new.path} were measured on different data. Measure both with the same --data."
        )
    theirs = [{*run.cases, *run.without_ratio, *run.failed} for run in (base, new)]
    if not theirs[0] & theirs[1]:
        raise NotComparable(f"{base.path} and {new.path} have no case in common.")
    for name in (name for name in base.cases if name in new.cases):
        axes, others = base.cases[name].axes, new.cases[name].axes
        if any(axes[axis] != others[axis] for axis in axes if axis in others):
            raise NotComparable(f"{name} is not the same case in {base.path} and {new.path}.")


def _noise(history: Sequence[Run], base: Run, new: Run) -> Noise:
    """Of BASE's fingerprint, or else of NEW's."""
    found = noise.of_history(history, base)
    return found if found.time or base.fingerprint == new.fingerprint else noise.of_history(history, new)


def _all_names(base: Run, new: Run) -> list[str]:
    """Of the cases that were asked for in either, but for those of an experiment that the other was not about."""
    names = dict.fromkeys(name for run in (base, new) for name in (*run.cases, *run.without_ratio, *run.failed))
    apart = _experiments_of_one(base, new)
    return [name for name in names if stored_run.experiment_of(name) not in apart]


def _experiments_of_one(base: Run, new: Run) -> dict[str, Run]:
    """Experiments that only one of them was about, with that one; a file of another tool does not say."""
    if not base.references or not new.references:
        return {}
    others = [
        (name, run)
        for run, other in ((base, new), (new, base))
        for name in run.references
        if name not in other.references
    ]
    return dict(others)


def _of_case(speed: Judgement, relative: Judgement | None, threshold: float) -> Verdict | None:
    """What is certain of the case itself comes first.

    Where that is open, a loss relative to the others counts if the case itself seems to have lost what matters: one
    that kept its speed while others gained did not lose. A gain relative to the others says nothing of the case itself.
    """
    lost = speed.ratio.value is not None and speed.ratio.value < 1 / (1 + threshold)
    if speed.verdict == "INCONCLUSIVE" and lost and relative is not None and relative.verdict == "SLOWER":
        return "SLOWER"
    return speed.verdict


def _absent(name: str, base: Run, new: Run, kind: Kind) -> CaseComparison:
    """A case that at least one of the results has no speed of."""
    state: CaseState
    if reason := base.without_ratio.get(name) or new.without_ratio.get(name):
        state, detail = "no_ratio", reason
    elif name in base.cases:
        state = "failed" if name in new.failed else "missing"
        detail = new.failed.get(name, f"{new.label} does not have it")
    elif name in new.cases and not (name in base.failed and kind == "side_by_side"):
        state, detail = "added", base.failed.get(name, f"{base.label} does not have it")
    elif name in new.cases:  # it was asked for on both sides, and there is no verdict on it
        state, detail = "failed", f"on the side of {base.label}: {base.failed[name]}"
    else:
        state, detail = "failed_in_both", new.failed.get(name) or base.failed[name]
    return CaseComparison(
        name=name,
        state=state,
        detail=detail,
        base_steps_per_second=base.cases[name].steps_per_second if name in base.cases else None,
        new_steps_per_second=new.cases[name].steps_per_second if name in new.cases else None,
        verdict=None,
        speed=None,
        relative=None,
        first_call=None,
        memory=None,
    )


def _info(run: Run) -> RunInfo:
    tensorflow = run.software.get("tensorflow")
    return RunInfo(
        label=run.label,
        file=figures.printable(str(run.path), _LONGEST_PATH),
        device=run.device,
        datetime=run.datetime,
        status=run.status,
        tensorflow=None if tensorflow is None else str(tensorflow),
        commit=run.commit,
        experiments=tuple(run.references),
    )


def differences(base: Run, new: Run) -> tuple[Difference, ...]:
    """In what the fingerprints of two results differ, hardware first."""
    return tuple(
        Difference(name=name, hardware=hardware, base=_text(ours.get(name)), new=_text(theirs.get(name)))
        for hardware, ours, theirs in ((True, base.hardware, new.hardware), (False, base.software, new.software))
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name)
    )


def _noisy(base: Run, new: Run, side_by_side: bool) -> Iterator[str]:
    """The experiments that both have and whose A/A check did not pass; of two sides, the base has the only one."""
    for run in (base,) if side_by_side else (base, new):
        for name, state in run.aa_checks.items():
            if state != "passed" and name in base.references and name in new.references:
                yield f"{name} ({run.label}: A/A check {state})"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _final_loss(base: Run, new: Run) -> Estimate:
    if not base.final_loss or not new.final_loss or base.final_loss < 0 or new.final_loss < 0:
        return estimates.missing("not both results have a training run")
    value = new.final_loss / base.final_loss
    return Estimate(
        value=value, low=None, high=None, confidence=None, repetitions=0, reason="one training run each: no interval"
    )


def _notes_on_history(run_noise: Noise, names: Sequence[str]) -> list[str]:
    """Where the stored runs are enough for some cases only."""
    assumed = sorted({stored_run.experiment_of(name) for name in names if name not in run_noise.time})
    if not run_noise.time or not assumed:
        return []
    return [f"Too few of the stored runs have cases of {', '.join(assumed)}: what those vary by is assumed."]


def _notes(base: Run, new: Run) -> list[str]:
    notes = [
        f"{run.label} is {run.status}: it holds what was measured until then."
        for run in (base, new)
        if run.status != "complete"
    ]
    if base.workload is None or new.workload is None:
        notes.append("A file of another tool does not say what work was done: that it is the same is for you to know.")
    notes += [
        f"{run.label} is too noisy in {', '.join(noisy)}, by its A/A check: only large differences can be told there."
        for run in (base, new)
        if (noisy := [name for name, state in run.aa_checks.items() if state == "too noisy"])
    ]
    notes += [f"{name} is in {run.label} only: not compared." for name, run in _experiments_of_one(base, new).items()]
    loss = _final_loss(base, new).value
    if loss is not None and not 1 / (1 + LOSS_THRESHOLD) < loss < 1 + LOSS_THRESHOLD:
        notes.append(
            f"The final loss of the training run is {loss:.2f} times that of {base.label}: look at both curves."
        )
    return notes
