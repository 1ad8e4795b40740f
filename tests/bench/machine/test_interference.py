"""Disturbance: arithmetic on known counters, and real processes that disturb."""

import itertools
import os
import subprocess
import sys
import time

import psutil
import pynvml
import pytest
from support import patience

from bench.machine import interference
from bench.machine.interference import Counters, Watch, window

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the counters are those of Linux")


def counters(clock=0.0, steal=0.0, busy=0.0, ours=0.0, run_delay=0.0, major_faults=0):
    return Counters(clock, steal, busy, ours, run_delay, major_faults)


def test_shares_are_of_all_cores_time():
    found = window(
        counters(),
        counters(clock=2.0, steal=0.4, busy=3.0, ours=2.0, run_delay=1.0, major_faults=7),
        (3, 9),
        None,
        cores=2,
    )
    assert (found.first_round, found.last_round, found.seconds) == (3, 9, 2.0)
    assert found.steal_share == pytest.approx(0.1)
    assert found.others_share == pytest.approx(0.25)
    assert found.run_delay_share == pytest.approx(0.25)
    assert found.interference == ("steal", "others", "major_faults")


def test_what_cannot_be_read_is_none_and_not_marked():
    found = window(Counters(0, None, 0, 0, None, None), Counters(1, None, 0, 0, None, None), (0, 0), None, cores=1)
    assert (found.steal_share, found.run_delay_share, found.major_faults, found.interference) == (None, None, None, ())


def test_a_throttled_gpu_is_marked():
    watch = Watch([])
    watch.after_round(0, 0)
    watch.after_round(1, pynvml.nvmlClocksEventReasonHwThermalSlowdown)
    watch.after_round(2, 0)
    watch.close()
    watch.after_round(3, 0)
    watch.close()
    during, after = watch.windows
    assert during.throttle_reasons == ("hardware thermal slowdown",)
    assert "throttled" in during.interference
    assert after.throttle_reasons == ()
    assert "throttled" not in after.interference


def test_windows_are_long_enough_and_the_last_is_what_is_left(monkeypatch):
    monkeypatch.setattr(interference, "WINDOW_SECONDS", 0.05)
    watch = Watch([])
    for number in range(4):
        time.sleep(0.03)
        watch.after_round(number)
    watch.after_round(4)
    watch.close()
    rounds = [(found.first_round, found.last_round) for found in watch.windows]
    assert rounds[0][0] == 0
    assert rounds[-1][1] == 4
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(rounds))
    watch.close()
    assert len(watch.windows) == len(rounds)  # nothing has happened since


@LINUX
def test_a_busy_stranger_is_seen_and_a_busy_process_of_ours_is_not():
    def computed():
        used = psutil.Process(process.pid).cpu_times()
        return used.user + used.system

    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            began, before, before_ours = computed(), interference.read([]), interference.read([process.pid])
            patience.eventually(lambda: computed() - began > 0.5)
            used, after, after_ours = computed() - began, interference.read([]), interference.read([process.pid])
        finally:
            process.kill()
    as_stranger, as_ours = window(before, after, (0, 0), None), window(before_ours, after_ours, (0, 0), None)
    assert as_stranger.others_share > as_ours.others_share
    seconds = (after.busy - after.ours - before.busy + before.ours) - (
        after_ours.busy - after_ours.ours - before_ours.busy + before_ours.ours
    )
    assert seconds == pytest.approx(used, abs=0.1)  # the kernel counts in hundredths, and not all at the same moment


@LINUX
def test_processes_that_wait_for_a_core_are_seen():
    """Two busy processes pinned to one core: each waits half the time."""
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    pids = [process.pid for process in processes]
    try:
        before = interference.read(pids)
        patience.eventually(lambda: interference.read(pids).run_delay - before.run_delay > 0.3)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@LINUX
def test_peak_memory_is_the_most_there_ever_was():
    code = "import sys; x = bytearray(200 * 2**20); del x; print('done', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        found = interference.host_memory(process.pid)
        process.stdin.close()
    assert found.peak > 200 * 2**20 > found.resident >= found.private > 0


@LINUX
def test_private_memory_is_what_a_fork_does_not_share():
    code = (
        "import os, sys; x = bytearray(b'1') * (100 * 2**20)\n"
        "if os.fork(): os.wait()\n"
        "else: y = bytearray(b'2') * (30 * 2**20); print(os.getpid(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = interference.host_memory(int(process.stdout.readline()))
        process.stdin.close()
    assert found.resident > 130 * 2**20
    assert 30 * 2**20 < found.private < 80 * 2**20


def test_a_process_that_is_gone_counts_nothing(tmp_path):
    assert interference.host_memory(2**22 + 1) == (None, None, None)
    found = interference.read([2**22 + 1])
    assert (found.run_delay or 0, found.major_faults or 0) == (0, 0)
    assert interference.read([], tmp_path / "no-proc").run_delay is None


def test_major_faults_are_the_twelfth_field_behind_any_name(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "stat").write_text("7 (a (strange) name) S 1 7 7 0 -1 4194304 500 0 42 0 10 3 0 0\n")
    assert interference.read([7], tmp_path).major_faults == 42
