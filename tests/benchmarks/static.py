"""A server in a process of its own that answers from memory, so that only the reader is measured.

``python -m tests.benchmarks.static works.json`` answers every view with these bytes, or with those of the fields that
its projection names. With ``--paged N`` it has N works with the ids 0, 1, ... and answers limits and lists of ids.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.benchmarks.lines import ROOT

ID = b"@" * 24


class Works:
    """Answers to views."""

    def __init__(self, file: Path, paged: int) -> None:
        self.data = file.read_bytes()
        self.paged = paged
        self.parts: dict[tuple[str, ...], bytes] = {}
        self.works = json.loads(self.data)
        self.template = json.dumps({**self.works[0], "id": ID.decode()}).encode()

    def answer(self, asked: dict[str, Any]) -> bytes:
        fields = tuple(path for path, wanted in asked["projection"].items() if wanted)
        return self._page(asked, fields) if self.paged else self._all(fields)

    def _all(self, fields: tuple[str, ...]) -> bytes:
        if not fields:
            return self.data
        if fields not in self.parts:
            self.parts[fields] = self._part(fields)
        return self.parts[fields]

    def _part(self, fields: tuple[str, ...]) -> bytes:
        """Return part of each work; its fields keep the order they have in the work, as in MongoDB and our backend."""
        parts = [{name: value for name, value in work.items() if name in fields} for work in self.works]
        return json.dumps(parts).encode()

    def _page(self, asked: dict[str, Any], fields: tuple[str, ...]) -> bytes:
        numbers = range(min(asked["limit"] or self.paged, self.paged))
        ids = asked["query"].get("id", {}).get("$in") or [f"{number:024x}" for number in numbers]
        before, after = (b'{"id": "', b'"}') if fields == ("id",) else self.template.split(ID)
        return b"[" + b", ".join([before + one.encode() + after for one in ids]) + b"]"


def handler(works: Works) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._send(b'{"version": "static"}', body=False)

        def do_GET(self) -> None:
            self._send(b'{"version": "static"}')

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(works.answer(asked))

        def log_message(self, *_: object) -> None:
            pass

        def _send(self, data: bytes, *, body: bool = True) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

    return Handler


@contextmanager
def served(file: Path, paged: int = 0) -> Iterator[str]:
    """Serve a file of works from another process; give its address."""
    command = [sys.executable, "-m", "tests.benchmarks.static", str(file), "--paged", str(paged)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--paged", type=int, default=0)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Works(given.file, given.paged)))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - read by the one who started it
    server.serve_forever()


if __name__ == "__main__":
    main()
