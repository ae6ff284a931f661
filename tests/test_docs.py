"""What README and docs say is true: their commands parse, their Python runs, their links lead on."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from tools.cli_docs import CLI_PAGE, cli_page
from vqzip.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = ROOT / "README.md"


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced code blocks of one language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def vqzip_commands(page: Path) -> list[list[str]]:
    """Return the arguments of every `vqzip` command in the shell blocks of a page."""
    found = []
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="&|<>;")
            lexer.whitespace_split = True
            command: list[str] = []
            for token in [*lexer, ";"]:
                if set(token) <= set("&|<>;"):
                    if command[:1] == ["vqzip"]:
                        found.append(command[1:])
                    command = []
                else:
                    command.append(token)
    return found


COMMANDS = [(page.name, arguments) for page in PAGES for arguments in vqzip_commands(page)]


@pytest.mark.parametrize(("page", "arguments"), COMMANDS)
def test_every_command_of_the_docs_parses(page: str, arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    if arguments in (["COMMAND", "--help"], ["--debug", "COMMAND"]):
        return
    group.commands[arguments[0]].make_context(arguments[0], list(arguments[1:]))


def test_the_readme_shows_every_command() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert {arguments[0] for arguments in vqzip_commands(README)} >= set(group.commands)


def test_ci_runs_the_commands_of_the_readme() -> None:
    install, tests = (
        "pip install -c constraints-cpu.txt",
        'install -c constraints-cpu.txt -e ".[dev,report]"',
    )
    shell = "".join(blocks(README, "sh"))
    assert install in shell
    assert tests in shell
    assert tests in (ROOT / ".ci" / "run").read_text()


def test_the_reference_page_is_what_help_says() -> None:
    assert CLI_PAGE.read_text(encoding="utf-8") == cli_page(), "run python -m tools.cli_docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


def test_the_python_of_the_readme_runs(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(photograph, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(README, "python"):
        exec(block, names)  # noqa: S102
    assert isinstance(names["data"], bytes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
