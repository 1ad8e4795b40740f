"""`python -m support.stand_in_nsys profile [OPTION...] COMMAND...`: Nsight Systems without its tracing, for tests.

It knows the options below and no others, takes down what it was given as JSON in $NSYS_RECORD, runs the command as it
was given, and leaves a report where one is expected. $NSYS_EXIT is what it then exits with, whatever the command said;
$NSYS_NO_REPORT has it leave none, as where the capture range never begins.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# Option and values: NVIDIA Nsight Systems User Guide, "CLI Profile Command Switch Options", of which each comment is.
OPTIONS = {
    # "Select the API(s) to be traced"; several are "separated by commas only (no spaces)"
    "--trace": r"(cuda|nvtx|osrt)(,(cuda|nvtx|osrt))*",
    # "process-tree, system-wide, xhv, xhv-system-wide, none"
    "--sample": r"process-tree|system-wide|none",
    # "process-tree, system-wide, none"
    "--cpuctxsw": r"process-tree|system-wide|none",
    # "none, cudaProfilerApi, hotkey, nvtx"
    "--capture-range": r"none|cudaProfilerApi|hotkey|nvtx",
    # "range@domain, range, range@*, none"; "applicable only when used along with --capture-range=nvtx"
    "--nvtx-capture": r"[^@]+(@[^@]+)?",
    # "none, stop, stop-shutdown, repeat[:N], repeat-shutdown:N"
    "--capture-range-end": r"none|stop|stop-shutdown|repeat(:\d+)?|repeat-shutdown:\d+",
    # "graph, node"
    "--cuda-graph-trace": r"graph|node",
    # "true, false"
    "--force-overwrite": r"true|false",
    # "Any %q{ENV_VAR} pattern [...], any %h pattern [...], any %p pattern [...], any %% pattern will be substituted"
    "--output": r"([^%]|%%)+",
}


def main(words: list[str]) -> int:
    """Do as asked; returns the exit code."""
    assert words[0] == "profile", words
    count = next(place for place, word in enumerate(words[1:]) if not word.startswith("-"))
    # "When long options are used, the switch should be followed by an equal sign and then the parameter(s)"
    options = dict(word.split("=", 1) for word in words[1 : count + 1])
    for name, value in options.items():
        assert re.fullmatch(OPTIONS[name], value), (name, value)
    command = words[count + 1 :]
    record = {"options": options, "command": command, "variables": dict(os.environ)}
    Path(os.environ["NSYS_RECORD"]).write_text(json.dumps(record))
    code = subprocess.run(command, check=False).returncode
    if "NSYS_NO_REPORT" not in os.environ:
        # "Default is report#{.nsys-rep,...}": the ending is added to the name
        Path(options["--output"].replace("%%", "%") + ".nsys-rep").write_text("a report\n")
    # The guide does not say what it exits with after an application that failed: tests try both.
    return int(os.environ.get("NSYS_EXIT", code))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
