"""The project's commands: each session installs what it needs from constraints.txt, once, and runs one thing."""

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True  # a session that was skipped has checked nothing
nox.options.sessions = ["lint", "typecheck", "tests"]

ROOT = Path(__file__).parent
# TensorFlow 2.21 with its current NumPy and Keras needs one of these; nox itself may run on any other.
PYTHON = None if (3, 11) <= sys.version_info < (3, 14) else "3.13"
DRIVER_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
BENCH_EXTRA = "BENCH_EXTRA"
# The range of TensorFlow that the project works with: that of constraints.txt and these, tested in what workers run.
OLDER_TENSORFLOW = ("2.20.0", "2.19.1")
WORKER_TESTS = ("tests/autoencoder", "tests/bench/backends", "tests/bench/worker", "tests/bench/runs/test_run.py")
PEERS = ("jax", "torch")  # frameworks to compare TensorFlow with, each in an environment of its own
SCRIPTS = ("docker/entry", "docker/slim", "docker/build-id", "docker/slurm.sh", "docker/slurm-multi.sh", ".ci/run")
MICRO_OPTIONS = (
    "--benchmark-enable",
    "--benchmark-only",
    "--benchmark-group-by=func",
    "--benchmark-columns=min,median,iqr,rounds",
)


@nox.session(python=PYTHON)
def bench(session: nox.Session) -> None:
    """Measure this machine; arguments go to `bench run` (nox -s bench -- --preset standard)."""
    install(session, tensorflow_extra(session))
    # An interrupted run ends its workers and saves what it measured; nox would kill it within half a second.
    session.run("bench", "run", *session.posargs, env=called_as(), interrupt_timeout=30, terminate_timeout=30)


@nox.session(python=PYTHON)
def against(session: nox.Session) -> None:
    """Measure beside another version or revision: nox -s against -- tensorflow==2.20.0, jax==0.9.2, or git:REVISION.

    Arguments after it go to `bench run`.
    """
    wanted, *arguments = session.posargs or [""]
    home = other_environment(session, wanted)
    name = wanted.partition("==")[0]
    if name in PEERS:
        session.notify(name, [])  # this side's
        if not any(word.startswith("--experiment") for word in arguments):
            arguments = ["--experiment", "frameworks", "--axis", f"framework={name}", *arguments]
    session.notify("bench", ["--against", f"{home}={home.name.removeprefix('against-')}", *arguments])


@nox.session(python=PYTHON)
def older(session: nox.Session) -> None:
    """Test what workers run with the two minor versions of TensorFlow before; arguments go to pytest."""
    for version in OLDER_TENSORFLOW:
        home = other_environment(session, f"tensorflow=={version}")
        suite = ("-c", f"{home}/versions.txt", "-e", f".[{tensorflow_extra(session)},dev]")
        session.run("uv", "pip", "install", "--quiet", "--python", f"{home}/bin/python", *suite)
        session.run(f"{home}/bin/pytest", *(session.posargs or WORKER_TESTS), external=True)


@nox.session(python=PYTHON)
def jax(session: nox.Session) -> None:
    """Make .nox/jax, in which `bench run --experiment frameworks` measures JAX."""
    install(session, "jax-gpu" if tensorflow_extra(session) == "gpu" else "jax")


@nox.session(python=PYTHON, venv_backend="venv")
def torch(session: nox.Session) -> None:
    """Make .nox/torch, in which it measures PyTorch; arguments go to pip (-- --extra-index-url URL).

    By pip, which takes a build for CPUs where its sources have one: PyPI's for Linux is the one for CUDA.
    """
    install(session, "torch", arguments=session.posargs)


@nox.session(python=False)
def frameworks(session: nox.Session) -> None:
    """Make the environments of all frameworks beside TensorFlow."""
    for name in PEERS:
        session.notify(name, session.posargs if name == "torch" else [])


@nox.session(python=PYTHON)
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments go to pytest."""
    install(session, tensorflow_extra(session), "dev")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    # A file's tests share runs that were made for them. Two at a time: most measure, if only for a second. In the order
    # of tests/conftest.py: by itself xdist leaves the files with few tests, which are the long ones, to the end.
    session.run("pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "--ignore=tests/gpu")
    session.run("pytest", "tests/gpu")  # nothing else may be on the GPU, and its report is for the screen


@nox.session(python=PYTHON)
def micro(session: nox.Session) -> None:
    """Time single pieces in-process with pytest-benchmark: the developer's half-minute loop."""
    install(session, tensorflow_extra(session), "dev")
    # How long a warm-up has to be takes another half minute: nox -s micro -- -k warmup_steps
    session.run("pytest", "tests/micro", *MICRO_OPTIONS, *(session.posargs or ["-k", "not warmup_steps"]))


@nox.session(python=PYTHON)
def calibrate(session: nox.Session) -> None:
    """Show what the verdicts are worth, beside pyperf and asv: two hours; or one of its parts."""
    install(session, tensorflow_extra(session), "calibrate")
    session.run("python", "tests/calibration/run.py", *session.posargs, interrupt_timeout=30, terminate_timeout=30)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Check style with ruff, and with import-linter what may import what (docs/architecture.md)."""
    session.install("-c", "constraints.txt", "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session(python=PYTHON)
def typecheck(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    install(session, "dev")
    session.run("mypy")


@nox.session(python=PYTHON)
def containers(session: nox.Session) -> None:
    """Check what is around the code, without a daemon or a network: images, services, jobs, workflows, scripts.

    `docker/check` builds the image and proves it, with a container engine.
    """
    install(session, "containers")
    session.run("hadolint", *sorted(map(str, Path("docker").glob("*Dockerfile"))))
    for profile in ("gpu", "ranks", "tensorboard"):
        session.run("docker-compose", "-f", "docker/compose.yaml", "--profile", profile, "config", "--quiet")
    for job in ("docker/kubernetes-job.yaml", "docker/kubernetes-indexed-job.yaml"):
        session.run("kubernetes-validate", "--strict", job)
    session.run("shellcheck", *SCRIPTS)
    workflows = sorted(map(str, Path(".github/workflows").glob("*.yml")))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", "--persona", "pedantic", *workflows)


@nox.session(python=PYTHON)
def tensorboard(session: nox.Session) -> None:
    """Serve the newest run on this machine only; arguments go to `bench tensorboard`."""
    install(session)
    session.run("bench", "tensorboard", *session.posargs)


def install(session: nox.Session, *extras: str, arguments: Sequence[str] = ()) -> None:
    """Install the project with these extras, unless that was done with the same constraints before.

    `arguments` go to the installer.
    """
    files = (ROOT / "constraints.txt", ROOT / "pyproject.toml")
    wanted = [",".join(extras), hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()]
    stamp = Path(session.virtualenv.location) / "installed.txt"
    present = stamp.read_text().split("\n") if stamp.exists() else None
    if present == wanted:
        session.log("The environment is up to date.")
        return
    if present and present[0] != wanted[0]:
        # Two builds of TensorFlow share their files: one installed over the other leaves a mixture.
        session.error(
            f"This environment was made for [{present[0]}]. Make it anew: nox --reuse-venv=no -s {session.name}"
        )
    session.install("-c", "constraints.txt", "-e", f".[{wanted[0]}]" if extras else ".", *arguments)
    stamp.write_text("\n".join(wanted))


def other_environment(session: nox.Session, wanted: str) -> Path:
    """An environment with another version of a package, or another revision; uv's progress goes to the terminal."""
    session.install("-c", "constraints.txt", "uv")
    script = ("python", "other_environment.py", wanted, tensorflow_extra(session))
    # Also where nox is to install only: this installs.
    return Path(str(session.run_install(*script, silent=True, stderr=None)).strip()).relative_to(ROOT)


def called_as() -> dict[str, str]:
    """How nox was called, for the commands that the suite prints (bench/output/command.py).

    A path below this folder works as it is. Above it the shell may find the same file by its name, unless a tool that
    runs nox out of its cache has put that in front.
    """
    script = Path(sys.argv[0]).absolute()
    python = Path(sys.executable)
    if script.name == "__main__.py":
        return {"BENCH_NOX": shlex.join([os.path.relpath(python) if below(python) else str(python), "-m", "nox"])}
    if {"uv", "archive-v0"} <= set(script.parts):
        return {"BENCH_NOX": "uvx nox"}
    if {"pipx", ".cache"} <= set(script.parts):
        return {"BENCH_NOX": "pipx run nox"}
    found = shutil.which("nox")
    if not below(script) and found and Path(found).absolute() == script:
        return {"BENCH_NOX": "nox"}
    return {"BENCH_NOX": shlex.quote(os.path.relpath(script) if below(script) else str(script))}


def below(path: Path) -> bool:
    """Whether the path is in this folder."""
    return path.absolute().is_relative_to(Path.cwd())


def tensorflow_extra(session: nox.Session) -> str:
    """`gpu` where an NVIDIA driver is present, else `cpu`; the variable BENCH_EXTRA overrides that."""
    asked = os.environ.get(BENCH_EXTRA)
    if asked is not None:
        if asked not in ("cpu", "gpu"):
            session.error(f"{BENCH_EXTRA}={asked}: it is cpu or gpu.")
        session.log(f"TensorFlow for {asked.upper()}, as {BENCH_EXTRA} says.")
        return asked
    found = next((sign for sign in DRIVER_SIGNS if Path(sign).exists()), None)
    extra = "gpu" if found else "cpu"
    reason = f"{found} is present" if found else "there is no NVIDIA driver"
    session.log(f"TensorFlow for {extra.upper()}: {reason} ({BENCH_EXTRA}=cpu or gpu overrides).")
    return extra
