"""A token is nowhere but in the header it is for: every word that is said, kept or shown is searched for it."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from bucketsnb import Buckets, LocalBackend
from bucketsnb.cli import main
from bucketsnb.errors import BucketsError
from tests.backend.serving import HERE
from tests.factory import make_work, make_works

TOKEN = "hush-7f3a9c-nobody-may-read-this"


@pytest.fixture
def guarded() -> Iterator[LocalBackend]:
    with LocalBackend(token=TOKEN) as backend:
        backend.store.load(make_works(5, status="failure", attempt=1))
        yield backend


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """Return what all loggers say, at the lowest level."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def test_a_day_of_work_leaves_no_token_in_logs_views_journal_history_or_code(
    guarded: LocalBackend, environment: Path, everything_logged: io.StringIO
) -> None:
    said = []
    with Buckets(guarded.url, token=TOKEN) as client:
        frame = client.view({})
        plan = client.plan_delete(frame)
        said += [
            repr(client),
            str(client.settings),
            repr(vars(client)),
            repr(frame),
            frame._repr_html_(),
            str(frame.attrs),
        ]
        said += [str(plan), plan._repr_html_(), repr(plan)]
        receipt = plan.apply()
        said += [str(receipt), receipt._repr_html_(), repr(vars(receipt)), str(receipt.undo())]
        said.append(str(client.journal()))
        client.deposit([make_work()])
        said += [str(client.status()), str(client.info()), repr(guarded), str(list(guarded.requests))]
    said.append(everything_logged.getvalue())
    assert "bucketsnb" in said[-1] or "POST /view" in said[-1]
    assert not [text for text in said if TOKEN in text]
    kept = [path for path in environment.rglob("*") if path.is_file()]
    assert any("journal" in str(path) for path in kept)
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


def test_no_traceback_with_locals_of_ours_shows_the_token(guarded: LocalBackend) -> None:
    guarded.faults.add("POST /view", status=500, times=50)
    with Buckets(guarded.url, token=TOKEN) as client, pytest.raises(BucketsError) as caught:
        client.view({})
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    while told is not None:
        for frame in told.stack:
            shown = frame.locals or {}
            assert "/tests/" in frame.filename or not [name for name, text in shown.items() if TOKEN in text], frame
        told = told.__cause__ or told.__context__  # type: ignore[assignment]


@pytest.mark.parametrize(
    "command", [["status"], ["view"], ["view", "--json"], ["journal"], ["delete", "--status", "failure"]]
)
def test_no_command_prints_the_token(
    guarded: LocalBackend, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("WORKFLOW_TOKEN", TOKEN)
    monkeypatch.setenv("BUCKETSNB_URL", guarded.url)
    for form in (["--debug"], []):
        result = CliRunner().invoke(main, [*form, *command])
        assert TOKEN not in result.output + repr(result.exception)


def test_the_completion_script_has_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in ("bash", "zsh", "fish"):
        environ = {**os.environ, "WORKFLOW_TOKEN": TOKEN, "_BUCKETSNB_COMPLETE": f"{shell}_source"}
        call = "from bucketsnb.cli import main; main(prog_name='bucketsnb')"
        ended = subprocess.run(
            [sys.executable, "-c", call], env=environ, capture_output=True, text=True, cwd=HERE, check=False
        )
        assert "bucketsnb" in ended.stdout
        assert TOKEN not in ended.stdout + ended.stderr


def test_a_service_with_a_token_file_shows_it_to_no_one_who_lists_processes(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    secret.chmod(0o600)
    command = [sys.executable, "-m", "bucketsnb", "serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/works.db"]
    with subprocess.Popen(
        [*command, "--token-file", str(secret)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            url = process.stdout.readline()
            with Buckets(url.split()[-1], token=TOKEN) as client:
                assert client.status() is not None
            with pytest.raises(BucketsError), Buckets(url.split()[-1]) as stranger:
                stranger.pipelines()
            me = psutil.Process(process.pid)
            for one in (me, *me.children(recursive=True)):
                assert not [word for word in one.cmdline() if TOKEN in word]
                assert TOKEN not in str(one.environ())
        finally:
            process.kill()
        assert TOKEN not in url + process.stderr.read()
