"""What a worker does on request, on a subject made of figures."""

from types import SimpleNamespace

import pytest

from bench import protocol
from bench.backends.tensorflow import handlers
from bench.backends.tensorflow.train_step import Subject


class Loss:
    reads = 0

    def numpy(self):
        Loss.reads += 1


def test_in_a_latency_the_loss_alone_is_read_back():
    """`Subject.synchronise` reads a weight too, which these parameters do not have."""
    subject = Subject(SimpleNamespace(), lambda batch: Loss(), lambda: 1)
    session = handlers.State(data=None, subject=subject, next_batch=lambda: None)
    done = handlers.HANDLERS[protocol.MeasureLatency](session, protocol.MeasureLatency(steps=5, seconds=60.0))
    assert (len(done.seconds), Loss.reads) == (5, 5)
    with pytest.raises(AttributeError, match="weights"):
        subject.synchronise(Loss())
