"""Containers, told apart by what each leaves to be seen, and how each gets a GPU."""

import pytest

from bench.machine import container


@pytest.mark.parametrize(
    ("sign", "environment", "kind"),
    [
        (".dockerenv", {}, "docker"),
        ("run/.containerenv", {}, "podman"),
        (None, {"container": "podman", "BENCH_IMAGE_FLAVOUR": "cpu"}, "podman"),
        (".dockerenv", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        (None, {"APPTAINER_CONTAINER": "x.sif"}, "singularity"),
        (None, {"BENCH_IMAGE_FLAVOUR": "cpu"}, "container"),
        (None, {}, None),
    ],
)
def test_containers_are_told_apart(tmp_path, sign, environment, kind):
    if sign:
        (tmp_path / sign).parent.mkdir(exist_ok=True)
        (tmp_path / sign).touch()
    assert container.kind(tmp_path, environment) == kind
    if kind:
        assert container.how_to_get_a_gpu(kind, {})


def test_the_image_for_cpus_names_the_other_one():
    assert "EXTRA=gpu" in container.how_to_get_a_gpu("docker", {"BENCH_IMAGE_FLAVOUR": "cpu"})
    assert "EXTRA=gpu" not in container.how_to_get_a_gpu("docker", {"BENCH_IMAGE_FLAVOUR": "gpu"})


@pytest.mark.parametrize(("given", "revision"), [("", None), ("main", None), ("0a1b2c3d", "0a1b2c3d")])
def test_a_revision_is_a_commit_or_nothing(tmp_path, given, revision):
    assert container.revision(tmp_path / "venv") is None
    (tmp_path / "revision").write_text(given + "\n")
    assert container.revision(tmp_path / "venv") == revision


@pytest.mark.parametrize(("mapping", "mapped"), [("0 0 4294967295", False), ("0 1000 1\n1 100000 65536", True)])
def test_users_of_a_rootless_container_have_other_numbers_outside(tmp_path, mapping, mapped):
    assert not container.maps_users(tmp_path)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/uid_map").write_text(f"         {mapping}\n")
    assert container.maps_users(tmp_path) == mapped
