"""Signals become one exception, once."""

import os
import signal

import pytest

from bench.errors import Interrupted
from bench.machine import interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_the_second_does_not(number):
    before = signal.getsignal(number)
    with interrupts.raised_as_interrupted():
        with pytest.raises(Interrupted, match=number.name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # ignored while what was measured is saved
    assert signal.getsignal(number) is before
