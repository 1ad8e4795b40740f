"""What ends a worker: the death of its parent, even while it is stopped; and want of memory before it ends others."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_SOONER = "500"  # as if it held half of all memory more (proc_pid_oom_score_adj(5))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, `parent`, ends; end at once where it already has.

    A stopped process reads no end of file, so a closed connection alone would not do. Linux only; elsewhere workers
    are never stopped, and the end of file does.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def die_first() -> None:
    """Where memory runs out, have the kernel kill this process before those with what was measured.

    So a case fails for want of memory, and not the run. Linux only; elsewhere, and where it is refused, nothing.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_SOONER)
