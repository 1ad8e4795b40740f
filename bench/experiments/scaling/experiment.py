"""The experiment `scaling`: one device against several, with the batch of one that they share, and with more."""

from collections.abc import Mapping, Sequence

from bench.errors import UsageError
from bench.experiments import batch_sizes
from bench.experiments.base import Exhibit, Experiment, InWorker, Measurement, Room
from bench.experiments.scaling.figures import ALL_REDUCE, GRADIENTS, figures, first_batch
from bench.plan import strategies
from bench.plan.case import USUAL_BATCH_SIZE, Axes, Case

_AXES = ("strategy", "devices", "batch_size", "mode")
_STRATEGIES = (strategies.SINGLE, strategies.MIRRORED, strategies.MULTI_WORKER)
_USUAL_MODE = "function"
MODES = (_USUAL_MODE, "function-fused", "function-xla-gradients")
DEVICES = (1, 2)
# Examples in a batch: from the notebook's, where a further device brings least, up to where it should bring something.
BATCH_SIZES = (64, 512, 2_048)
GPU_BATCH_SIZES = (64, 2_048, 16_384, 65_536)
_MOST_CORES = 8
_BYTES_A_ROW = 2.5 * batch_sizes.BYTES_A_ROW  # of a GPU's memory, as in the experiment about batches


def _cases(axes: Axes) -> Sequence[Case]:
    """For each number of devices every size as it is (strong), and that many times it, up to the largest (weak)."""
    sizes = batch_sizes.chosen(axes, BATCH_SIZES)
    devices = [int(count) for count in axes.get("devices", DEVICES)]
    modes = [str(mode) for mode in axes.get("mode", MODES)]
    if unknown := [mode for mode in modes if mode not in MODES]:
        raise UsageError(f"--axis mode={unknown[0]}: devices share a step as {', '.join(MODES)}.")
    return [
        Case(experiment="scaling", axes=_AXES, strategy=strategy, devices=count, batch_size=size, mode=mode)
        for strategy in _STRATEGIES
        if strategy in axes.get("strategy", _STRATEGIES)
        for count in _counts(strategy, devices)
        for size in _sizes(count, sizes)
        for mode in modes
    ]


def _counts(strategy: str, devices: Sequence[int]) -> list[int]:
    """On how many devices a strategy is measured: of one alone, tf.distribute is all that there is to measure."""
    several = sorted({count for count in devices if count > 1})
    if strategy == strategies.SINGLE:
        return [1]
    if not several:
        return [1]
    return several if strategy == strategies.MIRRORED else several[-1:]


def _sizes(count: int, sizes: Sequence[int]) -> list[int]:
    """Those that so many devices can share evenly, as they are and multiplied."""
    base = sorted({USUAL_BATCH_SIZE, *sizes})
    multiplied = {count * size for size in base if count * size <= base[-1]}
    return sorted({first_batch(count), *multiplied, *(size for size in base if size % count == 0)})


def _fit(axes: Axes, room: Room) -> Axes:
    """As many devices as there are, by powers of two, and on a GPU batches that are large enough to keep it busy.

    Of a CPU's cores a few, unless more are asked for: each is a process, whose threads the others would have to bear.
    """
    chosen = [int(count) for count in axes.get("devices", ())]
    if wrong := [count for count in chosen if not 1 <= count <= room.devices]:
        kind = "GPUs" if room.on_gpu else "cores, each of them a device,"
        raise UsageError(
            f"--axis devices={wrong[0]}: {room.devices} {kind} may be used here. Choose 1 to {room.devices}."
        )
    fitted = dict(axes)
    for size in (int(size) for size in axes.get("batch_size", ())):
        if uneven := [count for count in chosen if size % count]:
            raise UsageError(
                f"--axis batch_size={size}: {uneven[0]} devices cannot share it evenly. Choose a multiple of "
                f"{uneven[0]}."
            )
    if not chosen:
        most = room.devices if room.on_gpu else min(room.devices, _MOST_CORES)
        fitted["devices"] = _powers_of_two(most)
    if "batch_size" not in axes and room.free_bytes is not None:
        sizes = [size for size in GPU_BATCH_SIZES if size * _BYTES_A_ROW <= room.free_bytes]
        fitted["batch_size"] = tuple(sizes) or GPU_BATCH_SIZES[:1]
    return fitted


def _powers_of_two(most: int) -> tuple[int, ...]:
    return tuple(2**i for i in range(max(1, most).bit_length()))


def _usual(axes: Axes) -> tuple[str, ...]:
    """Keras' Adam without XLA, unless modes were chosen: the others double and treble a run."""
    return ("*",) if "mode" in axes else (f"*/{_USUAL_MODE}",)


def _is_shared(case: Case) -> bool:
    return case.strategy != strategies.SINGLE and case.mode == _USUAL_MODE


def _is_first(case: Case) -> bool:
    """Communication does not depend on the batch: it is measured beside the smallest."""
    return _is_shared(case) and case.batch_size == first_batch(case.devices)


def _exhibit() -> Exhibit:
    from bench.experiments.scaling import exhibit

    return exhibit.EXHIBIT


def _worker() -> Mapping[str, InWorker]:
    from bench.experiments.scaling import worker

    return worker.MEASUREMENTS


SCALING = Experiment(
    name="scaling",
    question="What does a second device bring, and what does it cost to keep several in step?",
    axes=_AXES,
    cases=_cases,
    usual=_usual,
    fit=_fit,
    on_request=True,  # its ranks listen on all interfaces of the host
    across_devices=True,
    measurements=(
        Measurement(name=GRADIENTS, of="case", says="forward and gradients alone", applies=_is_shared),
        Measurement(name=ALL_REDUCE, of="case", says="all-reduce alone", applies=_is_first),
    ),
    figures=figures,
    exhibit=_exhibit,
    worker=_worker,
)
