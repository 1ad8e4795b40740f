"""One rank of a job with a preset of a few seconds: python -m support.rank_run RANK HOST FOLDER."""

import sys
from pathlib import Path

import msgspec

from bench.errors import BenchError
from bench.launch.place import PORT, Place
from bench.run import execute, job
from bench.run.options import Options
from support.runs import TINY, Listener


def main(rank, host, folder):
    """Lead or follow; the exit code is the command's."""
    options = Options(
        preset=msgspec.structs.replace(TINY, looks=(1,), training_steps=10),
        experiments=("scaling",),
        axes={"strategy": ("single", "multi-worker"), "devices": (2,), "batch_size": (64,)},
        out=Path(folder),
        data="sample",
        device="cpu",
        profile=False,
        place=Place(int(rank), 2, host, PORT, "a test"),
        wait_seconds=120.0,
    )
    try:
        if int(rank):
            return job.follow(options, Listener())
        outcome = execute.run(options, Listener())
        outcome.job.end(outcome.exit_code)
        return outcome.exit_code
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
