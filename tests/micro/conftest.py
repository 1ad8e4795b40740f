"""What the micro benchmarks measure: one prepared subject for each mode, on the sample."""

import pytest

from autoencoder import data
from autoencoder.config import Config
from bench.measure import pipelines, steps


@pytest.fixture(scope="session")
def prepared():
    return pipelines.prepare(data.load("sample"))


@pytest.fixture(scope="session")
def batch(prepared):
    return pipelines.resident(prepared, Config(), "/CPU:0")()


@pytest.fixture
def subject(request, batch):
    """A warm subject of the mode that the test is parametrised with."""
    subject = steps.build(request.param, Config(), seed=1)
    for _ in range(5):
        subject.synchronise(subject.step(batch))
    return subject
