"""Write docs/reference/cli.md from the commands' own help: `python -m tools.cli_docs`."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from vqzip.cli.app import application

CLI_PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"


def cli_page() -> str:
    """Return the reference page of all commands."""
    group = typer.main.get_command(application())
    page = get_docs_for_click(obj=group, ctx=typer.Context(group), name="vqzip")
    note = "<!-- Made from `--help` by `python -m tools.cli_docs`; do not edit. -->\n\n"
    return note + page.rstrip() + "\n"


if __name__ == "__main__":
    CLI_PAGE.write_text(cli_page(), encoding="utf-8")
