"""What the profiler tells of a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("modes", only=("function/resident", "xla/resident"), trace_cuda_graphs=True)


@pytest.mark.parametrize("check", gpu_checks.TRACES, ids=lambda check: check.__name__)
def test_traces(check, document, report):
    report.hold(check, document)
