"""The service of the page on web servers, with clients that talk to it over the network."""

from __future__ import annotations

import http.client
import io
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vqzip
from tests.test_docs import blocks
from tools.golden.models import smooth_pixels

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "web_servers.md"
CLIENTS = 8


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Run the code of the page, and return host and port."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(blocks(PAGE, "python")[0], names)  # noqa: S102
    config = uvicorn.Config(names["app"], port=0, log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()


def png(number: int) -> bytes:
    out = io.BytesIO()
    pixels = np.roll(smooth_pixels(40 + number % 7, 56, 3), number, 1) // (1 + number % 3)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Client:
    """One connection that stays open."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.connection = http.client.HTTPConnection(*address, timeout=120)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def post(self, picture: bytes) -> tuple[int, Any]:
        body = (
            b'--edge\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
            + picture
            + b"\r\n--edge--\r\n"
        )
        kind = {"Content-Type": "multipart/form-data; boundary=edge"}
        self.connection.request("POST", "/pictures", body, kind)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


def upload_all(address: tuple[str, int], pictures: list[bytes]) -> None:
    """Upload pictures by several clients, and compare what is stored with files made one by one."""

    def work(number: int) -> list[tuple[bytes, str]]:
        stored = []
        with Client(address) as client:
            for picture in pictures[number::CLIENTS]:
                status, answer = client.post(picture)
                assert status == 200, answer
                status, thumbnail = client.get(f"/pictures/{answer['name']}/thumbnail")
                assert status == 200
                assert Image.open(io.BytesIO(thumbnail)).size[0] == 7
                stored.append((picture, answer["name"]))
        return stored

    with ThreadPoolExecutor(CLIENTS) as pool:
        stored = [pair for pairs in pool.map(work, range(CLIENTS)) for pair in pairs]
    assert len(stored) == len(pictures)
    for picture, name in stored:
        assert Path("pictures", f"{name}.vqz").read_bytes() == vqzip.encode(
            picture, "web", strip=True
        )


def test_uploads_of_several_clients(service: tuple[str, int]) -> None:
    upload_all(service, [png(number) for number in range(24)])


def test_a_picture_comes_back(service: tuple[str, int]) -> None:
    with Client(service) as client:
        _, answer = client.post(png(1))
        status, data = client.get(f"/pictures/{answer['name']}")
    assert status == 200
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == ("WEBP", (56, 41))


def test_bad_requests(service: tuple[str, int]) -> None:
    large = io.BytesIO()
    Image.new("1", (5000, 5000)).save(large, "PNG")
    with Client(service) as client:
        for picture, said in (
            (b"no picture", "no picture that"),
            (large.getvalue(), "5000 x 5000"),
        ):
            status, answer = client.post(picture)
            assert (status, said in answer["detail"]) == (400, True)
        assert client.get(f"/pictures/{'0' * 32}")[0] == 404
        assert client.get("/pictures/..%2f..%2fetc")[0] in (404, 422)


@pytest.mark.slow
def test_five_hundred_uploads_in_flat_memory(service: tuple[str, int]) -> None:
    resource = pytest.importorskip("resource")
    pictures = [png(number) for number in range(500)]

    def peak() -> int:
        unit = 1 if sys.platform == "darwin" else 1024
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit

    upload_all(service, pictures[:100])
    before = peak()
    upload_all(service, pictures)
    assert peak() - before < 32 << 20
