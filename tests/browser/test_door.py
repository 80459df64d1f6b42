"""A page of another machine, in a real browser: on a service without a token it changes nothing and reads nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route

from bucketsnb.backend.server import LocalBackend
from tests.browser.conftest import CHROMIUM_OPTIONS
from tests.factory import make_work

SECRET = "a-pipeline-that-no-page-may-read"
NAMES = "MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1"
TELL = "then(answer => answer.text()).then(text => document.title = text, error => document.title = 'refused')"
SENT_JSON = '\'[{"pipeline": "x"}]\''

AUDITS = {
    "image": "<img src='SERVICE/audit/stale/0'>",
    "image that says no page": "<img referrerpolicy='no-referrer' src='SERVICE/audit/stale/0'>",
    "image by a redirect": "<img src='/redirect?code=302&to=SERVICE/audit/stale/0'>",
    "script": "<script src='SERVICE/audit/stale/0'></script>",
    "style": "<div style='background: url(SERVICE/audit/stale/0)'>x</div>",
    "frame": "<iframe src='SERVICE/audit/stale/0'></iframe>",
    "frame in a sandbox": "<iframe sandbox src='SERVICE/audit/stale/0'></iframe>",
    "link": "<a id='go' href='SERVICE/audit/stale/0'>x</a><script>go.click()</script>",
    "link that says no page": """<a id='go' rel='noreferrer' href='SERVICE/audit/stale/0'>x</a>
        <script>go.click()</script>""",
    "refresh": "<meta http-equiv='refresh' content='0; url=SERVICE/audit/stale/0'>",
    "redirect": "<script>location = '/redirect?code=303&to=SERVICE/audit/stale/0'</script>",
    "fetch": "<script>fetch('SERVICE/audit/stale/0', {mode: 'no-cors', referrerPolicy: 'no-referrer'})</script>",
    "events": "<script>new EventSource('SERVICE/audit/stale/0')</script>",
    "websocket": "<script>new WebSocket('SERVICE/audit/stale/0'.replace('http', 'ws'))</script>",
    "module": "<script type='module'>import 'SERVICE/audit/stale/0'</script>",
}
CHANGES = {
    "form as text": """<form id='form' method='post' enctype='text/plain' action='SERVICE/work'>
        <input name='[{"pipeline": "x", "user": "' value='"}]'></form><script>form.submit()</script>""",
    "form by a redirect": """<form id='form' method='post' enctype='text/plain'
        action='/redirect?code=307&to=SERVICE/work'><input name='[{"pipeline": "x", "user": "' value='"}]'></form>
        <script>form.submit()</script>""",
    "form in a sandbox": """<iframe sandbox='allow-forms allow-scripts' srcdoc="<form id='form' method='post'
        enctype='text/plain' action='SERVICE/work/withdraw'><input name='{&quot;pipeline&quot;: &quot;'
        value='&quot;}'></form><script>form.submit()</script>"></iframe>""",
    "fetch of text": f"""<script>
        fetch('SERVICE/work', {{method: 'POST', mode: 'no-cors', body: {SENT_JSON}}})</script>""",
    "beacon": f"<script>navigator.sendBeacon('SERVICE/work', {SENT_JSON})</script>",
    "delete": "<script>fetch('SERVICE/work?ids=THE_ID', {method: 'DELETE'})</script>",
    "put": "<script>fetch('SERVICE/work', {method: 'PUT', body: '[{\"id\": \"THE_ID\", \"priority\": 1}]'})</script>",
}
READS = {
    "status": f"<script>fetch('SERVICE/status/pipelines').{TELL}</script>",
    "version": f"<script>fetch('SERVICE/version').{TELL}</script>",
    "view": f"<script>fetch('SERVICE/view', {{method: 'POST', body: '{{}}'}}).{TELL}</script>",
}
ATTACKS = {**AUDITS, **CHANGES, **READS}


class Attacker(BaseHTTPRequestHandler):
    """Serves one page, and redirects to wherever it is told."""

    page = ""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        options = parse_qs(asked.query)
        if asked.path == "/redirect":
            self.send_response(int(options["code"][0]))
            self.send_header("location", options["to"][0])
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(type(self).page.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def attacker() -> Iterator[str]:
    """Address of a page on another site, whose name leads to this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://evil.example:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def led_browser(browser: Browser, chromium: str) -> Iterator[Browser]:
    # Newer browsers ask the person before a page reaches this machine: the service must not count on that.
    options = [*CHROMIUM_OPTIONS, f"--host-resolver-rules={NAMES}", "--disable-features=LocalNetworkAccessChecks"]
    led = browser.browser_type.launch(executable_path=chromium, args=options)
    yield led
    led.close()


@pytest.fixture
def page(led_browser: Browser) -> Iterator[Page]:
    context = led_browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def service(backend: LocalBackend) -> Iterator[LocalBackend]:
    """Give a service with one work that every audit fails and every withdrawal claims; hold that it stays as it is."""
    backend.store.load([make_work(pipeline=SECRET, status="queued", creation=0.0)])
    before = b"".join(backend.store.view({}))
    yield backend
    assert before == b"".join(backend.store.view({}))


def page_of(attack: str, service: LocalBackend) -> str:
    (work,) = msgspec.json.decode(b"".join(service.store.view({})))
    return f"<body>{attack}".replace("SERVICE", service.url).replace("THE_ID", work["id"])


def until(holds: Callable[[], bool], page: Page) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "the browser has sent nothing"
        page.wait_for_timeout(20)


def answered(service: LocalBackend) -> bool:
    return any(one.status is not None for one in service.requests)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_of_another_machine_changes_nothing_and_reads_nothing(
    page: Page, attacker: str, service: LocalBackend, attack: str
) -> None:
    Attacker.page = page_of(ATTACKS[attack], service)
    page.goto(attacker, wait_until="commit")
    until(lambda: answered(service), page)
    if attack in READS:
        until(lambda: page.title() == "refused", page)
    assert {one.status for one in service.requests if one.path != "/favicon.ico"} == {403}


@pytest.mark.parametrize("path", ["/audit/stale/0", "/audit/expired", "/audit/failed"])
def test_an_address_that_is_opened_from_a_mail_makes_no_audit(page: Page, service: LocalBackend, path: str) -> None:
    answer = page.goto(service.url + path)
    assert answer is not None
    assert (answer.status, service.requests[0].headers["sec-fetch-site"]) == (403, "none")


REBOUND = {
    "reads": "fetch('/status/pipelines')",
    "views": "fetch('/view', {method: 'POST', body: '{}'})",
    "audits": "fetch('/audit/stale/0')",
    "deposits": f"fetch('/work', {{method: 'POST', body: {SENT_JSON}}})",
    "claims": f"fetch('/work/withdraw', {{method: 'POST', body: '{{\"pipeline\": \"{SECRET}\"}}'}})",
}


@pytest.mark.parametrize("sent", REBOUND.values(), ids=REBOUND)
def test_a_page_whose_name_leads_to_this_machine_is_of_no_use(page: Page, service: LocalBackend, sent: str) -> None:
    """Its first answer comes from its own machine, and the next name server's answer is this machine."""
    there = f"http://rebound.example:{urlsplit(service.url).port}/"

    def first(route: Route) -> None:
        route.fulfill(body=f"<script>{sent}.{TELL}</script>", content_type="text/html")

    page.route(there, first)
    page.goto(there)
    until(lambda: "own names only" in page.title(), page)
    assert SECRET not in page.title()
    assert {one.status for one in service.requests} == {403}


def test_a_page_of_this_machine_reads(page: Page, attacker: str, service: LocalBackend) -> None:
    Attacker.page = page_of(READS["status"], service)
    page.goto(attacker.replace("evil.example", "localhost"))
    until(lambda: SECRET in page.title(), page)
