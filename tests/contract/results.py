"""The least of a Results service: where the transfer daemon of the public client puts finished works."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Results:
    """The least of a Results service: it takes works and keeps them."""

    def __init__(self) -> None:
        self.works: list[dict[str, Any]] = []
        kept = self.works

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"version": "1"})

            do_HEAD = do_GET  # noqa: N815 - the library's name

            def do_POST(self) -> None:
                works = json.loads(self.rfile.read(int(self.headers["content-length"])))
                kept.extend(works)
                self._answer({work["pipeline"]: True for work in works})

            def _answer(self, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
