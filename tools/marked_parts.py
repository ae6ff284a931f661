"""Generated parts of a document, each between two comments with its name."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from vqzip.errors import UsageError


def markers(name: str) -> tuple[str, str]:
    """Return the lines before and after a part of a Markdown page."""
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def with_marked_part(page: str, name: str, text: str, *, path: Path) -> str:
    """Return a page with new text in one of its parts.

    Args:
        page: the whole text.
        name: of the part, see `markers`.
        text: the new text.
        path: of the page, for the error.

    Raises:
        UsageError: the two markers do not occur once each, in this order.
    """
    begin, end = markers(name)
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended) or page.count(begin) + page.count(end) != 2:
        raise UsageError(
            f"{path} must have the lines {begin.strip()} and {end.strip()} once each, in this "
            f"order, around the {name}; write them there."
        )
    return f"{before}{begin}\n{text}\n{end}{after}"


def read_page(path: Path) -> str:
    """Return the text of a page with parts.

    Raises:
        UsageError: it does not exist.
    """
    if not path.is_file():
        raise UsageError(f"there is no page {path} to write figures into; restore it.")
    return path.read_text(encoding="utf-8")


def write_marked_part(path: Path, name: str, measure: Callable[[], str]) -> str:
    """Measure the text of a part of a page, write it there, and return it.

    The page is checked before the measurement, so that missing markers are found early. It is read again
    afterward, because other parts may have been edited meanwhile.

    Args:
        path: of the page.
        name: of the part, see `markers`.
        measure: returns the text.

    Raises:
        UsageError: the page or its markers do not exist.
    """
    with_marked_part(read_page(path), name, "", path=path)
    text = measure()
    path.write_text(with_marked_part(read_page(path), name, text, path=path), encoding="utf-8")
    return text


def paragraph(text: str) -> str:
    """Return a text in lines of at most 120 characters, as all prose of the documents."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"
