"""A command whose output is lost did what it did all the same, and says so by its exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketsnb import LocalBackend
from bucketsnb.cli import main
from tests.factory import make_work
from tests.stub import Stub, raw

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "bucketsnb"]
DELETE = ["delete", "--pipeline", "baseband-converter", "--status", "failure", "--yes"]


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    """Serve 300 failed works, so that a receipt as JSON is larger than a buffer."""
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    backend.store.load([make_work(status="failure", id=None) for _ in range(300)])
    return backend


def into_nothing(arguments: list[str], kind: str) -> tuple[int, str]:
    """Run a command whose output goes to a reader that has gone, to a full disk, or nowhere."""
    if kind == "closed":
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments], stderr=subprocess.PIPE, text=True, check=False
        )
        return done.returncode, done.stderr
    if kind == "full":
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            return done.returncode, done.stderr
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("change", "kind"),  # a delete is lost in every way below
    [
        (["requeue", "--pipeline", "baseband-converter", "--yes"], "pipe"),
        (["update", "--pipeline", "baseband-converter", "--set", "priority=5", "--yes"], "full"),
        (["deposit", "new.csv", "--yes"], "closed"),
        (["audit", "--yes"], "pipe"),
        (["withdraw", "--pipeline", "waiting", "--yes"], "full"),
    ],
    ids=["requeue", "update", "deposit", "audit", "withdraw"],
)
def test_every_change_says_how_to_take_it_back_before_anything_else(queue, change, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("pipeline,site,user\nnew-ones,chime,me\n")
    queue.store.load([make_work(pipeline="waiting", status="queued", id=None)])
    code, said = into_nothing(change, kind)
    assert (code, "Traceback" in said) == (0, False)
    assert re.match(r"To (take|give) it back: bucketsnb (undo|withdraw --give-back) 2", said), said


def test_a_change_whose_answer_was_lost_says_how_to_take_it_back(queue):
    queue.faults.add("DELETE /work", status=504, times=None)
    code, said = into_nothing(DELETE, "full")
    assert (code, said.partition(":")[0]) == (1, "To take it back")


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("kind", ["pipe", "full", "closed"])
def test_a_change_keeps_its_exit_code_and_says_first_how_to_take_it_back(queue, kind, form):
    code, said = into_nothing([*DELETE, *form], kind)
    assert code == 0
    assert said.startswith("To take it back: bucketsnb undo 2")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert queue.store.status()["total"] == 0
    assert kind != "full" or "could not be written" in said


def test_a_change_that_was_done_in_part_says_so_by_its_code_on_a_full_disk(queue):
    def one_moves(store):
        one = json.loads(b"".join(store.view({"status": "failure"}, limit=1)))[0]
        store.update([{"id": one["id"], "status": "queued"}])

    queue.faults.add("DELETE /work", change=one_moves)
    queue.faults.add("DELETE /work", status=400, times=None)
    code, said = into_nothing(DELETE, "full")
    assert (code, said.partition(":")[0]) == (5, "To take it back")


def test_nothing_matched_keeps_its_code_without_a_reader(queue):
    assert into_nothing(["delete", "--pipeline", "none", "--yes", "--json"], "pipe")[0] == 3


def test_a_reader_that_has_gone_has_what_it_wants_and_a_full_disk_is_an_error(queue):
    assert into_nothing(["view"], "pipe")[0] == 0
    code, said = into_nothing(["view", "--csv"], "full")
    assert (code, said.count("No space left")) == (1, 1)


def test_a_change_whose_messages_are_lost_too_keeps_its_code(queue):
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([*COMMAND, *DELETE], stdout=full, stderr=full, check=False).returncode == 0


def strict(text):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"results": {"snr": [%s, 1.5, "NaN"]}', '"start": %s', '"priority": %s, "odd": %s'])
def test_json_is_json_whatever_numbers_a_service_sends(number, place):
    odd = place.replace("%s", number)
    body = f'[{{"id": "6b04a88bcce5d83e4c9bf3fc", "pipeline": "NaN", {odd}}}]'
    with Stub(default=raw(body.encode())) as stub:
        result = CliRunner().invoke(main, ["view", "--url", stub.url, "--json"])
        rows = CliRunner().invoke(main, ["view", "--url", stub.url, "--csv"])
    (work,) = strict(result.stdout)
    assert work["pipeline"] == "NaN"
    assert "results" not in work or work["results"]["snr"][1:] == [1.5, "NaN"]
    assert rows.exit_code == 0
    assert "Infinity" not in rows.stdout
