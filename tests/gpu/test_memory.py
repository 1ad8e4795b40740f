"""What each memory policy takes of a card; skips without one."""

import card_checks
import pytest


@pytest.fixture(scope="module")
def document(measure):
    return measure("memory", only=("*",), profile=False)


@pytest.mark.parametrize("check", card_checks.MEMORY, ids=lambda check: check.__name__)
def test_memory(check, document, report):
    report.hold(check, document)
