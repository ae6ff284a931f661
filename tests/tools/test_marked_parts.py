"""Parts of a page that a script writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.marked_parts import write_marked_part
from vqzip.errors import UsageError

BEFORE, AFTER = "# Page\n\n<!-- sizes: begin -->\n", "<!-- sizes: end -->\n"


def test_what_others_wrote_during_the_work_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEFORE}old\n{AFTER}")

    def measure() -> str:
        page.write_text(f"{BEFORE}old\n{AFTER}Meanwhile.\n")
        return "| 1 |"

    assert write_marked_part(page, "sizes", measure) == "| 1 |"
    assert page.read_text() == f"{BEFORE}\n| 1 |\n{AFTER}Meanwhile.\n"


@pytest.mark.parametrize("text", [None, "# Page\n", f"{BEFORE}old\n"])
def test_a_page_without_the_part_is_refused_before_the_work(
    tmp_path: Path, text: str | None
) -> None:
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    with pytest.raises(UsageError, match=r"page\.md"):
        write_marked_part(page, "sizes", lambda: pytest.fail("measured all the same"))
