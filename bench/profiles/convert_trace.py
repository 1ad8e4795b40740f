"""The child that reads a trace with xprof's converter, which is native code: `python -m bench.profiles.convert_trace`.

Takes the trace's path, and prints what the tools say as one JSON object. Works on a copy, since the converter leaves
files beside what it reads.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

TOOLS = ("overview_page", "framework_op_stats")


def main() -> None:
    """Convert the trace that is named on the command line."""
    from xprof.convert.raw_to_tool_data import xspace_to_tool_data

    with tempfile.TemporaryDirectory(prefix="bench-trace-") as folder:
        trace = Path(sys.argv[1])
        copy = shutil.copyfile(trace, Path(folder) / trace.name)  # without its rights, which may be refused
        found = {}
        for tool in TOOLS:
            data, _ = xspace_to_tool_data([str(copy)], tool, {})
            found[tool] = json.loads(data) if data else None
    print(json.dumps(found))


if __name__ == "__main__":
    main()
