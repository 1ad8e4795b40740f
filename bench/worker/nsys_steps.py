"""One process that does steps of one case, each in an NVTX range, for a tool that it runs under.

Run as `python -P -m bench.worker.nsys_steps --case modes/xla/notebook --steps 200 --device gpu`. It prepares the case
as a worker does, and no launcher or server is there to be traced too.
"""

import argparse
import math
import sys
import tempfile

from bench import protocol
from bench.backends.tensorflow import backend, device, handlers
from bench.backends.tensorflow.handlers import State
from bench.backends.tensorflow.workload import PreparedData
from bench.errors import BenchError, ExitCode
from bench.experiments import selection
from bench.machine import control_group
from bench.plan.workload import WORKLOAD, DataError
from bench.protocol import nsys_process
from bench.protocol.nsys_process import Process

# Beyond the first two, which preparing takes: pipelines fill, and clocks and allocators settle.
WARM_UP_STEPS = 50


def main(arguments: list[str]) -> None:
    """Prepare, warm up, do the steps in their ranges, and print how many."""
    process = _parse(arguments)
    nsys_process.require_nvtx()
    nsys_process.require_fit(process.case, process.device)
    prepared = backend.BACKEND.prepare(WORKLOAD.load(process.data, lambda _: None))
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # TensorFlow leaves what it makes of every traced function behind
        state = prepare(process, prepared)
        steps = do_steps(state, process.steps)
    print(f"{process.case.full_name}: {steps} steps in NVTX ranges, on the {state.device.upper()}")


def prepare(process: Process, prepared: PreparedData) -> State:
    """Take the case as far as a worker does before its first sample, and through a sample."""
    device.limit_threads(control_group.threads())
    state = State(prepared)
    request = protocol.Prepare(case=process.case, device=process.device, tf32=process.tf32, seed=process.seed)
    handlers.HANDLERS[protocol.Prepare](state, request)
    per_call = state.prepared()[0].steps_per_call
    sample = protocol.RunSample(steps=math.ceil(WARM_UP_STEPS / per_call) * per_call, warmup_steps=per_call)
    handlers.HANDLERS[protocol.RunSample](state, sample)
    return state


def do_steps(state: State, steps: int) -> int:
    """Do at least so many steps, each call in a range and all in one, and wait for the last; returns how many it did.

    A call that does many steps has the range of its first to its last. On a GPU a step's range is the time in which it
    was queued: Nsight Systems shows beside it when its kernels ran.
    """
    import nvtx

    subject, next_batch = state.prepared()
    per_call = subject.steps_per_call
    names = [_name(first, per_call) for first in range(0, steps, per_call)]
    # Made before: to register a name takes time, which would be between steps.
    ranges = [nvtx.annotate(name, domain=nsys_process.DOMAIN) for name in names]
    with nvtx.annotate(nsys_process.RANGE, domain=nsys_process.DOMAIN):
        for one in ranges:
            with one:
                loss = subject.step(next_batch())
        subject.synchronise(loss)
    return len(ranges) * per_call


def _name(first: int, count: int) -> str:
    return f"step {first}" if count == 1 else f"steps {first} to {first + count - 1}"


def _parse(arguments: list[str]) -> Process:
    parser = argparse.ArgumentParser(prog=f"python -P -m {nsys_process.MODULE}", allow_abbrev=False)
    parser.add_argument("--case", required=True, metavar="EXPERIMENT/CASE")
    parser.add_argument("--steps", type=int, default=200, metavar="N")
    parser.add_argument("--device", required=True, choices=("cpu", "gpu"))
    parser.add_argument("--data", default="auto", metavar="SOURCE")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--tf32", choices=("on", "off"))
    given = parser.parse_args(arguments)
    if given.steps < 1:
        parser.error("--steps is at least 1")
    experiment, _, name = given.case.partition("/")
    return Process(
        case=selection.case_named(name, experiment),
        steps=given.steps,
        device=given.device,
        data=given.data,
        seed=given.seed,
        tf32=None if given.tf32 is None else given.tf32 == "on",
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (BenchError, DataError) as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, BenchError) else ExitCode.USAGE)
