"""What the viewer does with files, in a headless Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.web.pages import move_slider_and_zoom
from tools.golden.make import CASES
from tools.web.chromium import Chromium, find_chromium
from tools.web.site import write_site
from vqzip.web.server import PageServer, Site

PROGRAM = find_chromium() or ""
pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no chromium")

MODELS = list(CASES)
READY = "document.body.dataset.ready === 'yes'"
PIXEL = (
    "[...document.querySelector('#view canvas').getContext('2d').getImageData({x}, {y}, 1, 1).data]"
)


@contextmanager
def viewer(files: list[Path]) -> Iterator[Chromium]:
    server = PageServer(Site.of(files, MODELS))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Chromium(PROGRAM) as page:
            page.open(server.address)
            page.wait(READY)
            yield page
            assert page.faults == []
    finally:
        server.shutdown()
        server.server_close()


def text(page: Chromium, selector: str) -> str:
    found: str = page.run(f"document.querySelector('{selector}').innerText")
    return found


def test_a_file_is_shown_with_its_facts_and_the_bits_of_each_level(tiny_model: Path) -> None:
    with viewer([tiny_model / "rgb.vqz"]) as page:
        assert "83 \N{MULTIPLICATION SIGN} 61" in text(page, "#facts")
        assert "378 bytes" in text(page, "#facts")
        rows = page.run("document.querySelectorAll('#bits tr').length")
        assert rows == 4
        bits = page.run(
            "[...document.querySelectorAll('#bits tr')].map((row) => row.cells[3].innerText)"
        )
        assert 300 * 8 < sum(int(number.replace(",", "")) for number in bits) < 378 * 8
        assert page.run("document.querySelector('.handle').hidden")


def test_the_slider_moves_between_a_file_and_its_original(tiny_model: Path) -> None:
    with viewer([tiny_model / "rgb.vqz", tiny_model / "rgb.png"]) as page:
        move_slider_and_zoom(page)


def test_levels_and_places_of_bits_are_shown(tiny_model: Path) -> None:
    with viewer([tiny_model / "rgb.vqz"]) as page:
        whole = page.run(PIXEL.format(x=20, y=20))
        page.run("document.querySelector('#count').value = 1;"
                 "document.querySelector('#count').dispatchEvent(new Event('input'))")  # fmt: skip
        page.wait(f"{PIXEL.format(x=20, y=20)}.join() !== '{','.join(map(str, whole))}'")
        assert text(page, "#levels output") == "1"
        page.run("document.querySelector('#layer').value = 'all';"
                 "document.querySelector('#layer').dispatchEvent(new Event('change'))")  # fmt: skip
        page.wait("document.querySelector('#legend').value.includes('bits a pixel')")


def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path: Path, tiny_model: Path) -> None:
    damaged = tmp_path / "damaged.vqz"
    damaged.write_bytes((tiny_model / "rgb.vqz").read_bytes()[:-9])
    with viewer([damaged]) as page:
        assert text(page, "#fault") == (
            "damaged.vqz: The file is damaged or truncated; download it again."
        )


def test_a_dropped_file_is_opened(tiny_model: Path) -> None:
    with viewer([]) as page:
        data = list((tiny_model / "alpha.vqz").read_bytes())
        page.run(
            "(() => { const data = new DataTransfer();"
            f"data.items.add(new File([new Uint8Array({data})], 'dropped.vqz'));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true})) })()"
        )
        page.wait("document.querySelector('#facts').innerText.includes('alpha')")
        assert text(page, "#name") == "dropped.vqz"
        with Image.open(tiny_model / "alpha.png") as image:
            assert page.run("document.querySelector('#view canvas').width") == image.width


def test_the_folder_for_a_static_host_decodes(tmp_path: Path, tiny_model: Path) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    write_site(tmp_path / "site", [tiny_model])
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "site"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    data = list((tiny_model / "rgb.vqz").read_bytes())
    with Chromium(PROGRAM) as page:
        page.open(f"http://127.0.0.1:{server.server_address[1]}/")
        width = page.run(
            "import('./client.js').then(({Client}) => new Client())"
            f".then((client) => client.open(new Uint8Array({data}))).then(({{width}}) => width)"
        )
        assert (width, page.faults) == (83, [])
    server.shutdown()
    server.server_close()
