"""Show what the verdicts are worth: false alarms, power, peers, speed. `nox -s calibrate [-- PART...]`.

Each part leaves a file in results/calibration, with the machine and the commit it comes from; docs/calibration.md shows
them. All of it takes about two hours on 2 cores; nothing else should run meanwhile.
"""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import false_alarms
import peers
import power
import speed

from bench.machine import environment

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "calibration"
WORK = ROOT / "results" / "calibration-runs"


def _false_alarms() -> dict:
    folder = WORK / "false-alarms"
    if not list(folder.glob("*/base.json")):
        false_alarms.record(folder)
    return false_alarms.analyse(folder)


PARTS: dict[str, Callable[[], dict]] = {
    "speed": lambda: {
        "two": speed.compare_two(WORK / "speed"),
        "thousand": speed.compare_thousand(WORK / "speed"),
    },
    "peers": lambda: peers.compare(20, WORK / "peers"),
    "false-alarms": _false_alarms,
    "power-quick": lambda: power.trials(WORK / "power-quick", "quick", every=10),
    "power-standard": lambda: power.trials(WORK / "power-standard", "standard", every=20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)}; default: all")
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for part in parts:
        print(f"== {part}", flush=True)
        found = {
            "part": part,
            "command": f"nox -s calibrate -- {part}",
            "datetime": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": environment.cpu_description(),
            "tensorflow": environment.version("tensorflow-cpu") or environment.version("tensorflow"),
            "commit": environment.commit_info()["id"],
            **PARTS[part](),
        }
        (RESULTS / f"{part}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps({key: value for key, value in found.items() if key != "each"}, indent=1), flush=True)


if __name__ == "__main__":
    main()
