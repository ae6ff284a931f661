import platform
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vqzip import __version__
from vqzip.cli import app as app_module
from vqzip.cli.app import application, run
from vqzip.errors import ModelError, UsageError

COMMANDS = [
    "encode", "decode", "info", "view", "models", "sample", "traverse", "rd-curve", "likelihood", "train", "tokens",
    "doctor",
]  # fmt: skip


def test_the_commands_are_those_of_the_readme() -> None:
    group = typer.main.get_command(application())
    assert isinstance(group, typer.core.TyperGroup)
    assert group.list_commands(typer.Context(group)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_has_help(command: str) -> None:
    group = typer.main.get_command(application())
    assert isinstance(group, typer.core.TyperGroup)
    found = group.commands[command]
    assert found.help
    for parameter in found.params:
        assert getattr(parameter, "help", None), f"{command} {parameter.name} has no help"


@pytest.mark.parametrize("arguments", [[], ["--help"], *([c, "--help"] for c in COMMANDS)])
def test_help_leaves_with_zero(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: vqzip" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"vqzip {__version__}"
    assert second.startswith(f"Python {platform.python_version()}, numpy ")


def loaded_modules(statement: str) -> set[str]:
    """Return what a fresh interpreter has imported after `statement`."""
    code = f"import sys\n{statement}\nprint('\\n' + ' '.join(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(output.splitlines()[-1].split())


@pytest.mark.parametrize("statement", ["import vqzip", "from vqzip.cli.app import run; run([])"])
def test_neither_the_import_nor_the_help_loads_torch_or_numpy(statement: str) -> None:
    assert loaded_modules(statement).isdisjoint({"torch", "numpy", "PIL", "constriction"})


def test_info_and_models_load_no_torch(tiny_model: Path) -> None:
    file = tiny_model / "rgb.vqz"
    modules = loaded_modules(
        f"from vqzip.cli.app import run; assert run(['info', {str(file)!r}]) == 0; run(['models'])"
    )
    assert modules.isdisjoint({"torch", "constriction"})


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ModelError("no such model; train one."), 1, "vqzip: no such model; train one.\n"),
        (UsageError("two goals."), 2, "vqzip: two goals.\n"),
        (FileNotFoundError(2, "No such file", "a.png"), 1, "vqzip: there is no file or folder a.png; check the path.\n"),
        (PermissionError(13, "Permission denied", "a"), 1, "vqzip: permission denied: a\n"),
        (OSError(28, "No space left on device"), 1, "vqzip: no space left on device.\n"),
        (MemoryError(), 1, None),
        (ZeroDivisionError("two\nlines"), 1, None),
        (KeyboardInterrupt(), 130, ""),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_a_status(
    error: BaseException,
    status: int,
    line: str | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = typer.Typer()

    @broken.callback()
    def options(context: typer.Context, debug: bool = False) -> None:
        context.obj.debug = debug

    @broken.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(app_module, "application", lambda _: broken)
    assert run(["fail"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") <= 1
    assert line is None or captured.err == line
    if not isinstance(error, KeyboardInterrupt):
        with pytest.raises(type(error)):
            run(["--debug", "fail"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["encode"],
        ["encode", "a.png", "--nonsense"],
        ["encode", "a.png", "-q", "9"],
        ["encode", "a.png", "-q", "best"],
        ["encode", "a.png", "-q", "4.1"],
        ["encode", "a.png", "-q", "nan"],
        ["encode", "a.png", "--psnr", "nan"],
        ["encode", "a.png", "-q", "4", "--bpp", "0.5"],
        ["encode", "a.png", "--bpp", "-1"],
        ["encode", "a.png", "--effort", "4"],
        ["decode", "a.vqz", "--region", "1,2,3"],
        ["decode", "a.vqz", "--region", "0,0,0,5"],
        ["decode", "a.vqz", "--levels", "0"],
        ["sample", "traverse", "--temperature", "0"],
        ["train", "photo"],
        ["rd-curve"],
    ],
)
def test_wrong_usage_is_one_line_and_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vqzip: ")
    assert captured.err.count("\n") == 1


def test_python_m_vqzip_is_the_same_command() -> None:
    output = subprocess.run(
        [sys.executable, "-m", "vqzip", "--version"], capture_output=True, text=True, check=True
    )
    assert output.stdout.startswith(f"vqzip {__version__}\n")
