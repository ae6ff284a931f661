"""Modules, classes and functions are small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "vqzip"
LONGEST_MODULE, LONGEST_CLASS, LONGEST_FUNCTION = 300, 200, 60
"""In lines. Of a function counts what comes after its signature and its docstring."""


def body_lines(function: ast.FunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def too_long(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(PACKAGE).as_posix()
    if len(text.splitlines()) > LONGEST_MODULE:
        yield name
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_CLASS:
            yield f"{name}:{node.name}"
        if isinstance(node, ast.FunctionDef) and body_lines(node) > LONGEST_FUNCTION:
            yield f"{name}:{node.name}"


def test_nothing_is_too_long() -> None:
    assert [found for path in PACKAGE.rglob("*.py") for found in too_long(path)] == []
