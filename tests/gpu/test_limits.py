"""What launching, waiting and copying cost on a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("roofline", only=("function",), profile=False)


@pytest.mark.parametrize("check", gpu_checks.PEAKS, ids=lambda check: check.__name__)
def test_limits(check, document, report):
    report.hold(check, document)
