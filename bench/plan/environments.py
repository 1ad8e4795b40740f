"""Variables of the environment that a case runs under: how they are written, which are refused, when they are read."""

import re
import shlex

from bench.errors import UsageError

USUAL = "default"  # the variables that every case gets
SEPARATOR = ";"  # between several environments: values hold commas and equals signs
_LONGEST = 200
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Read when a process first uses what they are about, so that a worker can set them for itself; all others count as read
# while a process loads its framework, and get a server of their own.
_READ_AT_FIRST_USE = {
    "XLA_FLAGS": "xla/parse_flags_from_env.cc, when the first options of XLA are made",
    "TF_XLA_FLAGS": "tensorflow/compiler/jit/flags.cc, when the first graph or device asks for them",
}
# What would make a case another one than its name says, and what to choose instead.
_REFUSED = {
    "CUDA_DEVICE_ORDER": "choose a GPU by --gpu",
    "CUDA_VISIBLE_DEVICES": "choose a GPU by --gpu",
    "KERAS_BACKEND": "Keras is measured on TensorFlow",
    "TF_FORCE_GPU_ALLOW_GROWTH": "choose a memory policy by --axis memory=growth,...",
    "TF_GPU_ALLOCATOR": "choose a memory policy by --axis memory=async,...",
    "TF_DEVICE_MIN_SYS_MEMORY_IN_MB": "choose a memory policy by --axis memory=fraction-0.9,...",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "choose a memory policy by --axis memory=growth,...",
    "TMPDIR": "each server has a temporary folder of its own",
}


def parse(text: str) -> dict[str, str]:
    """The variables of an environment, written `NAME=VALUE` with spaces between several; none of the usual one.

    Raises UsageError where that is not how it is written, or one of them is refused.
    """
    if text == USUAL:
        return {}
    if len(text) > _LONGEST or not text.isprintable() or not text.isascii():
        raise UsageError(f"--axis environment: an environment has at most {_LONGEST} printable ASCII characters.")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--axis environment={text}: {error}.") from None
    pairs = [word.partition("=") for word in words]
    if not pairs or not all(equals and _NAME.fullmatch(name) for name, equals, _ in pairs):
        raise UsageError(
            f"--axis environment={text}: it is NAME=VALUE, with spaces between several of them and {SEPARATOR} between "
            f"environments, or {USUAL}; e.g. '{USUAL};TF_ENABLE_ONEDNN_OPTS=0'."
        )
    for name, _, _ in pairs:
        if name in _REFUSED or name.startswith("PYTHON"):
            why = _REFUSED.get(name, "it decides which code is measured")
            raise UsageError(f"--axis environment={text}: {name} cannot be varied here: {why}.")
    return {name: value for name, _, value in pairs}


def of_server(text: str) -> str:
    """The environment that a server has to be started in, for workers under this one: the usual one where that does."""
    return USUAL if parse(text).keys() <= _READ_AT_FIRST_USE.keys() else text
