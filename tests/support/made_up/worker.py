"""What its workers measure."""

import time

from bench.backends.tensorflow import device
from support.made_up.experiment import REREAD


def _reread(state, request):
    subject, _ = state.prepared()
    started = time.perf_counter()
    read = sum(weight.numpy().nbytes for weight in subject.parameters.weights.values())
    return {"reading_seconds": time.perf_counter() - started, "weights_bytes": read, "gpu": "there is none"}


def _start(state, request):
    return {"start_seconds": device.start(request.device, "growth", request.tf32)}


MEASUREMENTS = {REREAD: _reread, "start": _start}
