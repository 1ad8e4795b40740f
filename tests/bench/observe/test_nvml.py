"""NVML is asked, and its absence is no error."""

import pynvml
import pytest

from bench.observe import nvml


def test_without_a_driver_cards_count_as_shared():
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        assert nvml.admits_one_process("0") is False
        assert nvml.admits_one_process("GPU-aaaa") is False
    else:
        pynvml.nvmlShutdown()
        pytest.skip("there is a driver here")


@pytest.mark.parametrize("card", ["1", "GPU-bbbb"])
@pytest.mark.parametrize(
    ("mode", "exclusive"),
    [(pynvml.NVML_COMPUTEMODE_DEFAULT, False), (pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS, True)],
)
def test_the_cards_own_mode_is_what_counts(monkeypatch, card, mode, exclusive):
    calls = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: calls.append("init"))
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: calls.append("shutdown"))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: {1: "handle"}[index])
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: {b"GPU-bbbb": "handle"}[uuid])
    monkeypatch.setattr(pynvml, "nvmlDeviceGetComputeMode", lambda handle: {"handle": mode}[handle])
    assert nvml.admits_one_process(card) is exclusive
    assert calls == ["init", "shutdown"]


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (pynvml.nvmlClocksEventReasonNone, ()),
        (pynvml.nvmlClocksEventReasonGpuIdle | pynvml.nvmlClocksEventReasonApplicationsClocksSetting, ()),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown, ("hardware thermal slowdown",)),
        (
            pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown,
            ("software power cap", "power brake"),
        ),
    ],
)
def test_what_throttles_a_card_is_named(monkeypatch, bits, reasons):
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: "handle")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", lambda handle: bits)
    assert nvml.throttle_reasons("0") == reasons


def test_a_card_that_does_not_say_why_is_no_error(monkeypatch):
    def refuse(handle):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: "handle")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", refuse)
    assert nvml.throttle_reasons("0") is None


def test_driver_and_power_limit(monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: "handle")
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: "580.65.06")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetEnforcedPowerLimit", {"handle": 350_000}.get)
    assert nvml.driver_version("0") == "580.65.06"
    assert nvml.power_limit_watts("0") == 350.0
