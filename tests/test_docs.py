"""README and docs are right: their commands parse and run, their Python runs, their links are good."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import typer

from tools.cli_docs import CLI_PAGE, cli_page
from vqzip.cli.app import application, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
SITE = ROOT / "zensical.toml"


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
    group = typer.main.get_command(application())
    assert isinstance(group, typer.core.TyperGroup)
    if arguments in (["COMMAND", "--help"], ["--debug", "COMMAND"]):
        return
    command, rest = group.commands[arguments[0]], arguments[1:]
    if isinstance(command, typer.core.TyperGroup) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(arguments[0], list(rest))


def test_readme_and_guide_show_every_command() -> None:
    group = typer.main.get_command(application())
    assert isinstance(group, typer.core.TyperGroup)
    pages = [README, *(ROOT / "docs" / "guide").glob("*.md")]
    shown = {arguments[0] for page in pages for arguments in vqzip_commands(page)}
    assert shown >= set(group.commands)


@pytest.mark.slow
def test_the_commands_of_the_readme_run_twice_from_top_to_bottom(
    photograph: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photographs").mkdir()
    shutil.copy(photograph, tmp_path / "photo.jpg")
    shutil.copy(photograph, tmp_path / "photographs" / "one.jpg")
    monkeypatch.chdir(tmp_path)
    # People run them again, after a look at the first results.
    for arguments in 2 * vqzip_commands(README):
        if arguments[0] == "train":
            # It takes an hour; a small model stands in for its result.
            out = Path(arguments[arguments.index("--out") + 1])
            shutil.copytree(tiny_model, out / "model", dirs_exist_ok=True)
        elif arguments[0] != "view":  # it waits for a browser
            assert run(arguments) == 0, arguments


def test_the_commands_of_the_page_on_folders_run_twice(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photographs").mkdir()
    shutil.copy(photograph, tmp_path / "photographs" / "one.jpg")
    monkeypatch.chdir(tmp_path)
    commands = vqzip_commands(ROOT / "docs" / "guide" / "folders.md")
    assert len(commands) >= 4
    for arguments in 2 * commands:
        until = arguments.index(">") if ">" in arguments else None
        assert run(arguments[:until]) == 0, arguments
    assert (tmp_path / "pictures" / "one.jpg").is_file()


def test_ci_runs_the_commands_of_readme_and_contributing() -> None:
    install = "pip install -c constraints-cpu.txt"
    assert install in "".join(blocks(README, "sh"))
    development = f'{install} -e ".[dev,report]"'
    assert development in "".join(blocks(CONTRIBUTING, "sh"))
    assert development in (ROOT / ".ci" / "run").read_text()


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


def pages_of(navigation: object) -> list[str]:
    """Return the pages that the site's navigation names."""
    if isinstance(navigation, str):
        return [navigation]
    below = navigation.values() if isinstance(navigation, dict) else navigation
    assert isinstance(below, (list, type({}.values())))
    return [page for part in below for page in pages_of(part)]


def test_the_site_has_every_page_once() -> None:
    named = pages_of(tomllib.loads(SITE.read_text(encoding="utf-8"))["project"]["nav"])
    docs = ROOT / "docs"
    assert sorted(named) == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))


def test_the_reference_page_is_what_help_says() -> None:
    assert CLI_PAGE.read_text(encoding="utf-8") == cli_page(), "run python -m tools.cli_docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, page.name, "exec")


RUN = ("README.md", "docs/guide/models.md", "docs/guide/pillow.md", "docs/guide/web_servers.md", "docs/reference/python.md")  # fmt: skip


@pytest.mark.parametrize("page", RUN)
def test_the_python_of_a_page_runs(
    page: str, photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(photograph, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    code = blocks(ROOT / page, "python")
    assert code
    for block in code:
        exec(block, names)  # noqa: S102


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
