"""The fingerprint: equal for equal machines, different where speed may differ."""

import msgspec
import numpy as np
import pytest
from support.documents import document, simulate

from bench.results.record import Fact


@pytest.fixture
def samples():
    return simulate(np.random.default_rng(1))


def of(samples, **changes):
    return document(samples, **changes).autoencoder_bench.fingerprint


def test_it_does_not_depend_on_what_was_measured_or_how_the_run_is_called(samples):
    assert of(samples) == of(simulate(np.random.default_rng(2)), label="another", day=3)


@pytest.mark.parametrize("change", [{"cpu": "Xeon"}, {"gpu": "H100"}, {"tensorflow": "2.22.0"}])
def test_hardware_and_software_change_it(samples, change):
    assert of(samples, **change).sha256 != of(samples).sha256


def test_which_gpu_is_used_is_no_part_of_it_and_other_variables_are():
    from bench.recording import fingerprint

    found = document(simulate(np.random.default_rng(1)))
    section = found.autoencoder_bench

    def with_environment(**variables):
        device = msgspec.structs.replace(section.device, environment=variables)
        return fingerprint.take(found.machine_info, device, section.software, {}).sha256

    assert with_environment(CUDA_VISIBLE_DEVICES="1") == with_environment(CUDA_VISIBLE_DEVICES="0")
    assert with_environment(TF_ENABLE_ONEDNN_OPTS="0") != with_environment()


def test_settings_of_the_machine_are_part_of_it_and_its_temperature_is_not():
    from bench.recording import fingerprint

    found = document(simulate(np.random.default_rng(1)))
    section = found.autoencoder_bench

    def with_facts(**facts):
        values = {name: Fact(value=value) for name, value in facts.items()}
        return fingerprint.take(found.machine_info, section.device, section.software, {"gpu": values, "cpu": values})

    assert with_facts(ecc=True).sha256 != with_facts(ecc=False).sha256
    assert with_facts(governor="powersave").software["cpu_governor"] == "powersave"
    assert with_facts(celsius=40, ecc=None).sha256 == with_facts(celsius=80).sha256


@pytest.mark.parametrize(
    ("facts", "restriction"),
    [
        ({"cpu": {"usable_threads": 2}}, {}),
        ({"cpu": {"usable_threads": 1}}, {"usable_cores": 1}),
        ({"container": {"cpu_limit": 1.5}}, {"cpu_limit": 1.5}),
        ({"container": {"cpu_limit": 8.0}}, {}),
    ],
)
def test_cores_that_may_not_be_used_are_no_part_of_the_hardware(facts, restriction):
    from bench.recording import fingerprint

    found = document(simulate(np.random.default_rng(1)))  # of a machine with two cores
    section = found.autoencoder_bench
    known = {group: {name: Fact(value=value) for name, value in of.items()} for group, of in facts.items()}
    hardware = fingerprint.take(found.machine_info, section.device, section.software, known).hardware
    assert hardware == section.fingerprint.hardware | restriction


def test_the_version_of_another_framework_that_took_part_is_part_of_it():
    from bench.recording import fingerprint

    found = document(simulate(np.random.default_rng(1)))
    section = found.autoencoder_bench

    def with_jax(version):
        facts = {"jax": {"jax": Fact(value=version), "threads": Fact(value=2)}}
        return fingerprint.take(found.machine_info, section.device, section.software, facts)

    assert with_jax("0.10.2").software["jax"] == "0.10.2"
    assert with_jax("0.10.2").sha256 != with_jax("0.9.0").sha256
