"""A server on this machine that speaks as much of the Hugging Face Hub's protocol as vqzip needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

Files = dict[str, bytes]


class FakeHub:
    """Repositories in memory, each a list of commits.

    Attributes:
        commits: by `OWNER/NAME`, files by name for each commit, the newest last.
        requests: method and path of each request.
    """

    def __init__(self) -> None:
        self.commits: dict[str, list[Files]] = {}
        self.requests: list[tuple[str, str]] = []
        self.address = ""

    def revision(self, repository: str, revision: str) -> tuple[str, Files]:
        """Return the id and the files of a commit, which is named by its id or as `main`."""
        commits = self.commits[repository]
        for number, files in enumerate(commits):
            sha = hashlib.sha1(f"{repository} {number}".encode()).hexdigest()  # noqa: S324
            if revision == sha or (revision == "main" and number == len(commits) - 1):
                return sha, files
        raise KeyError(revision)


@contextmanager
def serving() -> Iterator[FakeHub]:
    """Run a hub while the body runs."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._read()

    def do_GET(self) -> None:
        self._read()

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append(("POST", path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.hub.commits.setdefault(name, [{}])
            self._json({"url": f"{self.hub.address}/{name}", "name": name})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/(.+)", path):
            files = json.loads(body)["files"]
            modes = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in files
            ]
            self._json({"files": modes})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            self._commit(match[1], body)
        else:
            self._json({"error": "not found"}, 404)

    def _commit(self, name: str, body: bytes) -> None:
        files = dict(self.hub.commits[name][-1])
        for line in body.splitlines():
            item = json.loads(line)
            if item["key"] == "file":
                files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
        self.hub.commits[name].append(files)
        sha, _ = self.hub.revision(name, "main")
        address = f"{self.hub.address}/{name}/commit/{sha}"
        self._json({"success": True, "commitOid": sha, "commitUrl": address, "hookOutput": ""})

    def _read(self) -> None:
        path = urlsplit(self.path).path
        self.hub.requests.append((self.command, path))
        try:
            self._read_known(path)
        except KeyError:
            self._json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _read_known(self, path: str) -> None:
        info = r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?"
        if match := re.fullmatch(info, path):
            sha, files = self.hub.revision(match[1], match[2] or "main")
            siblings = [
                {"rfilename": name, "size": len(data), "blobId": _etag(data)}
                for name, data in files.items()
            ]
            self._json({"id": match[1], "sha": sha, "siblings": siblings, "tags": []})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path):
            _, files = self.hub.revision(match[1], match[2])
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": _etag(data)}
                for name, data in files.items()
            ]
            self._json(tree)
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            sha, files = self.hub.revision(match[1], match[2])
            data = files[match[3]]
            self._answer(data, 200, {"ETag": f'"{_etag(data)}"', "X-Repo-Commit": sha})
        else:
            raise KeyError(path)

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answer(json.dumps(value).encode(), status, headers or {})

    def _answer(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _etag(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()  # noqa: S324
