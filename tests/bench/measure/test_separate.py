"""What makes a profile fail, and that it costs the profile alone."""

from types import SimpleNamespace

import msgspec
import pytest

from bench.launch.worker import Timeouts, WorkerFailed
from bench.machine.nvml import Gpu
from bench.measure import separate
from bench.measure.settings import Settings
from bench.plan.case import Case
from bench.plan.preset import PRESETS
from bench.protocol import ProfileTaken
from bench.results.record import USUAL_TRACERS, Tracers

LOG = "E cupti_error_manager.cc:134] cuptiSubscribe: error 39: CUPTI_ERROR_MULTIPLE_SUBSCRIBERS\n"
WHOLE = {"step_markers": 20, "events": 900, "device_events": 300, "python_events": 0, "gpu": None, "gpu_reason": None}


@pytest.fixture
def take(tmp_path):
    """A profile of a worker that answers so, and wrote that log."""

    def take(answer, tracers=USUAL_TRACERS, steps_per_call=1):
        (tmp_path / "a.log").write_text(LOG)
        case = Case(experiment="modes", mode="xla", pipeline="resident")
        process = SimpleNamespace(
            entry=SimpleNamespace(case=case),
            prepared=SimpleNamespace(steps_per_call=steps_per_call),
            is_compiled=True,
            worker=None,
        )
        asked = []

        def ask(process, request, expected, seconds):
            asked.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        repetition = SimpleNamespace(processes=[process], ask_afterwards=ask, log=lambda entry: tmp_path / "a.log")
        settings = Settings(
            device="gpu",
            gpu=Gpu(absent="stand-in"),
            tf32=None,
            seed=1,
            preset=PRESETS["quick"],
            timeouts=Timeouts.for_device("gpu"),
            folder=tmp_path,
            tracers=tracers,
        )
        return separate.take_profile(repetition, process, settings), asked

    return take


def test_a_whole_trace_is_ok_and_says_what_it_was_taken_with(take):
    tracers = Tracers(host=3, python=True, device=True)
    profile, asked = take(ProfileTaken(**WHOLE), tracers)
    assert (profile.status, profile.reason, profile.tracers) == ("ok", None, tracers)
    assert (asked[0].calls, asked[0].tracers) == (20, tracers)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"events": 0, "step_markers": 0, "device_events": 0}, "the trace is empty"),
        ({"step_markers": 19}, "19 step markers of 20"),
        ({"device_events": 0}, "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS"),
        ({"device_events": 0}, "libcupti is not found"),
    ],
)
def test_a_trace_that_lacks_something_fails_with_the_reason(take, changed, reason):
    profile, _ = take(ProfileTaken(**WHOLE | changed))
    assert profile.status == "failed"
    assert reason in profile.reason


def test_a_gpu_that_was_not_to_be_traced_is_not_missed(take):
    profile, _ = take(ProfileTaken(**WHOLE | {"device_events": 0}), Tracers(device=False))
    assert profile.status == "ok"


def test_a_worker_that_fails_costs_the_profile(take):
    profile, _ = take(WorkerFailed("killed by SIGSEGV"))
    assert (profile.status, profile.reason) == ("failed", "killed by SIGSEGV")
    assert msgspec.json.decode(msgspec.json.encode(profile))["breakdown"] is None


def test_of_calls_that_do_many_steps_enough_are_traced_to_tell_how_far_apart_they_begin(take):
    profile, asked = take(ProfileTaken(**WHOLE), steps_per_call=25)
    assert (asked[0].calls, profile.steps) == (3, 75)


def test_what_xla_compiled_is_traced_without_its_cuda_graphs_and_says_so(take):
    assert take(ProfileTaken(**WHOLE))[0].cuda_graphs is False
