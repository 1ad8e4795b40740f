"""What the micro benchmarks measure: one prepared subject for each mode, on the sample."""

import pytest

from autoencoder import data
from autoencoder.config import Config
from bench.backends.tensorflow import modes, pipelines
from bench.backends.tensorflow.workload import WORKLOAD


@pytest.fixture(scope="session")
def prepared():
    return WORKLOAD.prepare(data.load("sample"))


@pytest.fixture(scope="session")
def batch(prepared):
    return pipelines.resident(prepared, Config(), "/CPU:0")()


@pytest.fixture
def subject(request, batch):
    """A warm subject of the mode that the test is parametrised with."""
    subject = modes.build(request.param, Config(), seed=1)
    for _ in range(5):
        subject.synchronise(subject.step(batch))
    return subject
