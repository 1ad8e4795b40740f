"""The commands in the docs: each is run, or checked as far as it goes without measuring for minutes."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from support import patience

from bench.__main__ import main as bench_main
from bench.output.figures import interval, multiple, percent
from bench.report.findings import findings
from bench.results import files
from bench.results.estimates import first_call_seconds
from bench.results.schema import INPUT_OVERHEAD

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BIN = Path(sys.executable).parent
NOTEBOOK_SHA256 = "6de3dccd3349c301aee8f8d0c5eeb4ef74a8039429fb0fac03179890db7b673d"
AROUND = ("docker", "podman", "docker/check", "kubectl", "sbatch", "mkdir")  # commands that are not ours


def commands():
    for page in PAGES[1:]:  # those of the README, in their order: tests/test_readme.py
        for sample in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
            for line in sample.splitlines():
                assert line.startswith("$ "), f"{page.name}: {line!r} is no command"
                yield pytest.param(line.removeprefix("$ "), id=f"{page.name}: {line[2:60]}")


def run(words, cwd):
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(
        words, capture_output=True, text=True, timeout=patience.limit(300), check=False, cwd=cwd, env=environment
    )


def refused(words, monkeypatch, capsys):
    """What a command says on standard error that ends as bad usage; in this process, which is as good for that."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        bench_main()
    assert end.value.code == 2
    return capsys.readouterr().err


def nox_sessions():
    return set(re.findall(r"^@nox\.session.*\ndef (\w+)\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE))


def inside_of_container(words):
    """The words for `bench` in a container's command; None where there are none, and the files it names exist."""
    services = re.findall(r"^  ([a-z-]+):$", (ROOT / "docker/compose.yaml").read_text(), re.MULTILINE)
    files = [word for word in words if word.startswith("docker/")]
    assert all((ROOT / file).is_file() for file in files)
    image = next((i for i, word in enumerate(words) if word.startswith("autoencoder-bench")), None)
    if words[1:2] == ["run"]:
        return ["bench", *without_gpu(words[image + 1 :])]
    if words[1:2] == ["compose"]:
        assert set(words) & set(services) or words[4:6] == ["run", "--rm"], words
        return ["bench", *without_gpu(words[7:])] if words[4] == "run" and words[6] in services else None
    assert files or words == ["mkdir", "-p", "results"]
    return None


def without_gpu(words):
    return words[: words.index("--device")] if "--device" in words else words


@pytest.mark.parametrize("command", list(commands()))
def test_commands_in_the_docs_work(command, tmp_path, monkeypatch, capsys):
    words = shlex.split(command)
    if words[0] in AROUND:
        # `docker/check` does these with an engine; here their files and services exist, and their words are understood.
        words = inside_of_container(words)
        if words is None:
            return
    if any(Path(word).name == "nox" for word in words):
        # Those for a fresh clone are run as they stand by .ci/run.
        assert words[words.index("-s") + 1] in nox_sessions()
        if "against" not in words:
            return
        # How the other environment is made: tests/test_other_environment.py. What follows is for `bench run`.
        other, *arguments = words[words.index("--") + 1 :]
        assert re.fullmatch(r"git:\S+|[a-z]+==[0-9.]+", other)
        words = ["bench", "run", "--against", other, *arguments]
    if words[:2] == ["bench", "run"] and "--help" not in words:
        # Everything up to the data: the options are understood, the cases exist, the device is there.
        if "--against" in words:
            words[words.index("--against") + 1] = f"{sys.executable}=main"
        wrong = ["--data", "no-such-folder", "--out", str(tmp_path)]
        assert "no-such-folder" in refused([*words, *wrong], monkeypatch, capsys)
        return
    if words[:2] in (["bench", "tensorboard"], ["bench", "doctor"]):
        words.append("--help")
    if words[:2] == ["bench", "report"]:
        words[words.index("--out") + 1] = str(tmp_path)
    if words[0] == "python":
        words += ["--steps", "10", "--data", "sample", "--out", str(tmp_path)]
    done = run(words, ROOT)
    assert done.returncode == 0, done.stderr


def test_the_commands_for_a_fresh_clone_are_what_ci_runs():
    ci = (ROOT / ".ci/run").read_text()
    command = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s"
    for page, session in (("README.md", "bench"), ("CONTRIBUTING.md", "tests")):
        assert f"$ {command} {session}\n" in (ROOT / page).read_text()
        for part in f"{command} {session}".replace("install nox", "install -q nox").split(" && "):
            assert part in ci.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_named_files_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for name in re.findall(r"`((?:bench|autoencoder|tests|docs|results)/[\w/.-]+\.\w+)`", text):
        assert (ROOT / name).exists() or name.startswith("results/latest"), name


def test_every_nox_session_and_bench_command_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    for session in nox_sessions():
        assert re.search(rf"nox -s [\w ]*\b{session}\b", text), session
    for command in (
        "run",
        "profile",
        "compare",
        "baseline",
        "report",
        "tensorboard",
        "doctor",
        "list",
        "rank",
        "validate",
    ):
        assert f"bench {command}" in text


@pytest.mark.parametrize("name", ["pipelines", "batch", "roofline", "memory", "scaling", "frameworks", "precision"])
def test_the_tables_of_the_experiments_are_their_reference_runs(name):
    document = files.read(ROOT / "results" / "reference" / f"{name}.json")
    assert (document.autoencoder_bench.status, document.experiment.control.unstable) == ("complete", False)
    text = (ROOT / "docs" / "experiments" / f"{name}.md").read_text()
    for benchmark in document.benchmarks:
        rate = f"{benchmark.extra_info.steps_per_second.value:,.0f}"
        stall = benchmark.extra_info.figures.get(INPUT_OVERHEAD)
        assert f"| {benchmark.name} | {rate} | {percent(stall) if stall and stall.value is not None else ''}" in text
    wrapped = " ".join(text.replace("\n> ", " ").split())
    for sentence in findings(document):
        if not sentence.startswith(("Of ", "The same case")):
            assert sentence in wrapped


def test_the_tables_of_the_comparison_with_another_tensorflow_are_those_of_its_run():
    pair = [f"results/reference/tensorflow-{version}.json" for version in ("2.20", "2.21")]
    done = run(["bench", "compare", *pair, "--format", "markdown"], ROOT)
    assert done.returncode in (0, 3), done.stderr
    page = " ".join((ROOT / "docs" / "compare.md").read_text().split())
    shown = [line for line in done.stdout.splitlines() if line.startswith(("|", "- "))]
    assert len(shown) > 10
    for line in shown:
        assert line in page
    base, new = (files.read(ROOT / path).autoencoder_bench for path in pair)
    assert (base.software.tensorflow[:4], new.software.tensorflow[:4]) == ("2.20", "2.21")
    assert f"--preset {new.plan.preset}" in page


def test_the_tables_of_the_calibration_are_its_last_results():
    done = run([sys.executable, "tests/calibration/tables.py"], ROOT)
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "calibration.md").read_text()
    tables = [sample for sample in done.stdout.split("\n\n") if sample.startswith("|")]
    parts = list((ROOT / "results" / "calibration").glob("*.json"))
    assert len(tables) == 1 + len(parts) > 1  # the first says from which commit each part is
    for table in tables:
        assert table in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_headings_that_exist(page):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
        assert anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], anchor


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


def test_the_notebook_is_the_original():
    cells = json.loads((ROOT / "docs" / "notebook" / "notebook.ipynb").read_text())["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    assert hashlib.sha256(text.encode()).hexdigest() == NOTEBOOK_SHA256


def test_the_figures_of_the_exercises_are_those_of_the_reference_runs():
    page = " ".join((ROOT / "docs" / "notebook.md").read_text().split())
    quick, batch, roofline = (
        files.read(ROOT / "results" / "reference" / f"{name}.json") for name in ("quick", "batch", "roofline")
    )
    modes = {benchmark.name: benchmark.extra_info for benchmark in next(quick.parts()).benchmarks}
    for name in ("eager", "function", "xla"):
        info = modes[f"{name}/resident"]
        first, rate = median(map(first_call_seconds, info.processes)), info.steps_per_second.value
        row = f"| {name}/resident | {first:.2f} s | {rate:,.0f} | {1e3 / rate:.3g} ms |"
        assert row in page
    speedup = modes["function/resident"].speedup_over_eager
    assert f"{multiple(speedup.value)} {interval(speedup)}" in page
    for name in ("eager", "function", "xla"):
        assert percent(modes[f"{name}/notebook"].figures[INPUT_OVERHEAD]) in page
    for document, name in ((batch, "xla/64"), (batch, "xla/256"), (batch, "xla/1024"), (batch, "xla/4096")):
        info = next(one.extra_info for one in document.benchmarks if one.name == name)
        assert f"{int(name.removeprefix('xla/')) * info.steps_per_second.value:,.0f}" in page
    for name in ("eager", "eager-fused"):
        info = next(one.extra_info for one in roofline.benchmarks if one.name == name)
        assert re.search(rf"`{name}`[^`]* {info.steps_per_second.value:,.0f}\b", page)
