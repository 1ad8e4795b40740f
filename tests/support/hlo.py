"""What XLA says of the loops in a compiled function."""

import re


def trip_counts(function, *arguments):
    """Of each loop in the optimized program the number of turns, None where XLA does not know it."""
    text = function.experimental_get_compiler_ir(*arguments)(stage="optimized_hlo")
    # WhileLoopBackendConfig of openxla/xla, xla/xla_data.proto, as the pass while-loop-trip-count-annotator leaves it.
    loops = [line for line in text.splitlines() if re.search(r" while\(", line)]
    found = [re.search(r'"known_trip_count":{"n":"(\d+)"}', line) for line in loops]
    return [int(match[1]) if match else None for match in found]
