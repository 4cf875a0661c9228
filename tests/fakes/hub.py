"""A small Hugging Face hub on loopback: what a model consists of, and its files, with faults on request.

Large files (`.safetensors`, `.bin`, `.gguf`) are kept as the hub keeps them: a redirect to another host, which is asked
with the bytes wanted and must not see the token.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

LARGE = {".safetensors", ".bin", ".gguf", ".pth", ".h5", ".onnx"}
REVISION = "a" * 40
TOKEN = "hf_secret"


@dataclass
class FakeModel:
    """`access`: open; gated: the licence must be accepted and TOKEN's account did not; token: TOKEN may read it."""

    files: dict[str, bytes]
    licence: str = "apache-2.0"
    revision: str = REVISION
    access: str = "open"
    # Sizes that are claimed instead of the real ones.
    claimed: dict[str, int] = field(default_factory=dict)
    unsafe: tuple[str, ...] = ()


@dataclass
class FakeHub:
    """`cuts`: so many of the next large downloads break off half-way. `asked`: every request, as (path, headers)."""

    models: dict[str, FakeModel] = field(default_factory=dict)
    address: str = ""
    cuts: int = 0
    wrong_bytes: bool = False
    no_ranges: bool = False
    down: bool = False
    not_a_hub: bool = False
    hang: threading.Event | None = None
    hanging: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def add(self, repository: str, files: dict[str, bytes], **changes) -> FakeModel:
        model = self.models[repository] = FakeModel(files, **changes)
        return model

    def asked_for(self, part: str) -> list[dict[str, str]]:
        """The headers of the requests whose path has this part."""
        return [headers for path, headers in self.asked if part in path]


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Handler(_Handler):
        house = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            if hub.hang:
                hub.hang.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    house: FakeHub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.house.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
        if self.house.down:
            self._answer(503, b"")
        elif self.house.not_a_hub:
            self._answer(200, b"<html>Please log in to this network</html>")
        elif path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        elif path.startswith("/cdn/"):
            organisation, name, rest = path.removeprefix("/cdn/").split("/", 2)
            self._large(self.house.models[f"{organisation}/{name}"].files[rest])
        else:
            self._resolve(path)

    def _describe(self, rest: str) -> None:
        repository, _, revision = rest.partition("/revision/")
        model = self.house.models.get(repository)
        if model is None:
            self._refuse(401, "RepoNotFound", "Invalid username or password.")
        elif revision not in {"", "main", model.revision}:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif self._bearer() not in {"", TOKEN}:
            self._refuse(401, "", "Invalid credentials in Authorization header")
        else:
            names = [*model.files, *model.unsafe]
            description = {
                "id": repository,
                "sha": model.revision,
                "gated": False if model.access == "open" else "auto",
                "private": False,
                "tags": [f"license:{model.licence}"],
                "cardData": {"license": model.licence},
                "siblings": [_sibling(name, model) for name in names],
            }
            self._answer(200, json.dumps(description).encode(), {"Content-Type": "application/json"})

    def _resolve(self, path: str) -> None:
        repository, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        model = self.house.models[repository]
        allowed = model.access == "open" or (model.access == "token" and self._bearer() == TOKEN)
        if not allowed:
            self._refuse(403 if self._bearer() else 401, "GatedRepo", f"Access to model {repository} is restricted.")
        elif revision != model.revision or name not in model.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif PurePosixPath(name).suffix in LARGE:
            content = model.files[name]
            port = urlsplit(self.house.address).port
            # The same machine by another name is another host to a client.
            headers = {
                "Location": f"http://localhost:{port}/cdn/{repository}/{name}",
                "X-Repo-Commit": model.revision,
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            }
            self._answer(302, b"", headers)
        else:
            self._answer(200, model.files[name], {"X-Repo-Commit": model.revision, "ETag": '"abc"'})

    def _large(self, content: bytes) -> None:
        """A file of the content network, from the byte that is asked for on, as far as the faults let it come."""
        begin, total = 0, len(content)
        if self.house.wrong_bytes:
            content = bytes(total)
        if (asked := self.headers.get("Range")) and not self.house.no_ranges:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(total - begin))
        self.end_headers()
        broken = self.house.cuts > 0 or self.house.hang is not None
        end = begin + (total - begin) // 2 if broken else total
        self.wfile.write(content[begin:end])
        self.wfile.flush()
        if self.house.hang is not None:
            self.house.hanging.set()
            self.house.hang.wait(30)
        if broken:
            self.house.cuts -= 1
            self.close_connection = True

    def _bearer(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._answer(status, json.dumps({"error": message}).encode(), headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args) -> None:  # noqa: A002 - the library's name
        """Silence: tests read what was asked from `FakeHub.asked`."""


def _sibling(name: str, model: FakeModel) -> dict:
    content = model.files.get(name, b"")
    size = model.claimed.get(name, len(content))
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    entry: dict = {"rfilename": name, "size": size, "blobId": blob}
    if PurePosixPath(name).suffix in LARGE:
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 134}
    return entry
