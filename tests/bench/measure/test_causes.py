"""What a failing worker's own log adds to its reason."""

from bench.measure import causes

# As logged in tensorflow/tensorflow issue #62075 of a driver that is older than the toolkit.
OLD = "E failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: system has unsupported display driver / cuda driver"


def test_a_known_complaint_in_the_log_is_named_with_its_remedy(tmp_path):
    log = tmp_path / "worker.log"
    log.write_text(OLD)
    said = causes.with_cause("InternalError: no stream", log, "gpu")
    assert said.startswith("InternalError: no stream. Its log says: ")
    assert "different versions" in said
    assert "Reboot" in said


def test_a_log_without_one_or_a_cpu_adds_nothing(tmp_path):
    log = tmp_path / "worker.log"
    assert causes.with_cause("why", log, "gpu") == "why"  # there is no log
    log.write_text("I0000 nothing to complain of")
    assert causes.with_cause("why", log, "gpu") == "why"
    log.write_text(OLD)
    assert causes.with_cause("why", log, "cpu") == "why"
