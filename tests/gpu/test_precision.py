"""What fewer bits bring on a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("precision", axes={"batch_size": (65_536,)}, profile=False)


@pytest.mark.parametrize("check", gpu_checks.PRECISION, ids=lambda check: check.__name__)
def test_precision(check, document, report):
    report.hold(check, document)
