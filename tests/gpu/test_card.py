"""What only a card can answer. Skips without one; with one: `nox -s tests -- tests/gpu` prints the report."""

import card_checks
import pytest


@pytest.mark.parametrize("check", card_checks.CHECKS, ids=lambda check: check.__name__)
def test_card(check, results, report):
    title = check.__name__.replace("_", " ")
    try:
        lines = check(*results)
    except Exception as error:  # whatever it is, the report is what comes back from a machine we do not have
        report.append(f"FAILED  {title}: {type(error).__name__}: {error}")
        raise
    report.append(f"ok      {title}")
    report.extend(f"        {line}" for line in lines)
