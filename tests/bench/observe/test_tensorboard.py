"""The real TensorBoard with the profile plugin shows the run's profiles."""

import gzip
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest


@pytest.fixture(scope="module")
def served(finished):
    """The address of a TensorBoard that serves the finished run, as `nox -s tensorboard` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    logdir = finished[0].folder / "tensorboard"
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield f"http://127.0.0.1:{port}/data/plugin/profile"
        process.kill()


def ask(address, **query):
    """The plugin's answer, once the server is up; the plugin sends it compressed, asked for or not."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}?{urllib.parse.urlencode(query)}", timeout=30) as reply:
                raw = reply.read()
                return json.loads(gzip.decompress(raw) if reply.headers["Content-Encoding"] == "gzip" else raw)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_every_case_is_a_run_with_tools_and_step_times(served, finished):
    runs = ask(f"{served}/runs")
    names = {benchmark.fullname.replace("/", "-") for benchmark in finished[0].document.benchmarks}
    assert {run.split("/")[0] for run in runs} == names
    run = next(run for run in runs if run.startswith("modes-xla-resident"))
    assert "overview_page" in ask(f"{served}/run_tools", run=run)
    assert ask(f"{served}/hosts", run=run, tag="overview_page") == [{"hostname": "worker"}]
    overview = ask(f"{served}/data", run=run, tag="overview_page", host="ALL_HOSTS")
    steps = [table for table in overview if table.get("cols") and table["cols"][0]["id"] == "stepnum"]
    assert steps[0]["rows"]  # without step markers this table is empty
