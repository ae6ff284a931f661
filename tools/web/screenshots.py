"""Make the pictures of the viewer and of the report's page: `python -m tools.web.screenshots`."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from pathlib import Path

from PIL import Image

from tools.web.chromium import Chromium, find_chromium
from vqzip.cli.app import run
from vqzip.codec.codec import load
from vqzip.web.server import PageServer, Site

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPH = ROOT / "tests" / "data" / "photograph.jpg"
VIEWER = ROOT / "docs" / "pictures" / "viewer.webp"
REPORT = ROOT / "docs" / "pictures" / "report.webp"


def save(screen: bytes, path: Path) -> None:
    """Write a picture of a window as WebP."""
    with Image.open(io.BytesIO(screen)) as image:
        image.convert("RGB").save(path, quality=80, method=6)


def show_viewer(page: Chromium, folder: Path) -> bytes:
    """Return a picture of the viewer between a file and where its bits are."""
    with Image.open(PHOTOGRAPH) as image:
        data = load("photo").encode(image)
    file = folder / "photograph.vqz"
    file.write_bytes(data)
    server = PageServer(Site.of([file]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page.open(server.address)
    page.wait("document.body.dataset.ready === 'yes'")
    page.run(
        "document.querySelector('#right').value = '0';"
        "document.querySelector('#layer').value = 'all';"
        "document.querySelector('#layer').dispatchEvent(new Event('change'))"
    )
    page.wait("document.querySelector('#legend').value !== ''")
    screen = page.picture()
    server.shutdown()
    server.server_close()
    return screen


def show_report(page: Chromium, folder: Path) -> bytes:
    """Return a picture of the page that `vqzip rd-curve` writes."""
    pictures, out = folder / "photographs", folder / "results"
    pictures.mkdir()
    shutil.copyfile(PHOTOGRAPH, pictures / "desert.jpg")
    arguments = ["rd-curve", str(pictures), "--anchors", "jpeg,webp,avif", "--out", str(out)]
    if run(arguments):
        raise SystemExit("the report was not made.")
    page.open((out / "index.html").as_uri())
    page.run(
        "document.querySelector('#facts').textContent = 'vqzip rd-curve photographs --anchors jpeg,webp,avif "
        "--out results'; document.querySelector('#view').style.maxWidth = '560px'"
    )
    page.wait("document.querySelector('#notes').value.includes('bytes')")
    return page.picture()


def main() -> None:
    """Make both."""
    program = find_chromium()
    if program is None:
        raise SystemExit("there is no chromium.")
    with (
        tempfile.TemporaryDirectory() as folder,
        Chromium(program, width=1100, height=800) as page,
    ):
        save(show_viewer(page, Path(folder)), VIEWER)
    with (
        tempfile.TemporaryDirectory() as folder,
        Chromium(program, width=1000, height=1500) as page,
    ):
        save(show_report(page, Path(folder)), REPORT)


if __name__ == "__main__":
    main()
