"""The server of the viewer gives the page, models and files, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tools.golden.models import TINY
from vqzip.cli.app import run
from vqzip.web.server import PageServer, Site


@pytest.fixture
def port(tiny_model: Path) -> Iterator[int]:
    server = PageServer(Site.of([tiny_model / "rgb.vqz"], [TINY]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def get(port: int, address: str, host: str | None = None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", address, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_it_gives_the_page_the_file_and_the_model_that_the_file_names(
    port: int, tiny_model: Path
) -> None:
    assert b"vqzip viewer" in get(port, "/")[1]
    start = json.loads(get(port, "/start.json")[1])
    data = (tiny_model / "rgb.vqz").read_bytes()
    assert get(port, "/" + start["files"][0]["address"]) == (200, data)
    (model,) = start["models"].values()
    assert get(port, f"/{model}/config.json") == (200, (TINY / "config.json").read_bytes())


@pytest.mark.parametrize(
    "address",
    ["/server.py", "/../server.py", "/source/page.c", "/files/0/../../server.py", "/files/1/x", "//etc/passwd",
     "/models/0/tiny/prior.safetensors", "/%2e%2e/server.py"],
)  # fmt: skip
def test_it_gives_nothing_else(port: int, address: str) -> None:
    assert get(port, address)[0] == 404


def test_pages_of_other_domains_cannot_read_files(port: int) -> None:
    assert get(port, "/start.json", "example.org")[0] == 403
    assert get(port, "/start.json", f"localhost:{port}")[0] == 200


def test_the_command_serves_until_ctrl_c(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def stop(self: PageServer) -> None:
        assert self.address in opened
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(PageServer, "serve_forever", stop)
    assert run(["view", str(tiny_model / "rgb.vqz")]) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_a_missing_file_is_said_before_anything_is_served(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["view", "missing.vqz"]) == 1
    assert "missing.vqz" in capsys.readouterr().err
