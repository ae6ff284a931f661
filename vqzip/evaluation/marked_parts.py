"""Parts of a document that a script writes: what stands between two comments with a name."""

from __future__ import annotations

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
