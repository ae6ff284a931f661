"""Write the annotated tree of the code into CONTRIBUTING.md: `python -m tools.tree`.

What a folder or a module is for is the first line of its docstring.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.marked_parts import read_page, with_marked_part

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
PART = "tree"
COLUMN = 24
"""Where the annotations begin."""

OTHERS = (
    ("vqzip/recipes/", "Recipes of `vqzip train`, in TOML"),
    ("tests/", "Tests, in the folders of what they test"),
    ("tests/golden/", "Files and models that every later version must decode; never changed"),
    ("docs/", "The site; its navigation is in zensical.toml"),
    ("models/", "The models in the wheel"),
)
"""Folders without a docstring of their own."""


def first_line(module: Path) -> str:
    """Return the first line of a module's docstring, without its full stop.

    Raises:
        ValueError: there is none.
    """
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    if not docstring:
        raise ValueError(f"{module} has no docstring")
    return docstring.splitlines()[0].removesuffix(".")


def entries() -> Iterator[tuple[str, str]]:
    """Yield paths and annotations: packages at every depth, and the modules of the top folders."""
    for top in ("vqzip", "tools", "reference"):
        for package in (ROOT / top).rglob("__init__.py"):
            yield f"{package.parent.relative_to(ROOT).as_posix()}/", first_line(package)
        for module in (ROOT / top).glob("*.py"):
            if not module.name.startswith("__"):
                yield module.relative_to(ROOT).as_posix(), first_line(module)
    yield from OTHERS


def tree() -> str:
    """Return the tree as a block of code: modules of a folder first, then its folders."""

    def order(entry: tuple[str, str]) -> list[tuple[bool, str]]:
        parts = entry[0].rstrip("/").split("/")
        folders = [True] * (len(parts) - 1) + [entry[0].endswith("/")]
        return list(zip(folders, parts, strict=True))

    lines = []
    for path, text in sorted(entries(), key=order):
        indent = "  " * (path.rstrip("/").count("/"))
        name = path.rstrip("/").split("/")[-1] + ("/" if path.endswith("/") else "")
        lines.append(f"{indent}{name}".ljust(COLUMN) + text)
    return "\n".join(["```text", *lines, "```"])


def page() -> str:
    """Return CONTRIBUTING.md with the tree as it is now."""
    return with_marked_part(read_page(PAGE), PART, tree(), path=PAGE)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
