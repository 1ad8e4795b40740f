"""Choosing a device on machines made of files."""

import pytest

from bench.errors import UsageError
from bench.machine import device


@pytest.fixture
def machine(tmp_path):
    """A root file system with a driver and two GPUs."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()
    for bus, model, uuid in [
        ("0000:01:00.0", "NVIDIA A100-SXM4", "GPU-aaaa"),
        ("0000:41:00.0", "NVIDIA L4", "GPU-bbbb"),
    ]:
        folder = tmp_path / "proc/driver/nvidia/gpus" / bus
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t {model}\nGPU UUID: \t {uuid}\n")
    return tmp_path


def test_without_a_driver_auto_means_cpu(tmp_path):
    choice = device.choose("auto", environment={}, root=tmp_path)
    assert (choice.kind, choice.why, choice.slug) == ("cpu", "no NVIDIA driver found", "cpu")
    assert choice.environment == {"CUDA_VISIBLE_DEVICES": "-1"}


@pytest.mark.parametrize("sign", ["dev/nvidiactl", "dev/dxg", "proc/driver/nvidia/version"])
def test_any_sign_of_a_driver_means_gpu(tmp_path, sign):
    (tmp_path / sign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / sign).touch()
    assert device.choose("auto", environment={}, root=tmp_path).kind == "gpu"


def test_cpu_is_cpu_whatever_is_there(machine):
    assert device.choose("cpu", environment={}, root=machine).kind == "cpu"


@pytest.mark.parametrize(
    ("gpu", "visible", "identified", "slug"),
    [
        (None, None, "0", "nvidia-a100-sxm4"),
        (None, "1,0", "1", "nvidia-l4"),
        (None, "GPU-bbbb", "GPU-bbbb", "nvidia-l4"),
        ("1", None, "1", "nvidia-l4"),
        ("1", "0,1", "1", "nvidia-l4"),
        ("GPU-aaaa", None, "GPU-aaaa", "nvidia-a100-sxm4"),
        ("GPU-aaaa", "GPU-aa", "GPU-aaaa", "nvidia-a100-sxm4"),
        ("GPU-b", None, "GPU-bbbb", "nvidia-l4"),  # as whoever asks NVML needs it
        ("MIG-0123", None, "MIG-0123", "gpu"),
    ],
)
def test_exactly_one_gpu(machine, gpu, visible, identified, slug):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    choice = device.choose("auto", gpu, environment, machine)
    assert choice.environment == {"CUDA_VISIBLE_DEVICES": identified, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert choice.slug == slug


@pytest.mark.parametrize(
    ("gpu", "visible", "expected"),
    [
        (None, None, ("0", "1")),
        (None, "1,0", ("1", "0")),
        (None, "1", ("1",)),
        (None, "GPU-bbbb,GPU-aa", ("GPU-bbbb", "GPU-aaaa")),
        (None, "0,GPU-aaaa", ("0",)),  # the same one twice
        (None, "1,-1,0", ("1",)),  # CUDA takes none behind one that there is not
        ("1", None, ("1",)),  # one was named
    ],
)
def test_several_gpus_are_all_that_may_be_used(machine, gpu, visible, expected):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    choice = device.choose("auto", gpu, environment, machine, several=True)
    assert choice.gpus == expected
    assert choice.gpu == expected[0]
    assert choice.environment["CUDA_VISIBLE_DEVICES"] == ",".join(expected)


def test_slices_of_a_gpu_are_never_several(machine):
    assert device.choose("auto", None, {"CUDA_VISIBLE_DEVICES": "MIG-01,MIG-23"}, machine, several=True).gpus == (
        "MIG-01",
    )


def test_an_index_is_always_nvidia_smis(machine):
    choice = device.choose("gpu", environment={"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, root=machine)
    assert choice.environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert "as nvidia-smi counts" in choice.why


@pytest.mark.parametrize(
    ("gpu", "visible", "message"),
    [
        ("2", None, "names no GPU of this machine. There are: 0 NVIDIA A100"),
        ("first", None, "neither an index nor a UUID"),
        ("-1", None, "neither an index nor a UUID"),
        ("0", "1", "not among CUDA_VISIBLE_DEVICES=1"),
        ("0", "GPU-bbbb", "not among"),
        (None, "", "hides every GPU.*There are: 0 NVIDIA A100"),
        (None, "-1", "hides every GPU.*1 NVIDIA L4"),
    ],
)
def test_gpus_that_cannot_be_had(machine, gpu, visible, message):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    with pytest.raises(UsageError, match=message):
        device.choose("auto", gpu, environment, machine)


@pytest.mark.parametrize(("kind", "gpu"), [("gpu", None), ("auto", "0")])
def test_a_gpu_without_a_driver_is_an_error(tmp_path, kind, gpu):
    with pytest.raises(UsageError, match="no NVIDIA driver here"):
        device.choose(kind, gpu, {}, tmp_path)


@pytest.mark.parametrize(("visible", "gpu"), [("7", None), ("GPU-cccc", None), (None, "GPU-cccc")])
def test_what_names_no_gpu_is_refused_with_the_gpus_there_are(machine, visible, gpu):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    with pytest.raises(UsageError, match="names no GPU") as caught:
        device.choose("auto", gpu, environment, machine)
    assert "0 NVIDIA A100-SXM4 (GPU-aaaa); 1 NVIDIA L4 (GPU-bbbb)" in str(caught.value)


def test_nvml_knows_better_than_the_drivers_files(machine):
    known = [device.GpuName(i, "NVIDIA L4", f"GPU-{i}") for i in range(3)]
    assert device.choose("auto", "2", {}, machine, known=lambda: known).gpu == "2"
    with pytest.raises(UsageError, match="--gpu 3 names no GPU"):
        device.choose("auto", "3", {}, machine, known=lambda: known)


def test_where_nobody_lists_gpus_any_index_is_tried(tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/dxg").touch()
    assert device.choose("auto", "5", {}, tmp_path).gpu == "5"


def test_a_gpu_whose_uuid_is_not_known_yet_may_be_the_one_that_is_meant(machine):
    (machine / "proc/driver/nvidia/gpus/0000:41:00.0/information").write_text(
        "Model: NVIDIA L4\nGPU UUID: GPU-????????-????-????-????-????????????\n"
    )
    assert device.choose("auto", "GPU-bbbb", {}, machine).gpu == "GPU-bbbb"
    with pytest.raises(UsageError, match="names no GPU"):
        device.choose("auto", "2", {}, machine)


def test_a_beginning_of_several_uuids_is_refused(machine):
    known = [device.GpuName(i, "NVIDIA L4", f"GPU-aa{i}") for i in range(2)]
    with pytest.raises(UsageError, match="beginning of several GPUs"):
        device.choose("auto", "GPU-aa", {}, machine, known=lambda: known)


def test_of_a_gpu_in_mig_mode_a_slice_must_be_chosen_unless_there_is_but_one(machine):
    def known(*slices):
        return lambda: [device.GpuName(0, "NVIDIA A100", "GPU-aaaa", slices)]

    with pytest.raises(UsageError, match=r"MIG mode: choose one of its slices with --gpu\. There are: MIG-1, MIG-2"):
        device.choose("auto", "0", {}, machine, known("MIG-1", "MIG-2"))
    with pytest.raises(UsageError, match="none yet"):
        device.choose("auto", "GPU-aaaa", {}, machine, known())
    assert device.choose("auto", "MIG-2", {}, machine, known("MIG-1", "MIG-2")).gpu == "MIG-2"
    assert device.choose("auto", None, {}, machine, known("MIG-1")).environment["CUDA_VISIBLE_DEVICES"] == "MIG-1"


def test_uuids_do_not_travel(machine):
    choice = device.choose("auto", "GPU-aaaa", {}, machine)
    assert "aaaa" not in choice.why
    assert "6cd51d044073" in choice.why
    assert device.without_uuid("no GPU MIG-0123-45: no") == "no GPU MIG with UUID hash c397381c1da3: no"
    assert device.without_uuid("1,0") == "1,0"


@pytest.fixture
def in_docker(tmp_path):
    """The root file system of a container on a host with a driver, which shows under /proc; no GPU was given."""
    (tmp_path / ".dockerenv").touch()
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").touch()
    return tmp_path


def test_a_container_without_a_gpu_is_told_which_flag_is_missing(in_docker):
    with pytest.raises(UsageError, match=r"the host has an NVIDIA driver, but this container .* --gpus all; or run"):
        device.choose("gpu", environment={}, root=in_docker)
    with pytest.raises(UsageError, match="--gpus all, and take the image for GPUs"):
        device.choose("gpu", environment={"BENCH_IMAGE_FLAVOUR": "cpu"}, root=in_docker)
    with pytest.raises(UsageError, match=r"nvidia\.com/gpu"):
        device.choose("auto", "0", environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, root=in_docker)


def test_the_hosts_driver_alone_does_not_make_a_container_a_gpus(in_docker):
    assert device.driver_sign(in_docker, {}) is None
    choice = device.choose("auto", environment={}, root=in_docker)
    assert (choice.kind, choice.why) == ("cpu", "no NVIDIA driver found")
    choice = device.choose("auto", environment={"BENCH_IMAGE_FLAVOUR": "gpu"}, root=in_docker)
    assert choice.kind == "cpu"
    assert choice.why.endswith("start it with --gpus all")
    (in_docker / "dev").mkdir()
    (in_docker / "dev/nvidiactl").touch()
    assert device.choose("auto", environment={}, root=in_docker).kind == "gpu"
