"""How a step is called in PyTorch: operation by operation, or compiled as a whole."""

import os
import tempfile
from collections.abc import Callable

import torch
from torch._dynamo.decorators import mark_static_address
from torch._dynamo.utils import counters
from torch._inductor import config as inductor

from bench.backends.peer import Call, Setting
from bench.backends.torch import device, model
from bench.backends.torch.model import State, Step

Make = Callable[[State, float], Step]


def _eager(make: Make) -> Callable[[Setting], Call]:
    def build(setting: Setting) -> Call:
        state = model.initial(setting.weights, device.chosen())
        return _call(make(state, setting.config.learning_rate), state)

    return build


def _compiled(mode: str) -> Callable[[Setting], Call]:
    """The whole step as one graph, in this mode of `torch.compile`."""

    def build(setting: Setting) -> Call:
        inductor.compile_threads = 1  # no processes beside the worker
        # What another worker of this server compiled is not its first call: a cache of its own, which ends with them.
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="torchinductor-")
        state = model.initial(setting.weights, device.chosen(), taped=False)
        for tensor in state.tensors:
            # What stays where it is needs no copy where the step is launched as a CUDA graph.
            mark_static_address(tensor)
        step = model.functional_step(state, setting.config.learning_rate)
        compiled = torch.compile(step, fullgraph=True, mode=mode)
        return _call(compiled, state, traces=lambda: counters["stats"]["unique_graphs"], compiled=True)

    return build


def _call(step: Step, state: State, traces: Callable[[], int] = lambda: 0, compiled: bool = False) -> Call:
    return Call(
        step=step,
        synchronise=lambda found: device.wait(),
        wait_for=lambda found: found.item(),
        losses=lambda found: found.cpu().numpy(),
        place=lambda found: str(found.device),
        traces=traces,
        compiled=compiled,
        state_bytes=sum(tensor.numel() * tensor.element_size() for tensor in state.tensors),
    )


CALLS: dict[str, Callable[[Setting], Call]] = {
    "eager": _eager(model.eager_step),
    "eager-foreach": _eager(model.foreach_step),
    "eager-built-in-adam": _eager(model.built_in_step),
    "compile": _compiled("default"),
    "compile-cuda-graphs": _compiled("reduce-overhead"),
}
