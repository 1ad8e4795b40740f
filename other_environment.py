"""Make an environment with another version of a package, or another revision of this suite, to measure side by side.

`nox -s against` runs it, with uv on the path: python other_environment.py tensorflow==2.20.0 cpu
It prints the environment's folder below .nox, which is kept, and made again only if what it is made from has changed.
"""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
# The extra `cpu` has one or the other, which share their files, and the extra `gpu` has the first; JAX is two packages.
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax", "jaxlib")}
# What else is an environment's framework has an extra of its own, by the extra that TensorFlow would have here.
EXTRAS = {"jax": {"cpu": "jax", "gpu": "jax-gpu"}, "torch": {"cpu": "torch", "gpu": "torch"}}


class NotMade(Exception):
    """There is no such environment; the message names what was asked for and the remedy."""


@dataclass(frozen=True)
class Package:
    """Another version of a package, beside this working tree."""

    name: str
    version: str

    @property
    def label(self) -> str:
        """Its name in the comparison."""
        return f"{self.name}-{self.version}"

    @property
    def made_from(self) -> str:
        """What the environment depends on: the other versions too."""
        pins = b"".join(file.read_bytes() for file in (CONSTRAINTS, ROOT / "pyproject.toml"))
        return f"{self.name}=={self.version} {hashlib.sha256(pins).hexdigest()}"

    def install(self, home: Path, extra: str) -> None:
        """Into the empty environment `home`; versions of constraints.txt are kept as far as they fit."""
        extra = EXTRAS.get(self.name, {}).get(extra, extra)
        asked, versions = home / "asked.txt", home / "versions.txt"
        names = DISTRIBUTIONS.get(self.name, (self.name,))
        asked.write_text("".join(f"{name}=={self.version}\n" for name in names))
        shutil.copy(CONSTRAINTS, versions)  # uv prefers the versions in the file that it is about to write
        extras = ("--extra", extra, "--extra", "dev")
        command = ("uv", "pip", "compile", "--quiet", "--python", str(python(home)), *extras, "-c", str(asked))
        if run(*command, "-o", str(versions), "pyproject.toml"):
            raise NotMade(
                f"{self.name}=={self.version} cannot be had with this suite on Python {platform.python_version()}; uv "
                "says why. pyproject.toml has the ranges that the suite allows, and docs/platforms.md the versions of "
                "TensorFlow that it is tested with, each with its versions of Python."
            )
        install(home, f".[{extra}]", versions)
        if all(run("uv", "pip", "show", "--quiet", "--python", str(python(home)), name) for name in names):
            raise NotMade(f"{self.name}=={self.version}: what is measured does not use {self.name}.")


@dataclass(frozen=True)
class Revision:
    """Another revision of this suite, with the versions of its own constraints.txt."""

    commit: str

    @property
    def label(self) -> str:
        """Its name in the comparison."""
        return self.commit[:10]

    @property
    def made_from(self) -> str:
        """What the environment depends on."""
        return self.commit

    def install(self, home: Path, extra: str) -> None:
        """Into the empty environment `home`, from a clone in it: a checkout says which commit it is."""
        source = home / "source"
        if run("git", "clone", "--quiet", "--no-checkout", str(ROOT), str(source)) or run(
            "git", "-C", str(source), "checkout", "--quiet", "--detach", self.commit
        ):
            raise NotMade(f"{self.commit} could not be checked out; git says why.")
        install(home, f"{source}[{extra}]", source / "constraints.txt")


def parse(text: str) -> Package | Revision:
    """What to compare with. Raises NotMade where there is no such thing."""
    if text.startswith("git:"):
        return revision(text)
    package = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9A-Za-z.]*)", text)
    if package and re.search(rf"^{package[1]}==", CONSTRAINTS.read_text(), re.MULTILINE):
        return Package(*package.groups())
    raise NotMade(
        f"{text!r} is nothing to compare with. Name tensorflow==VERSION, jax==VERSION, another package of "
        "constraints.txt in the same way, or git:REVISION of this repository."
    )


def revision(text: str) -> Revision:
    """That of git:REVISION, by its full hash.

    Raises NotMade where there is none, or the two cannot be measured side by side.
    """
    if not shutil.which("git"):
        raise NotMade(f"{text}: git is not installed.")
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text.removeprefix('git:')}^{{commit}}")
    if not commit:
        raise NotMade(
            f"{text}: this repository has no such revision. Look with `git log --oneline --all`, or `git fetch` it."
        )
    theirs, ours = protocol(commit), protocol()
    if theirs != ours:
        raise NotMade(
            f"{text}: its workers speak protocol {theirs or 'none'}, those of this working tree {ours}: they cannot "
            "take turns. Run each by itself, and `bench compare` the results."
        )
    return Revision(commit)


def protocol(*commit: str) -> str:
    """The version of the worker protocol at a commit, or in the working tree; empty where there is none."""
    return git("grep", "-h", "-E", "^PROTOCOL_VERSION = [0-9]+$", *commit, "--", "bench").rpartition(" ")[2]


def git(*arguments: str) -> str:
    """What git says of this repository; empty where it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


def make(other: Package | Revision, extra: str, below: Path) -> Path:
    """The environment's folder, made unless it is there, complete and of the same. Raises NotMade, and leaves none."""
    home = below / f"against-{other.label}"
    stamp, wanted = home / "made-from.txt", f"{other.made_from} {extra} {platform.python_version()}\n"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        if run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(home)):
            raise NotMade(f"{home} could not be made; uv says why.")
        try:
            other.install(home, extra)
        except NotMade:
            shutil.rmtree(home)
            raise
        stamp.write_text(wanted)
    return home


def install(home: Path, what: str, constraints: Path) -> None:
    """Install the suite, editable; the output goes to standard error."""
    if run("uv", "pip", "install", "--python", str(python(home)), "-c", str(constraints), "-e", what):
        raise NotMade(f"{what} could not be installed into {home}; uv says why.")


def python(home: Path) -> Path:
    """The interpreter of an environment."""
    return home / "bin" / "python"


def run(*command: str) -> int:
    """Run it at the top of the repository and return its exit code; standard output is for the folder alone."""
    return subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode


def main(wanted: str, extra: str) -> None:
    """Make it and print its folder."""
    try:
        print(make(parse(wanted), extra, ROOT / ".nox"))
    except NotMade as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
