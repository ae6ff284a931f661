"""Help of commands: `-h` beside `--help`, and types only behind options that take a value."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Of the context of every command."""


class Command(TyperCommand):
    """A command whose help is read by people."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, flags without `<bool>`."""
        return _plain(super().get_params(ctx))


class Group(TyperGroup):
    """The program, likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, flags without `<bool>`."""
        return _plain(super().get_params(ctx))


def _plain(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag:
            parameter.metavar = ""
        if isinstance(parameter, TyperArgument):
            # Its name and its help say what it takes.
            parameter.display_type_rich = _no_type  # type: ignore[method-assign]
    return parameters


def _no_type(ctx: object) -> str:  # noqa: ARG001
    return ""
