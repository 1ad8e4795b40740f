"""What each memory policy takes of a GPU; skips without one."""

import pytest
from support import card_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("memory", only=("*",), profile=False)


@pytest.mark.parametrize("check", card_checks.MEMORY, ids=lambda check: check.__name__)
def test_memory(check, document, report):
    report.hold(check, document)
