"""`vqzip`: all commands, and the place where an error becomes a message and an exit status."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from vqzip import __version__
from vqzip.cli.console import print_error
from vqzip.cli.help import SETTINGS, Command, Group
from vqzip.cli.process import prepare_process
from vqzip.errors import UsageError, VqzipError, missing_package

LEARNING = ("torch", "torchvision")
"""Packages that training needs and the codec does not."""

ENDING_SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that end a process at once unless it handles them. Some systems have no SIGHUP."""

JOB_THREADS = "vqzip-job"
"""Name of the threads that work on files (`vqzip.batch.workers`), which is not imported for it."""

COMMANDS = (
    "encode",
    "decode",
    "info",
    "view",
    "models",
    "sample",
    "traverse",
    "rd-curve",
    "likelihood",
    "train",
    "tokens",
    "doctor",
)
"""A module of this folder each, in the order of the help."""


class Program(Group):
    """All commands, in the order of `COMMANDS`; Typer would put those with commands of their own last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return sorted(super().list_commands(ctx), key=COMMANDS.index)


@dataclass
class GlobalOptions:
    """Options before the name of the command."""

    debug: bool = False


def _print_version(wanted: bool) -> None:
    if wanted:
        from vqzip.cli.doctor import versions

        print(f"vqzip {__version__}")
        print(", ".join(f"{name} {found}" for name, found in versions().items()))
        raise typer.Exit


def vqzip(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show versions and exit."
        ),
    ] = False,
) -> None:
    """Compress photographs with neural networks.

    Exit status: 0 for success, 1 for data that cannot be used, 2 for wrong usage, and 128 plus the
    number of the signal if a signal ended the command (130 after Ctrl-C).
    """
    context.obj.debug = debug


def application(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the program with some of its commands; a command that is not asked for is not imported."""
    app = typer.Typer(name="vqzip", cls=Program, context_settings=SETTINGS, rich_markup_mode="rich")
    app.callback()(vqzip)
    for command in commands:
        name = command.replace("-", "_")
        module = import_module(f"vqzip.cli.{name}")
        if hasattr(module, "group"):
            app.add_typer(module.group, name=command, context_settings=SETTINGS)
        else:
            register = app.command(command, cls=Command, context_settings=SETTINGS)
            register(getattr(module, name))
    return app


def _asked_for(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command that a command line names; all of them where its help or an error may."""
    named = [argument for argument in arguments if argument != "--debug"][:1]
    return named if set(named) & set(COMMANDS) else COMMANDS


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status; an error is one line on stderr.

    Args:
        arguments: the arguments of `vqzip`; without any, the help is shown.
    """
    options = GlobalOptions()
    try:
        status = typer.main.get_command(application(_asked_for(arguments))).main(
            args=arguments or ["--help"], prog_name="vqzip", standalone_mode=False, obj=options
        )
    except Exception as error:
        if options.debug:
            raise
        return _report(error)
    return status if isinstance(status, int) else 0


def _report(error: Exception) -> int:
    """Print `error` as one line and return its exit status."""
    if isinstance(error, VqzipError):
        print_error(_with_options(str(error)))
        return error.exit_code
    if isinstance(error, TyperException):
        print_error(error.format_message())
        return error.exit_code
    if isinstance(error, OSError):
        print_error(_describe(error))
        return 1
    if isinstance(error, MemoryError):
        print_error(
            "there is not enough memory for this picture; try --device cpu or a smaller one."
        )
        return 1
    if isinstance(error, ModuleNotFoundError) and error.name in LEARNING:
        print_error(str(missing_package(error.name, "this", "train")))
        return UsageError.exit_code
    print_error(
        f"unexpected {type(error).__name__}: {error} (a bug in vqzip; "
        "`vqzip --debug COMMAND` shows the traceback)"
    )
    return 1


def _with_options(message: str) -> str:
    """Return what the library says of its parameters as a sentence about options."""
    return re.sub(r"`([a-z_]+)`", lambda word: "--" + word[1].replace("_", "-"), message)


def _describe(error: OSError) -> str:
    """Return what the operating system refused, with the name of the file."""
    reason = error.strerror or str(error) or type(error).__name__
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
    if isinstance(error, FileNotFoundError) and names:
        return f"there is no file or folder {names[0]}; check the path."
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"{reason}: {names[-1]}" if names else f"{reason}."


def main() -> NoReturn:
    """Entry point of the console script."""
    prepare_process()
    for name in ENDING_SIGNALS:
        number = getattr(signal, name, None)
        # Keep ignoring a signal that the caller ignores, as `nohup` does.
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output is gone. Python would try to flush again at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = status or 1
    if any(thread.name.startswith(JOB_THREADS) for thread in threading.enumerate()):
        # After Ctrl-C they still compute; what they would write is not wanted any more.
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an exception, so that unfinished files are removed."""
    sys.exit(128 + number)
