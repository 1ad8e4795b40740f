"""Eager mode, tf.function and XLA on a GPU; skips without one."""

import pytest
from support import gpu_checks


@pytest.fixture(scope="module")
def document(measure):
    return measure("modes", only=("*/resident",), profile=False)


@pytest.mark.parametrize("check", gpu_checks.MODES, ids=lambda check: check.__name__)
def test_modes(check, document, report):
    report.hold(check, document)
