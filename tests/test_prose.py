"""The prose of code and pages is American English in lines that fit a screen."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("docs", "reference", "tests", "tools", "vqzip")
SUFFIXES = (".c", ".h", ".md", ".py", ".toml")
FILES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(p for top in FOLDERS for p in (ROOT / top).rglob("*"))]
    if path.suffix in SUFFIXES and path != Path(__file__)
)
LONGEST = 120
KEPT = ("colour_jitter", "neighbour_mean", "ColourPrimaries")
"""Keys of recipes and configurations, which files depend on, and a name in a standard."""

BRITISH = re.compile(
    r"(?i)colour|neighbour|behaviour|favour|honour|labour|centre|metre\b|licence|grey|"
    r"optimis|initialis|minimis|maximis|normalis|generalis|organis|recognis|realis|serialis|"
    r"summaris|synthesis(e|ed|es|ing)\b|factoris|quantis|discretis|vectoris|analys(e|ed|ing)\b|"
    r"labelled|modelled|cancelled|travelled|learnt|whilst|artefact"
)


def generated(path: Path) -> bool:
    """Return whether a page is made from the help of the commands, one line an option."""
    return path.name == "cli.md"


def prose_of_page(text: str) -> Iterator[str]:
    """Yield the lines of a page outside its tables and blocks of code."""
    code = False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        code ^= fence
        if not (code or fence or line.lstrip().startswith("|")):
            yield line


def prose_of_code(text: str) -> Iterator[str]:
    """Yield the lines of comments and docstrings, without what is said to tools."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not re.match(
            r"# (fmt|type|noqa|pragma)", token.string
        ):
            yield token.line.rstrip()
        elif token.type == tokenize.STRING and token.string.endswith('"""'):
            yield from token.string.splitlines()


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=names)
def test_spelling_is_american(path: Path) -> None:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for kept in KEPT:
            line = line.replace(kept, "")
        found += [f"{names(path)}:{number}: {match[0]}" for match in BRITISH.finditer(line)]
    assert found == []


@pytest.mark.parametrize("path", [p for p in FILES if not generated(p)], ids=names)
def test_lines_fit_a_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    prose = {".md": prose_of_page, ".py": prose_of_code}.get(path.suffix, str.splitlines)
    assert [line for line in prose(text) if len(line) > LONGEST] == []
