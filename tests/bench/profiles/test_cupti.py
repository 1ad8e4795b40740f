"""What a worker's log says of CUPTI is quoted, and the likely causes follow."""

from bench.profiles import cupti

LOG = """2026-01-01 00:00:00.1: I cpu_feature_guard.cc:210] optimized
2026-01-01 00:00:00.2: E cupti_error_manager.cc:134] cuptiSubscribe: error 39: CUPTI_ERROR_MULTIPLE_SUBSCRIBERS
2026-01-01 00:00:00.2: E cupti_error_manager.cc:134] cuptiSubscribe: error 39: CUPTI_ERROR_MULTIPLE_SUBSCRIBERS
"""


def test_the_lines_are_quoted_once():
    assert len(cupti.lines(LOG)) == 1
    assert "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS" in cupti.explain(LOG)


def test_the_causes_come_in_order():
    text = cupti.explain("")
    assert text.index("libcupti") < text.index("another profiler") < text.index("NVreg_Restrict")
    assert "log" not in text


def test_a_log_without_an_end_is_not_quoted_whole():
    assert len(cupti.explain("\n".join(f"cupti {i} {'x' * 1000}" for i in range(1000)))) < 1000
