"""An entry of the journal belongs to the service that it changed: scheme, host, port and path, and its works."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.service import same_service
from bucketsnb.cli import main
from bucketsnb.confirm import question
from bucketsnb.errors import PlanError
from bucketsnb.widgets import DeletePanel
from bucketsnb.widgets.parts.wording import question_of
from tests.changes.helpers import PIPELINE, changes_sent, filled, journal_file, stored


@contextmanager
def gateway(**services: str) -> Iterator[str]:
    """Serve several services under one host and port, each under a path of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, name, rest = self.path.split("/", 2)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)) or None
            headers = {"content-type": self.headers.get("content-type") or "application/json"}
            asked = Request(f"{services[name]}/{rest}", data=body, headers=headers, method=self.command)
            with urlopen(asked) as answer:
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def staging() -> Iterator[LocalBackend]:
    with LocalBackend() as backend:
        yield backend


@pytest.fixture
def both(backend: LocalBackend, staging: LocalBackend) -> Iterator[str]:
    """Address of a gateway to two services."""
    with gateway(prod=backend.url, staging=staging.url) as url:
        yield url


@pytest.mark.parametrize("verb", ["delete", "requeue", "deposit"])
def test_an_entry_of_one_path_is_not_undone_into_another_and_stays_for_its_own(
    backend: LocalBackend, staging: LocalBackend, both: str, verb: str
) -> None:
    for one in (backend, staging):
        filled(one, 2, status="failure")
    with Buckets(f"{both}/prod") as prod, Buckets(f"{both}/staging") as other:
        before = sorted(work["creation"] for work in stored(prod).values())
        plan = {
            "delete": lambda: prod.plan_delete(pipeline=PIPELINE),
            "requeue": lambda: prod.plan_requeue(pipeline=PIPELINE),
            "deposit": lambda: prod.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}]),
        }[verb]()
        entry = plan.apply().entry
        with pytest.raises(PlanError, match=re.escape(f"changed works on {both}/prod, and this client speaks to")):
            other.undo(entry)
        assert changes_sent(staging) == []
        assert prod.undo(entry).ok
        assert sorted(work["creation"] for work in stored(prod).values()) == before


def test_plans_questions_receipts_panels_and_the_journal_show_the_path(backend: LocalBackend, both: str) -> None:
    filled(backend, 2)
    place = f"{both.removeprefix('http://')}/prod"
    with Buckets(f"{both}/prod/") as prod:
        plan = prod.plan_delete(pipeline=PIPELINE)
        panel = DeletePanel(prod)
        panel.box.offer(plan)
        assert place in question_of(panel.box.plan)["title"]
        assert place in panel.static()
        panel.box.disarm()
        panel.close()
        receipt = plan.apply()
        undo = prod.plan_undo(receipt.entry)
        for text in (str(plan), repr(plan), plan._repr_html_(), question(plan), str(receipt), receipt._repr_html_()):
            assert place in text
        assert place in undo.summary
        assert prod.journal().host.tolist() == [place]
        assert (plan.host, receipt.plan.host) == (place, place)
    result = CliRunner().invoke(main, ["undo", receipt.entry, "--url", f"{both}/prod"])
    assert place in result.stderr


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://gw/prod", "http://GW:80/prod/", True),
        ("https://gw", "HTTPS://gw:443/", True),
        ("http://me:secret@gw/prod", "http://gw./prod", True),
        ("http://gw/a/../prod", "http://gw/prod", True),
        ("http://gw/prod", "http://gw/staging", False),
        ("http://gw/prod", "https://gw/prod", False),
        ("http://gw/prod", "http://gw:8004/prod", False),
        ("http://gw/prod", "http://gw/prod/v2", False),
        ("http://gw/prod", "http://gw/Prod", False),
        ("http://gw:1e999/prod", "http://gw/prod", False),
    ],
)
def test_addresses_are_the_same_however_they_are_written(one: str, other: str, same: bool) -> None:
    assert same_service(one, other) is same


def old_head(entry: str, url: str | None, host: str) -> None:
    """Write the head of an entry as version 0.1 did, or without its address."""
    path = journal_file(entry)
    text = re.sub(r'"host":"[^"]*"', f'"host":"{host}"', path.read_text(), count=1)
    text = re.sub(r'"url":"[^"]*",', "" if url is None else f'"url":"{url}",', text, count=1)
    path.write_text(re.sub(r',"instance":[^]]*\]', "", text, count=1))


@pytest.mark.parametrize("with_url", [True, False])
def test_an_entry_of_an_older_version_is_undone(backend: LocalBackend, buckets: Buckets, with_url: bool) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    old_head(entry, backend.url if with_url else None, backend.url.removeprefix("http://"))
    assert "witnesses" not in journal_file(entry).read_text()
    assert buckets.undo(entry).ok


def test_an_entry_of_an_older_version_with_a_host_alone_is_refused_elsewhere(
    backend: LocalBackend, buckets: Buckets
) -> None:
    filled(backend, 2)
    entry = buckets.plan_delete(pipeline=PIPELINE).apply().entry
    old_head(entry, None, "frb-vsop.chime:8004")
    with pytest.raises(PlanError, match=re.escape("changed works on frb-vsop.chime:8004")):
        buckets.undo(entry)


# --- the same address, another service ---


def change(client: Buckets, backend: LocalBackend, verb: str) -> str:
    if verb == "deposit":
        return client.plan_deposit([{"pipeline": "new", "site": "chime", "user": "me"}]).apply().entry
    ids = filled(backend, 4, status="failure")
    which = ids[:2] if verb == "delete" else ids
    plan = client.plan_delete(which) if verb == "delete" else client.plan_requeue(which)
    return plan.apply().entry


@pytest.mark.parametrize("verb", ["delete", "requeue", "deposit"])
def test_an_undo_refuses_where_another_service_answers_at_the_address_and_goes_where_its_works_are(
    tmp_path: Path, verb: str
) -> None:
    store = f"sqlite:///{tmp_path / 'works.db'}"
    with LocalBackend(store) as first:
        port = int(first.url.rpartition(":")[2])
        with Buckets(first.url) as client:
            entry = change(client, first, verb)
    with LocalBackend(port=port) as other, Buckets(other.url) as client:
        filled(other, 3)
        with pytest.raises(PlanError, match="Another service may answer at this address"):
            client.undo(entry)
        assert changes_sent(other) == []
        assert client.journal().undone.tolist() == ["no"]
        assert client.plan_undo(entry, allow_other_host=True).count == (
            2 if verb == "delete" else 1 if verb == "deposit" else 4
        )
    with LocalBackend(store, port) as again, Buckets(again.url) as client:
        assert client.undo(entry).ok


def test_works_that_others_deleted_meanwhile_are_no_sign_of_another_service(
    backend: LocalBackend, buckets: Buckets
) -> None:
    ids = filled(backend, 4)
    entry = buckets.plan_delete(ids[:2]).apply().entry
    backend.store.delete(ids[2:])
    assert buckets.undo(entry).ok
