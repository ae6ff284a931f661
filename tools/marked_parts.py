"""Parts of a document that a script writes: what stands between two comments with a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vqzip.errors import UsageError


def markers(name: str) -> tuple[str, str]:
    """Return the lines that begin and end a part of a Markdown page."""
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def with_marked_part(page: str, name: str, text: str, *, path: Path) -> str:
    """Return a page with other text in one of its parts, and nothing else changed.

    Args:
        page: the whole text.
        name: of the part, as `markers` has it.
        text: what shall stand there.
        path: of the page, for the error.

    Raises:
        UsageError: the markers are not there once each, the first one first.
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
        UsageError: it is not there.
    """
    if not path.is_file():
        raise UsageError(f"there is no page {path} to write figures into; restore it.")
    return path.read_text(encoding="utf-8")


def write_marked_part(path: Path, name: str, measure: Callable[[], str]) -> str:
    """Measure what a part of a page shall say, write it there, and return it.

    The page is looked at before the work, so that markers which are missing are not found after it,
    and read again afterward: somebody may have written elsewhere in it meanwhile.

    Args:
        path: of the page.
        name: of the part, as `markers` has it.
        measure: returns the text.

    Raises:
        UsageError: the page is not there, or not its markers.
    """
    with_marked_part(read_page(path), name, "", path=path)
    text = measure()
    path.write_text(with_marked_part(read_page(path), name, text, path=path), encoding="utf-8")
    return text
