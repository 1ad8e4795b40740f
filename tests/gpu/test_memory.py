"""What each memory policy takes of a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("memory", only=("*",), profile=False)


@pytest.mark.parametrize("check", gpu_checks.MEMORY, ids=lambda check: check.__name__)
def test_memory(check, document, report):
    report.hold(check, document)
