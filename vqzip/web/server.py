"""Serves the page, the installed models and some files to the browser on this machine, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import Any
from urllib.parse import quote, unquote

from vqzip.models.places import IDENTITY, folders, identity_files, model_id

PAGE = Path(__file__).parent
"""Folder of the static files."""

TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
"""What is served, by suffix; other static files are not."""

LOOPBACK = "127.0.0.1"


def static_files() -> dict[str, Path]:
    """Return the files of the page by name."""
    return {path.name: path for path in sorted(PAGE.iterdir()) if path.suffix in TYPES}


def start_json(models: Mapping[str, str], files: Mapping[str, str]) -> bytes:
    """Return what the page asks for first.

    Args:
        models: address of each model folder, by the first 8 bytes of the model's id in hexadecimal.
        files: address of each file to open, by its name.
    """
    listed = [{"name": name, "address": address} for name, address in files.items()]
    return json.dumps({"models": dict(models), "files": listed}).encode()


@dataclass(frozen=True)
class Site:
    """What a server has.

    Args:
        made: bytes that are not read from files, by address.
        paths: files by address.
    """

    made: Mapping[str, bytes]
    paths: Mapping[str, Path]

    @classmethod
    def of(cls, opened: Sequence[Path], models: Sequence[Path] | None = None) -> Site:
        """Return the page that opens some files.

        Args:
            opened: .vqz files, and pictures to compare with.
            models: model folders; None takes the installed ones.
        """
        known = folders() if models is None else models
        # The page decodes models of the family that these three files make.
        own = [folder for folder in known if identity_files(folder) == IDENTITY]
        ids = {model_id(folder)[:8].hex(): folder for folder in own}
        paths = dict(static_files())
        addresses = {}
        for number, (short, folder) in enumerate(ids.items()):
            addresses[short] = f"models/{number}/{quote(folder.name)}"
            paths |= {f"models/{number}/{folder.name}/{name}": folder / name for name in IDENTITY}
        files = {}
        for number, path in enumerate(opened):
            address = f"files/{number}/{path.name}"
            paths[address] = path
            name = path.name if path.name not in files else str(path)
            files[name] = quote(address)
        return cls({"start.json": start_json(addresses, files)}, paths)


class PageServer(ThreadingHTTPServer):
    """A server of the page on a free port of the loopback interface.

    Args:
        site: what it has.
    """

    daemon_threads = True

    def __init__(self, site: Site) -> None:
        super().__init__((LOOPBACK, 0), partial(_Handler, site))
        self.address = f"http://{LOOPBACK}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that hang up."""


class _Handler(BaseHTTPRequestHandler):
    """Answers with what the site has, whatever else is in its folders."""

    protocol_version = "HTTP/1.1"

    def __init__(self, site: Site, request: Any, client: Any, server: BaseServer) -> None:
        self._site = site
        super().__init__(request, client, server)

    def do_GET(self) -> None:
        """Answer a request."""
        address = unquote(self.path.partition("?")[0]).lstrip("/") or "index.html"
        if not self._is_for_us():
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        data = self._site.made.get(address)
        if data is None:
            path = self._site.paths.get(address)
            try:
                data = path.read_bytes() if path else None
            except OSError:
                data = None
        if data is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        kind = TYPES.get(Path(address).suffix, "application/octet-stream")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def _is_for_us(self) -> bool:
        """Return whether the browser means this machine: another page's domain may point here, too."""
        host = (self.headers.get("Host") or "").partition(":")[0]
        return host in (LOOPBACK, "localhost")

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""
