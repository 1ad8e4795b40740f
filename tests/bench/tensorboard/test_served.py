"""The real TensorBoard, as `bench tensorboard` serves it, over HTTP and in a real browser."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from support import patience


@pytest.fixture(scope="module")
def served(finished):
    """The address of the finished run, on any free port."""
    command = [sys.executable, "-m", "bench", "tensorboard", finished[0].folder, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        line = process.stdout.readline()
        yield re.search(r"http://127\.0\.0\.1:\d+", line).group()
        process.kill()


def ask(address, **query):
    """The answer, once the server is up; the plugin sends it compressed, asked for or not."""
    deadline = time.monotonic() + patience.limit(60)
    while True:
        try:
            with urllib.request.urlopen(
                f"{address}?{urllib.parse.urlencode(query)}", timeout=patience.limit(30)
            ) as reply:
                raw = reply.read()
                return json.loads(gzip.decompress(raw) if reply.headers["Content-Encoding"] == "gzip" else raw)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_a_folder_whose_name_looks_like_a_pattern_has_its_profiles_too(finished, names, tmp_path):
    """And the folder where the user stands has files that are called like modules."""
    folder = tmp_path / "br[a]" / "x*?"
    shutil.copytree(finished[0].folder / "tensorboard", folder / "tensorboard")
    for module in ("random", "bench", "tensorboard", "tempfile"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a file of the user')")
    command = [Path(sys.executable).with_name("bench"), "tensorboard", folder, "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()
        runs = ask(f"{address}/data/plugin/profile/runs")
        process.kill()
    assert {run.split("/")[0] for run in runs} == names


@pytest.fixture(scope="module")
def names(finished):
    return {benchmark.fullname.replace("/", "-") for benchmark in finished[0].document.benchmarks}


def test_every_case_is_a_run_with_tools_and_step_times(served, names):
    profile = f"{served}/data/plugin/profile"
    runs = ask(f"{profile}/runs")
    assert {run.split("/")[0] for run in runs} == names
    run = next(run for run in runs if run.startswith("modes-xla-resident"))
    assert "overview_page" in ask(f"{profile}/run_tools", run=run)
    assert ask(f"{profile}/hosts", run=run, tag="overview_page") == [{"hostname": "worker"}]
    overview = ask(f"{profile}/data", run=run, tag="overview_page", host="ALL_HOSTS")
    steps = [table for table in overview if table.get("cols") and table["cols"][0]["id"] == "stepnum"]
    assert steps[0]["rows"]  # without step markers this table is empty


def test_every_case_has_curves_and_a_plot(served, names):
    ask(f"{served}/data/plugins_listing")
    patience.eventually(lambda: names <= ask(f"{served}/data/plugin/scalars/tags").keys(), 60)  # it reads meanwhile
    scalars = ask(f"{served}/data/plugin/scalars/tags")
    for name in names:
        assert {"loss", "seconds_per_step", "steps_per_second", "final_loss"} <= scalars[name].keys()
    plots = ask(f"{served}/data/plugin/images/tags")
    assert all("reconstructions" in plots[name] for name in names)
    assert {"training/originals", "training/reconstructions"} <= plots["training"].keys()


def test_the_browser_shows_the_cases_in_hparams(served, names, finished, browser, tmp_path):
    ask(f"{served}/data/plugins_listing")
    with browser.new_page(viewport={"width": 1600, "height": 900}) as page:
        page.goto(f"{served}/#hparams", wait_until="domcontentloaded")
        page.get_by_text("modes-xla-resident").first.wait_for(timeout=60_000)
        for text in ("steps per second", *names):
            assert page.get_by_text(text, exact=True).first.is_visible(), text
        page.screenshot(path=tmp_path / "hparams.png")
    assert (tmp_path / "hparams.png").stat().st_size > 20_000
