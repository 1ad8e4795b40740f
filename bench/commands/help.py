"""How the help of a command reads: paragraphs that flow, and no Python types beside its options."""

import inspect
from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose docstring is wrapped by the terminal; flags and arguments go without a type."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As Typer makes one."""
        super().__init__(*arguments, **options)
        paragraphs = inspect.cleandoc(self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def get_params(self, ctx: Any) -> Any:
        """Those of the command, and --help."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """The commands together, likewise."""

    def get_params(self, ctx: Any) -> Any:
        """--help."""
        return _without_types(super().get_params(ctx))


def _without_types(params: Any) -> Any:
    for param in params:
        if param.param_type_name == "argument" or getattr(param, "is_flag", False):
            vars(param)["display_type_rich"] = _nothing
    return params


def _nothing(ctx: Any) -> None:
    """In the place of `<bool>`, which says nothing to a user."""
