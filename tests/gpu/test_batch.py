"""Where arithmetic begins on a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("batch", only=("function/*",), profile=False)


@pytest.mark.parametrize("check", gpu_checks.BATCH, ids=lambda check: check.__name__)
def test_batch(check, document, report):
    report.hold(check, document)
