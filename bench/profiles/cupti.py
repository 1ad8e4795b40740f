"""Why a trace has nothing of the GPU: what CUPTI said of it, and the likely causes."""

_MOST_LINES = 3
_LONGEST = 160

CAUSES = (
    "Of these the likeliest first: libcupti is not found (the extra `gpu` brings it), another profiler is attached, "
    "or the driver is restricted (NVreg_RestrictProfilingToAdminUsers=0)"
)


def lines(log: str) -> list[str]:
    """The first lines about CUPTI in a worker's log."""
    found = [line.strip()[:_LONGEST] for line in log.splitlines() if "cupti" in line.lower()]
    return list(dict.fromkeys(found))[:_MOST_LINES]


def explain(log: str) -> str:
    """No events of the GPU: the worker's own lines about it, and the causes in order."""
    said = f" The worker's log: {'; '.join(quoted)}." if (quoted := lines(log)) else ""
    return f"the trace holds no events of the GPU.{said} {CAUSES}."
