"""`vqzip view`: opens .vqz files in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from vqzip.cli.console import print_result


def view(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help=".vqz files, and pictures to compare with (PNG, JPEG, WebP, AVIF).",
        ),
    ],
    browser: Annotated[
        bool,
        typer.Option("--browser/--no-browser", help="Open the browser, or print the address only."),
    ] = True,
) -> None:
    """Show .vqz files in the browser.

    The picture grows level by level. The page shows the bits of each level and where they are, and puts a
    slider between two files, or between a file and its original. It is served on this machine alone, until
    Ctrl-C.
    """
    from vqzip.web.server import PageServer, Site

    for source in sources:
        source.open("rb").close()  # says what cannot be read before the browser would
    server = PageServer(Site.of(sources))
    print_result(f"{server.address} (Ctrl-C ends it)")
    if browser:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print_result("ended.")
    finally:
        server.server_close()
