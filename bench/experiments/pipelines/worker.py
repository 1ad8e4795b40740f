"""What a worker measures of its input pipeline: the batches it gets while nobody computes."""

from collections.abc import Callable, Mapping

from bench.backends import clock
from bench.backends.tensorflow.handlers import State
from bench.experiments.pipelines.input_alone import INPUT_ALONE
from bench.protocol import Measure

_SECONDS = 0.5


def _input_alone(state: State, request: Measure) -> Mapping[str, float | str]:
    _, next_batch = state.prepared()
    batches, seconds = clock.take_batches(next_batch, _SECONDS)
    return {"batches_count": batches, "elapsed_seconds": seconds}


MEASUREMENTS: Mapping[str, Callable[[State, Measure], Mapping[str, float | str]]] = {INPUT_ALONE: _input_alone}
