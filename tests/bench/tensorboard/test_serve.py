"""What is said before the server starts, and what keeps it from starting."""

import socket

import pytest

from bench.errors import UsageError
from bench.machine import container
from bench.tensorboard import serve


def test_a_run_folder_and_its_logdir_mean_the_same(finished):
    folder = finished[0].folder
    assert serve.logdir_of(folder) == serve.logdir_of(folder / "tensorboard") == folder / "tensorboard"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        serve.logdir_of(tmp_path / "nowhere")


def test_a_run_that_was_ended_before_it_measured_has_nothing_to_show(tmp_path):
    (tmp_path / "tensorboard").mkdir()
    with pytest.raises(UsageError, match="nothing for TensorBoard"):
        serve.logdir_of(tmp_path)


def test_a_port_in_use_is_named_with_the_remedy():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=rf"Port {port} of 127\.0\.0\.1 .* in use.* --port"):
            serve.free_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70])
def test_a_host_that_nobody_knows_is_named(host):
    with pytest.raises(UsageError, match=f"of {host}"):
        serve.free_port(host, 6006)


def test_how_to_get_there_from_elsewhere_is_said_on_loopback_alone(finished):
    logdir = finished[0].folder / "tensorboard"
    assert any("ssh -L 6007:127.0.0.1:6007" in line for line in serve.lines(logdir, "127.0.0.1", 6007))
    assert any("ssh -L 6007:[::1]:6007 " in line for line in serve.lines(logdir, "::1", 6007))
    everywhere = "\n".join(serve.lines(logdir, "0.0.0.0", 6007))
    assert "no password" in everywhere
    assert "ssh" not in everywhere


def test_in_a_container_it_says_how_to_be_reached(finished, monkeypatch):
    logdir = finished[0].folder / "tensorboard"
    monkeypatch.setattr(container, "kind", lambda: "docker")
    assert any("--host 0.0.0.0" in line for line in serve.lines(logdir, "127.0.0.1", 6007))
    monkeypatch.setattr(container, "kind", lambda: None)
    assert not any("--host 0.0.0.0" in line for line in serve.lines(logdir, "127.0.0.1", 6007))


def test_a_run_without_traces_says_so(tmp_path):
    (tmp_path / "events.out.tfevents.1.bench").touch()
    assert any("No traces" in line for line in serve.lines(tmp_path, "::1", 6006))
