"""``bucketsnb status`` and ``bucketsnb view``: the same facts for people, scripts and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from bucketsnb import LocalBackend
from tests.cli.conftest import invoke as run
from tests.factory import make_work
from tests.stub import Stub, raw


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    works = [make_work(pipeline="baseband-converter", status=status, id=None) for status in ("failure", "queued")]
    backend.store.load(
        [*works, make_work(pipeline="fitburst", status="failure", user="=HYPERLINK(0)\x1b[31m", id=None)]
    )
    return backend


def test_status_is_a_row_a_pipeline_and_a_total(queue: LocalBackend) -> None:
    code, out, err = run("status")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[2:]}
    assert rows["baseband-converter"] == ["2", "1", "0", "0", "1"]
    assert rows["(all)"] == ["3", "1", "0", "0", "2"]


def test_the_status_as_json_counts_pipelines_and_all(queue: LocalBackend) -> None:
    _, out, _ = run("status", "--json", "--pipeline", "fitburst")
    counts = {"total": 1, "queued": 0, "running": 0, "success": 0, "failure": 1}
    assert json.loads(out) == {"pipelines": {"fitburst": counts}, "total": counts, "problems": {}}


def test_a_pipeline_that_cannot_be_read_is_said_and_the_others_show(queue: LocalBackend) -> None:
    queue.faults.add("GET /status/details/fitburst", status=400)
    code, out, err = run("status", "--json")
    assert code == 5
    assert json.loads(out)["pipelines"]["fitburst"]["total"] is None
    assert json.loads(out)["pipelines"]["baseband-converter"]["total"] == 2
    assert "fitburst" in err
    assert err.count("\n") == 1


def test_view_is_a_table_and_says_how_many(queue: LocalBackend) -> None:
    code, out, err = run("view", "--status", "failure", "--limit", "1")
    assert code == 0
    assert out.splitlines()[0].split()[:3] == ["id", "pipeline", "status"]
    assert len(out.splitlines()) == 2
    assert err == "1 shown of 2 matched\n"


def test_view_options_are_one_query(queue: LocalBackend) -> None:
    options = ["--pipeline", "fitburst", "--pipeline", "baseband-converter", "--document", '{"status": "failure"}']
    _, out, _ = run("view", *options, "--site", "chime", "--json")
    query = json.loads(queue.requests[-1].body)["query"]
    assert query["pipeline"] == {"$in": ["fitburst", "baseband-converter"]}
    assert query["status"] == "failure"
    assert query["site"] == "chime"
    assert isinstance(json.loads(out), list)


def test_json_holds_whole_works(queue: LocalBackend) -> None:
    _, out, _ = run("view", "--limit", "0", "--json")
    held = json.loads(b"".join(queue.store.view({})))
    assert json.loads(out) == held


def test_text_of_the_service_moves_no_cursor_and_runs_in_no_spreadsheet(queue: LocalBackend) -> None:
    _, out, _ = run("view", "--pipeline", "fitburst")
    assert "\x1b" not in out
    _, out, _ = run("view", "--pipeline", "fitburst", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["user"] == "'=HYPERLINK(0)\\u001b[31m"
    assert json.loads(row["config"])["archive"]["results"] is True


def test_numbers_of_a_csv_are_numbers_and_ids_of_events_can_be_typed_again(queue: LocalBackend) -> None:
    queue.store.load([make_work(pipeline="events", timeout=3600, event=[9385707, 9385708])])
    (row,) = csv.DictReader(io.StringIO(run("view", "--pipeline", "events", "--csv")[1]))
    assert (row["timeout"], row["event"]) == ("3600", "[9385707, 9385708]")
    assert run("view", "--pipeline", "events")[1].rstrip().endswith("9385707, 9385708")


def test_a_long_word_does_not_widen_every_row(queue: LocalBackend) -> None:
    queue.store.load([make_work(pipeline="long", user="x" * 10_000, tags=["y" * 10_000])])
    assert max(map(len, run("view")[1].splitlines())) < 250


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_what_an_output_cannot_write_is_spelt_out(queue: LocalBackend, encoding: str, form: list[str]) -> None:
    queue.store.load([make_work(pipeline="letters", user="Jos\u00e9 \u65e5\u672c \U0001f52d")])
    command = [sys.executable, "-m", "bucketsnb", "view", "--pipeline", "letters", *form]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert json.loads(shown)[0]["user"].startswith("Jos\u00e9 \u65e5") if form == ["--json"] else "Jos\u00e9" in shown
    assert encoding == "utf-8" or "\\u65e5" in shown


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
def test_half_of_a_letter_is_spelt_out(form: list[str]) -> None:
    body = b'[{"id": "6b04a88bcce5d83e4c9bf3fc", "pipeline": "a\\ud800", "status": "queued", "user": "x\\u009b31m"}]'
    with Stub(default=raw(body)) as stub:
        command = [sys.executable, "-m", "bucketsnb", "view", "--url", stub.url, *form]
        done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"a\\ud800" in done.stdout
    if form == ["--json"]:
        assert b"x\\u009b31m" in done.stdout
        assert json.loads(done.stdout)[0]["pipeline"] == "a\ud800"


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]], ids=["table", "json", "csv"])
@pytest.mark.parametrize(
    "text", ["a\x1b[31m", "a\x9b2J", "a\u202eb", "a\u2066b", "a\x07b", "\x1b]0;title\x07", "a\x00b", "a\rb"]
)
def test_nothing_that_moves_a_cursor_reaches_a_terminal(queue: LocalBackend, form: list[str], text: str) -> None:
    queue.store.load([make_work(pipeline="steering", user=text, tags=[text], results={"error": text})])
    out = run("view", "--pipeline", "steering", *form)[1]
    assert not set(out) & set("\x00\x07\x1b\x9b\r\u202e\u2066")
    if form == ["--json"]:
        assert json.loads(out)[0]["user"] == text


def test_nothing_to_show_is_still_a_table(queue: LocalBackend) -> None:
    code, out, err = run("view", "--pipeline", "never-seen")
    assert code == 0
    assert out.split()[:2] == ["id", "pipeline"]
    assert err.startswith("0 shown of 0 matched\n")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--document", "{"], "--document"),
        (["--document", "[]"], "--document"),
        (["--older-than", "soon"], "soon"),
        (["--status", "sucess"], "sucess"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_query_that_cannot_be_meant_is_a_wrong_argument(queue: LocalBackend, options: list[str], named: str) -> None:
    code, out, err = run("view", *options)
    assert (code, out) == (2, "")
    assert named in err
    assert len(queue.requests) == 0
