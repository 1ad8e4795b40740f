"""The experiment `precision`: a step in float32 against the same in fewer bits, in both compiled modes."""

from collections.abc import Mapping, Sequence

from bench.errors import UsageError
from bench.experiments import batch_sizes
from bench.experiments.base import Exhibit, Experiment, InWorker, Measurement, Room
from bench.experiments.precision.figures import LOSSES, TRAINED_BATCH, figures
from bench.plan import precisions
from bench.plan.case import USUAL_BATCH_SIZE, Axes, Case

_AXES = ("precision", "batch_size", "mode")
_MODES = ("function", "xla")
MODES = ("eager", *_MODES)  # in which something is cast
# Of a GPU's memory, for each row of the largest batch: beside the reference and its A/A control, six processes live.
_BYTES_A_ROW = 6 * batch_sizes.BYTES_A_ROW


def _cases(axes: Axes) -> Sequence[Case]:
    """Each with its counterpart in float32; those of one batch together, so that they share rounds."""
    names, modes = ([str(value) for value in axes.get(axis, ())] for axis in ("precision", "mode"))
    if unknown := [name for name in names if name not in precisions.NAMES]:
        raise UsageError(f"--axis precision={unknown[0]}: it is one of {', '.join(precisions.NAMES)}.")
    if unknown := [mode for mode in modes if mode not in MODES]:
        raise UsageError(f"--axis mode={unknown[0]}: a step is cast in one of {', '.join(MODES)}.")
    sizes = batch_sizes.chosen(axes, batch_sizes.CPU_SIZES[-1:])
    return [
        Case(experiment="precision", axes=_AXES, precision=name, batch_size=size, mode=mode)
        for size in sorted({USUAL_BATCH_SIZE, *sizes})
        for mode in modes or _MODES
        for name in dict.fromkeys((precisions.FLOAT32, *(names or precisions.NAMES)))
    ]


def _fit(axes: Axes, room: Room) -> Axes:
    """Beside the notebook's batch, the largest of those that the device has memory for."""
    if "batch_size" in axes or room.free_bytes is None:
        return axes
    return {**axes, "batch_size": batch_sizes.fitting(room.free_bytes, _BYTES_A_ROW)[-1:]}


def _why_not(case: Case, room: Room) -> str | None:
    """A CPU computes every type somehow, but TF32; a GPU that does not say what it can is taken to have it."""
    least = precisions.LEAST_CAPABILITY.get(case.precision)
    if least is None:
        return None
    needs = f"{case.precision} needs a GPU of compute capability {_written(least)}"
    if not room.on_gpu:
        return f"{needs}, and this is a CPU" if case.precision == precisions.TF32 else None
    if room.capability is None or room.capability >= least:
        return None
    return f"{needs}, and this one has {_written(room.capability)}"


def _written(capability: tuple[int, int]) -> str:
    return "{}.{}".format(*capability)


def _is_trained(case: Case) -> bool:
    return case.batch_size == TRAINED_BATCH and not case.control


def _exhibit() -> Exhibit:
    from bench.experiments.precision import exhibit

    return exhibit.EXHIBIT


def _worker() -> Mapping[str, InWorker]:
    from bench.experiments.precision import worker

    return worker.MEASUREMENTS


PRECISION = Experiment(
    name="precision",
    question="What do fewer bits bring, and what do they cost?",
    axes=_AXES,
    cases=_cases,
    fit=_fit,
    why_not=_why_not,
    on_request=True,  # most of its time is for trainings, which the usual runs have no room for
    measurements=(Measurement(name=LOSSES, of="case", says="training from several seeds", applies=_is_trained),),
    figures=figures,
    exhibit=_exhibit,
    worker=_worker,
)
