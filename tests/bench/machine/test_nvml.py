"""NVML is asked through the real nvidia-ml-py, in processes that load a library without a GPU."""

import json
import os
import subprocess
import sys

import pynvml
import pytest
from support import patience, stand_in_nvml

from bench.machine import nvml

ASK = """
import dataclasses, json, sys
from bench.machine import nvml
found = {"gpus": [dataclasses.astuple(gpu) for gpu in nvml.gpus()]}
gpu = nvml.open_gpu(sys.argv[1])
found["absent"] = gpu.absent
found["facts"] = {name: [fact.value, fact.reason] for name, fact in gpu.facts().items()}
found |= {"memory": gpu.memory(), "others": gpu.others(), "read": gpu.read(), "joules": gpu.joules()}
found |= {"pcie": gpu.pcie_generation(), "near": gpu.near_cores()}
found |= {"watts": gpu.watts(), "utilisation": gpu.utilisation(), "one": gpu.admits_one_process}
print(json.dumps(found))
"""


def ask(stand_in, gpu="0", code=ASK):
    command = [sys.executable, "-c", code, gpu]
    environment = stand_in.environment
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=patience.limit(60), check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_a_driver_every_answer_is_none_with_the_reason():
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        gpu = nvml.open_gpu("0")
        assert gpu.absent.startswith("no NVML:")
        assert gpu.memory() == (None, gpu.absent)
        assert gpu.admits_one_process is False
        assert nvml.gpus() is None
    else:
        pynvml.nvmlShutdown()
        pytest.skip("there is a driver here")


@pytest.mark.parametrize("gpu", ["0", "GPU-00000000", "0000:01:00.0", "00000000:01:00.0"])
def test_a_gpu_goes_by_index_uuid_and_address(stand_in, gpu):
    found = ask(stand_in, gpu)
    assert found["absent"] is None
    assert found["facts"]["name"] == ["Stand-in A100", None]


def test_the_slices_of_a_gpu_are_listed_and_each_is_a_gpu(stand_in):
    stand_in.set("scenario", "mig 2")
    found = ask(stand_in, "MIG-00000003")
    assert found["gpus"][0][3] is None
    assert found["gpus"][1][3] == ["MIG-00000002", "MIG-00000003"]
    assert found["facts"]["name"] == ["Stand-in slice", None]


def test_a_list_that_was_seen_to_be_blind_says_nothing():
    others, reason = nvml.Gpu(object(), blind=True).others()
    assert others is None
    assert "not even list our own" in reason


def test_a_data_centre_gpu_tells_everything(stand_in):
    found = ask(stand_in)
    names = [["Stand-in A100", "GPU-00000000", None], ["Stand-in L4", "GPU-00000001", None]]
    assert [gpu[1:] for gpu in found["gpus"]] == names
    assert all(reason is None for _, reason in found["facts"].values())
    values = {name: value for name, (value, _) in found["facts"].items()}
    assert values["memory_bytes"] == 16 * 2**30
    assert (values["power_limit_watts"], values["power_limit_default_watts"]) == (300.0, 400.0)
    assert (values["sm_clock_hertz"], values["memory_clock_hertz"]) == (1_410_000_000, 1_215_000_000)
    assert (values["driver"], values["cuda_driver"], values["compute_capability"]) == ("580.65.06", "13.0", "8.0")
    assert (values["ecc"], values["mig"], values["persistence"], values["compute_mode"]) == (
        True,
        False,
        True,
        "DEFAULT",
    )
    assert (values["applications_clock_hertz"], values["applications_clock_default_hertz"]) == (1_410_000_000,) * 2
    assert (values["clocks_set"], values["mps"], values["near_cores"]) == (False, False, "0-3,8-11,64")
    assert (values["pcie_generation_idle"], values["pcie_generation_max"]) == (1, 4)
    assert "GPU-" not in json.dumps(found["facts"])  # results travel
    assert found["memory"] == [[16 * 2**30, 400 * 2**20], None]
    assert (found["others"], found["watts"], found["utilisation"]) == ([0, None], 100.0, 0.75)
    assert found["read"] == [1_410_000_000, 55, 0]


def test_a_consumer_gpu_that_refuses_half_of_it_tells_the_rest(stand_in):
    stand_in.set("scenario", "consumer")
    found = ask(stand_in)
    refused = {name for name, (value, reason) in found["facts"].items() if value is None and "Not Supported" in reason}
    assert refused == {
        "power_limit_watts",
        "power_limit_default_watts",
        "applications_clock_hertz",
        "applications_clock_default_hertz",
        "ecc",
        "mig",
        "mps",
        "energy_counter",
    }
    assert found["others"] == [None, "NVML: Not Supported"]
    assert (found["watts"], found["joules"][0]) == (None, None)
    assert found["memory"][0] == [16 * 2**30, 400 * 2**20]


def test_a_driver_that_fails_half_way_keeps_its_first_answers(stand_in):
    stand_in.set("scenario", "failing-after 9")
    found = ask(stand_in)
    values = [value for value, _ in found["facts"].values()]
    assert values[0] == "Stand-in A100"
    assert values[-1] is None
    assert found["facts"]["energy_counter"][1] == "NVML: GPU is lost"
    assert found["memory"] == [None, "NVML: GPU is lost"]
    assert found["read"] == [None, None, None]


def test_throttling_is_seen_when_it_comes(stand_in):
    code = (
        "import json, pathlib, sys; from bench.machine import nvml\n"
        "gpu = nvml.open_gpu(sys.argv[1]); before = gpu.read()\n"
        f"pathlib.Path({str(stand_in.state / 'throttle')!r}).write_text({str(0x40 | 0x1)!r})\n"
        "after = gpu.read(); print(json.dumps([before, after, nvml.throttle_reasons(after.throttle_bits)]))"
    )
    before, after, reasons = ask(stand_in, code=code)
    assert (before[0], before[2]) == (1_410_000_000, 0)
    assert after[0] == 900_000_000
    assert reasons == ["hardware thermal slowdown"]  # idling is none


def test_processes_are_counted_whatever_their_numbers_mean(stand_in):
    """A foreign one, and one of ours as a container without the host's process ids sees it."""
    stand_in.set("scenario", "container")
    stand_in.set("foreign", "4000000\n4000001")
    assert ask(stand_in)["others"] == [2, None]
    hold = f"import os; open({str(stand_in.state)!r} + f'/held/{{os.getpid()}}', 'w').write('7000')"
    code = hold + ASK
    found = ask(stand_in, code=code)
    assert found["others"] == [3, None]
    assert found["memory"][0][1] == 400 * 2**20 + 7000


def test_a_gpu_that_cannot_draw_has_nobody_drawing(stand_in):
    stand_in.set("scenario", "headless")
    stand_in.set("foreign", "4000000")
    assert ask(stand_in)["others"] == [1, None]


def test_an_exclusive_gpu_admits_one_process(stand_in):
    stand_in.set("compute-mode", pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)
    found = ask(stand_in)
    assert found["one"] is True
    assert found["facts"]["compute_mode"] == ["EXCLUSIVE_PROCESS", None]


def test_a_driver_before_535_is_asked_by_its_old_names(nvml_library, tmp_path):
    old = stand_in_nvml.compile_into(tmp_path / "old", "-DOLD")
    stand_in = stand_in_nvml.with_state(old, tmp_path / "state")
    found = ask(stand_in)
    assert found["memory"][0] == [16 * 2**30, 400 * 2**20]
    assert found["read"][2] == 0


def test_a_gpu_that_does_not_exist_is_named(stand_in):
    found = ask(stand_in, "7")
    assert found["absent"].startswith("NVML knows no GPU 7")
    assert found["facts"]["name"] == [None, found["absent"]]


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (pynvml.nvmlClocksEventReasonNone, ()),
        (pynvml.nvmlClocksEventReasonGpuIdle | pynvml.nvmlClocksEventReasonApplicationsClocksSetting, ()),
        (
            pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown,
            ("software power cap", "power brake"),
        ),
    ],
)
def test_what_throttles_a_gpu_is_named(bits, reasons):
    assert nvml.throttle_reasons(bits) == reasons


def test_a_new_driver_refuses_applications_clocks_as_deprecated(stand_in):
    stand_in.set("scenario", "new-driver")
    facts = ask(stand_in)["facts"]
    assert facts["applications_clock_hertz"] == [None, "NVML: Requested functionality has been deprecated"]
    assert facts["clocks_set"] == [False, None]


def test_clocks_that_hold_the_gpu_down_are_seen_to_be_set(stand_in):
    stand_in.set("throttle", pynvml.nvmlClocksEventReasonApplicationsClocksSetting)
    facts = ask(stand_in)["facts"]
    assert facts["clocks_set"] == [True, None]
    assert facts["throttled_by"] == ["", None]  # somebody's choice is no interference


def test_a_link_is_read_while_steps_run_and_not_only_at_idle(stand_in):
    assert ask(stand_in)["pcie"] == 1
    stand_in.set("pcie", 4)
    assert ask(stand_in)["pcie"] == 4
    stand_in.set("scenario", "failing-after 9")
    assert ask(stand_in)["pcie"] is None


@pytest.mark.parametrize(
    ("words", "cores", "text"),
    [("3\n3", [0, 1, 64, 65], "0-1,64-65"), ("8000000000000000\n1", [63, 64], "63-64"), ("20", [5], "5")],
)
def test_the_processors_near_a_gpu_are_named(stand_in, words, cores, text):
    stand_in.set("affinity", words)
    found = ask(stand_in)
    assert found["near"] == cores
    assert found["facts"]["near_cores"] == [text, None]


def test_an_empty_list_of_near_processors_is_none(stand_in):
    stand_in.set("affinity", "0\n0")
    found = ask(stand_in)
    assert found["near"] is None
    value, reason = found["facts"]["near_cores"]
    assert (value, "without one in it" in reason) == (None, True)


def test_a_gpu_is_shared_through_mps_where_the_daemon_can_be_reached(stand_in):
    (stand_in.state / "mps").mkdir()
    assert ask(stand_in)["facts"]["mps"] == [False, None]  # as a daemon leaves it that has ended
    (stand_in.state / "mps" / "control").touch()
    assert ask(stand_in)["facts"]["mps"] == [True, None]


def test_a_gpu_is_shared_through_mps_where_its_server_is_on_it(stand_in):
    """Its name is longer than the fifteen characters that Linux keeps."""
    rename = "open('/proc/self/comm', 'w').write('nvidia-cuda-mps-server'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", rename], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        stand_in.set("foreign", f"{os.getpid()}\n{server.pid}")
        assert ask(stand_in)["facts"]["mps"] == [True, None]
        server.communicate(b"\n", patience.limit(60))
    assert ask(stand_in)["facts"]["mps"] == [False, None]  # it is gone, and this process is none


@pytest.mark.parametrize(
    ("bits", "hot"),
    [
        (None, False),
        (0, False),
        (pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonHwSlowdown, False),
        (pynvml.nvmlClocksEventReasonSwThermalSlowdown, True),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown | pynvml.nvmlClocksEventReasonHwSlowdown, True),
    ],
)
def test_heat_is_told_from_other_reasons(bits, hot):
    assert nvml.is_hot(bits) is hot
