"""One term for one thing: words that were used for something which has a better-known name are found nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Each with the field's own term, where a reader wonders what to write.
FORBIDDEN = {
    r"lead-?ins?": "warm-up of a sample",
    r"replicates?": "process",
    r"cohorts?": "repetition",
    r"twins?": "A/A control",
    r"ceilings?": "roofline",
    r"stalls?": "input overhead",
    r"disturbances?": "interference",
    r"in force": "applied",
    r"cards?": "GPU",
    r"pictures?": "plot",
    r"vanished": "missing",
    r"sleepy": "power-saving",
    r"not one number": "no single throughput",
    r"among the others": "relative to the other cases",
    r"microseconds?": "µs",
    r"[0-9] %": "18%",
}
# They read results of the old terms, or say what became of those.
OLDER = {"bench/results/upgrade.py", "bench/results/to_3.py", "docs/format.md", "CHANGELOG.md"}
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("bench/**/*.py", "bench/**/*.html", "autoencoder/**/*.py", "docs/**/*.md", "*.md", "*.py")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("name", FILES)
def test_no_file_has_another_word_for_it(name):
    if name in OLDER:
        return
    text = (ROOT / name).read_text()
    for word, better in FORBIDDEN.items():
        found = re.search(rf"(?<![\w-])(?:{word})(?![\w-])", text, re.IGNORECASE)
        assert not found, f"{found[0]!r} in {name}: {better}"


def test_such_a_word_is_found():
    assert re.search(r"(?<![\w-])(?:cohorts?)(?![\w-])", "of four Cohorts.", re.IGNORECASE)
    assert len(FILES) > 150
