"""The summary for the page of a CI job: appended where the environment says, and nothing in it is markup."""

import msgspec
import numpy as np
from support.documents import document, simulate

from bench.report import job_summary


def test_it_is_appended_to_the_file_that_the_environment_names(tmp_path):
    found = document(simulate(np.random.default_rng(1)))
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    job_summary.write(found, {"GITHUB_STEP_SUMMARY": str(path)})
    text = path.read_text()
    assert text.startswith("before\n## EPYC")
    assert text.index("Speedup over eager") < text.index("| case |")
    assert text.count("\n| xla/resident |") == 1


def test_without_the_variable_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job_summary.write(document(simulate(np.random.default_rng(1))), {})
    assert not list(tmp_path.iterdir())


def test_names_from_elsewhere_are_text():
    found = document(simulate(np.random.default_rng(1)))
    section = found.autoencoder_bench
    device = msgspec.structs.replace(section.device, name="<img src=x> [a](b) | *")
    changed = msgspec.structs.replace(found, autoencoder_bench=msgspec.structs.replace(section, device=device))
    text = job_summary.markdown(changed)
    assert r"\<img src=x\> \[a\](b) \| \*" in text
    assert "<img" not in text.replace(r"\<img", "")
