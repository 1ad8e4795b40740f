"""`bench run` on a machine whose GPU is made of stand-ins."""

import subprocess
import sys

from bench.errors import ExitCode
from bench.results import files
from support import patience


def runner(stand_in, folder):
    """Runs `bench run` and returns its document, its output and its results folder, which is new each time."""

    def call(*arguments, exit_code=ExitCode.OK, **environment):
        out = folder / f"out-{len(list(folder.glob('out-*')))}"
        command = [
            sys.executable,
            "-m",
            "support.gpu_stand_in",
            "run",
            "--out",
            str(out),
            "--data",
            "sample",
            *([] if "--trace-cuda-graphs" in arguments else ["--no-profile"]),
            *([] if "--experiment" in arguments else ["--experiment", "modes"]),
            *arguments,
        ]
        variables = {**stand_in.environment, "COLUMNS": "200", "XDG_CACHE_HOME": str(folder), **environment}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=patience.limit(240), check=False, env=variables
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        folders = [path for path in out.glob("*") if path.is_dir()]
        return (files.read(folders[0] / "result.json") if folders else None), done.stdout + done.stderr, out

    return call


def run_checks(document, checks):
    """The checks that wait for a GPU, on what the stand-ins gave."""
    for check in checks:
        assert check(document)
