"""A token is nowhere but in the header it is for: every word that is said, kept or shown is searched for it."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import click
import ipywidgets
import psutil
import pytest
from click.testing import CliRunner
from IPython.core.ultratb import VerboseTB

from bucketsnb import Buckets, LocalBackend, Query, app
from bucketsnb.cli import main
from bucketsnb.errors import BucketsError
from bucketsnb.transport import session
from bucketsnb.widgets.core.messages import message_of
from tests.backend.serving import HERE
from tests.factory import make_work, make_works

pytestmark = pytest.mark.slow

TOKEN = "hush-7f3a9c-nobody-may-read-this"
PASSWORD = "pass-51d0e8-nobody-either"


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
        history = client.history()
        history.record(client.status())
        said += [repr(history), str(vars(history))]
        with client.watch(every=60) as watch:
            said += [repr(watch), str(vars(watch))]
        for thing in (client.failures(), client.group_count(), client.stale()):
            said += [repr(thing), thing._repr_html_()]
        said += [Query(status="failure").to_code(), repr(client.explain({"user": "nobody"}))]
        with client.claim("baseband-converter") as claim:
            said += [repr(claim), str(claim), str(vars(claim)), str(claim.give_back())]
    said.append(everything_logged.getvalue())
    assert "bucketsnb" in said[-1] or "POST /view" in said[-1]
    assert not [text for text in said if TOKEN in text]
    kept = [path for path in environment.rglob("*") if path.is_file()]
    assert {"journal", "history.db"} <= {part for path in kept for part in path.parts}
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "401": {"status": 401},
    "echo": {"status": 422, "body": f"who sent {TOKEN}?".encode()},
    "garbage": {"body": f"[{TOKEN}".encode()},
    "redirect": {"status": 302, "headers": {"location": f"http://elsewhere.invalid/?{TOKEN}"}},
    "silence": {"delay": 1.5},
    "hang up": {"hang_up": "before"},
}
CALLS: dict[str, Callable[[Buckets], object]] = {
    "view": lambda client: client.view({}),
    "ids": lambda client: client.count({"user": "else"}),
    "status": lambda client: client.status(),
    "deposit": lambda client: client.deposit([make_work()]),
    "withdraw": lambda client: client.withdraw("baseband-converter"),
    "update": lambda client: client.update([{"id": "nobody", "user": "else"}]),
    "delete": lambda client: client.plan_delete(pipeline="baseband-converter").apply().raise_for_outcome(),
}


def failure_of(client: Buckets, call: Callable[[Buckets], object]) -> BucketsError:
    with pytest.raises(BucketsError) as caught:
        call(client)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_error_and_no_traceback_with_locals_shows_the_token(
    guarded: LocalBackend, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "pause", lambda _: None)
    address = guarded.url.replace("//", f"//somebody:{PASSWORD}@")
    with Buckets(address, token=TOKEN, timeout=0.3 if "delay" in fault else 5) as client:
        for name, call in CALLS.items():
            guarded.faults.clear()
            guarded.faults.add("*", times=None, **fault)
            error = failure_of(client, call)
            said = [str(error), repr(error), repr(error.args), repr(vars(error)), str(message_of(error))]
            said += traceback.format_exception(error)
            # What is above the line where a test holds the token is nobody's traceback but ours.
            said += [text for frame, text in locals_of(error) if "/tests/" not in frame]
            said.append(VerboseTB().text(type(error), error, below_tests(error)))
            assert not [text for text in said if TOKEN in text or PASSWORD in text], name


def locals_of(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield each local variable of each frame as what shows it would write it: by repr, and by the fields of values."""
    told: traceback.TracebackException | None = traceback.TracebackException.from_exception(error, capture_locals=True)
    while told is not None:
        yield from ((frame.filename, str(frame.locals)) for frame in told.stack)
        told = told.__cause__ or told.__context__
    link: BaseException | None = error
    while link is not None:
        for frame, _ in traceback.walk_tb(link.__traceback__):
            for value in [*frame.f_locals.values(), *vars(frame.f_locals.get("self", link)).values()]:
                yield frame.f_code.co_filename, repr(value)
                if dataclasses.is_dataclass(value) and not isinstance(value, type):
                    shown = [one.name for one in dataclasses.fields(value) if one.repr]
                    yield frame.f_code.co_filename, repr([getattr(value, name, None) for name in shown])
        link = link.__cause__ or link.__context__


def below_tests(error: BaseException) -> TracebackType | None:
    """Return the traceback from our first frame on."""
    trace = error.__traceback__
    while trace is not None and "/tests/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return trace


def test_no_copy_and_no_pickle_holds_the_token(guarded: LocalBackend) -> None:
    with Buckets(guarded.url, token=TOKEN) as client:
        plan = client.plan_delete(client.view({}))
        things = [client, client.api, client.api.transport, client.settings, client.settings.token, plan, plan.apply()]
        for thing in [*things, client.view({}), client.status(), Query(status="failure"), client.history()]:
            assert TOKEN not in repr(thing) + str(thing) + repr(getattr(thing, "__dict__", ""))
            for copied in (pickle.dumps, copy.copy, copy.deepcopy):
                try:
                    made = copied(thing)
                except TypeError:
                    continue  # refused, as a connection is
                assert TOKEN not in repr(made), type(thing)
                assert TOKEN.encode() not in (made if isinstance(made, bytes) else b""), type(thing)
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(client)


def test_no_widget_keeps_the_token(guarded: LocalBackend) -> None:
    with Buckets(guarded.url, token=TOKEN) as client:
        page = app(client, Query(status="failure"))
        deadline = time.monotonic() + 30
        while page.state.frame is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert page.state.frame is not None
        guarded.faults.add("*", status=422, body=TOKEN.encode(), times=None)
        page.reader.refresh()
        while not page.messages.shown and time.monotonic() < deadline:
            time.sleep(0.02)
        kept = json.dumps(ipywidgets.Widget.get_manager_state(), default=str)
        said = [kept, str(page.static()), repr(page.messages.shown), page.filters.query.to_code()]
        page.close()
    assert "422" in said[2]
    assert not [text for text in said if TOKEN in text]


@pytest.mark.parametrize(
    "command", [["status"], ["view"], ["view", "--json"], ["journal"], ["delete", "--status", "failure"]]
)
def test_no_command_prints_the_token(
    guarded: LocalBackend, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("WORKFLOW_TOKEN", TOKEN)
    monkeypatch.setenv("BUCKETSNB_URL", guarded.url)
    for form in (["--debug"], []):
        assert TOKEN not in _printed([*form, *command])
    guarded.faults.add("*", status=422, body=TOKEN.encode(), times=None)
    printed = _printed(["--debug", *command])
    assert TOKEN not in printed
    assert "Traceback" in printed or command == ["journal"]


def _printed(arguments: list[str]) -> str:
    result = CliRunner().invoke(main, arguments)
    return result.stdout + result.stderr + repr(result.exception)


def test_no_help_shows_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_TOKEN", TOKEN)
    monkeypatch.setenv("BUCKETSNB_URL", f"http://somebody:{PASSWORD}@localhost:1")
    for command in ([], *([name] for name in main.list_commands(click.Context(main)))):
        result = CliRunner().invoke(main, [*command, "--help"])
        assert "Usage" in result.output
        assert TOKEN not in result.output
        assert PASSWORD not in result.output


def test_the_completion_script_has_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in ("bash", "zsh", "fish"):
        environ = {**os.environ, "WORKFLOW_TOKEN": TOKEN, "_BUCKETSNB_COMPLETE": f"{shell}_source"}
        call = "from bucketsnb.cli import main; main(prog_name='bucketsnb')"
        ended = subprocess.run(
            [sys.executable, "-c", call], env=environ, capture_output=True, text=True, cwd=HERE, check=False
        )
        assert "bucketsnb" in ended.stdout
        assert TOKEN not in ended.stdout + ended.stderr
        word = "--" if shell == "fish" else "2"
        asked = {"_BUCKETSNB_COMPLETE": f"{shell}_complete", "COMP_WORDS": "bucketsnb view --", "COMP_CWORD": word}
        environ |= asked
        ended = subprocess.run(
            [sys.executable, "-c", call], env=environ, capture_output=True, text=True, cwd=HERE, check=False
        )
        assert "--pipeline" in ended.stdout
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
