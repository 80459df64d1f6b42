"""A proxy as a process of its own, of the standard library: ``python proxy.py '{"to": ["127.0.0.1", 8004], ...}'``.

It brings every request to one service, whatever host it is for, and writes a line of JSON for each that it got.
The settings: ``to``; ``login`` (``user:password``) that it asks for; ``status`` that it answers in place of the
service; ``tls``, a file with its certificate and key; ``intercept``, the same for the tunnels that it opens and reads.
"""

from __future__ import annotations

import base64
import http.server
import json
import select
import socket
import ssl
import sys
import urllib.request
from typing import Any

SETTINGS: dict[str, Any] = {}


def log(**seen: Any) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *about: object) -> None:
        pass

    def handle_any(self) -> None:
        log(method=self.command, target=self.path, token=self.headers.get("x-access-token"))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        login = SETTINGS.get("login")
        wanted = "Basic " + base64.b64encode(login.encode()).decode() if login else None
        if wanted and self.headers.get("Proxy-Authorization") != wanted:
            self.say(407, f"who are you? not {self.headers.get('Proxy-Authorization')}")
        elif "status" in SETTINGS:
            self.say(SETTINGS["status"], "the proxy says no")
        elif self.command == "CONNECT":
            self.tunnel()
        else:
            self.relay(body)

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_CONNECT = handle_any  # noqa: N815 - names of the library

    def say(self, status: int, text: str) -> None:
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())

    def relay(self, body: bytes) -> None:
        host, port = SETTINGS["to"]
        path = "/" + self.path.split("://", 1)[-1].partition("/")[2]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        asked = urllib.request.Request(f"http://{host}:{port}{path}", body or None, headers, method=self.command)
        try:
            with opener.open(asked) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def tunnel(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        if "intercept" in SETTINGS:
            with context(SETTINGS["intercept"]).wrap_socket(self.connection, server_side=True) as inner:
                Proxy(inner, self.client_address, self.server)
            return
        with socket.create_connection(tuple(SETTINGS["to"])) as service:
            copy_both_ways(self.connection, service)


def copy_both_ways(one: socket.socket, other: socket.socket) -> None:
    while True:
        # What TLS has read already is no news to select.
        ready = [one] if getattr(one, "pending", int)() else select.select([one, other], [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


def context(certificate: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *about: object) -> None:
        pass


if __name__ == "__main__":
    SETTINGS.update(json.loads(sys.argv[1]))
    server = Server(("127.0.0.1", 0), Proxy)
    if "tls" in SETTINGS:
        server.socket = context(SETTINGS["tls"]).wrap_socket(server.socket, server_side=True)
    log(port=server.server_port)
    server.serve_forever()
