"""``pipelines``, ``count``, ``explain``, ``failures`` and ``events``; names that are suggested and completed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from bucketsnb import LocalBackend
from bucketsnb.cli import main
from tests.cli.conftest import Run
from tests.factory import make_work

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def queue(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    """Serve two failed works and a queued one of fitburst, and a queued one of notify."""
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    failed = [
        make_work(pipeline="fitburst", status="failure", event=[7], results={"error": f"no file /data/{number}"})
        for number in range(2)
    ]
    queued = [make_work(pipeline=name, status="queued", event=[329725615]) for name in ("fitburst", "notify")]
    backend.store.load([*failed, *queued])
    return backend


@pytest.mark.parametrize(
    "command", [["pipelines"], ["count"], ["explain"], ["failures"], ["events", "7"], ["watch", "--once"]], ids=" ".join
)
def test_a_service_that_is_not_there_is_an_error(run: Run, command: list[str]) -> None:
    code, out, err = run(*command, "--url", NOBODY)
    assert (code, out, err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    "options",
    [
        ["count", "--status", "sucess"],
        ["count", "--by", "sight"],
        ["explain", "--older-than", "soon"],
        ["failures", "--document", "["],
        ["events"],
        ["events", "seven"],
        ["history", "rats"],
        ["history", "--since", "yesteryear"],
        ["watch", "--every", "soon"],
        ["watch", "--every", "0s"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_a_wrong_argument(queue: LocalBackend, run: Run, options: list[str]) -> None:
    code, out, _ = run(*options)
    assert (code, out) == (2, "")


def test_pipelines_are_one_name_a_line(queue: LocalBackend, run: Run) -> None:
    assert run("pipelines") == (0, "fitburst\nnotify\n", "")
    assert json.loads(run("pipelines", "--json")[1]) == ["fitburst", "notify"]


def test_count_is_a_number(queue: LocalBackend, run: Run) -> None:
    assert run("count", "--pipeline", "fitburst", "--event", "7") == (0, "2\n", "")
    assert json.loads(run("count", "--status", "queued", "--json")[1]) == {"count": 2}
    assert run("count", "--site", "nowhere") == (0, "0\n", "")


def test_works_are_counted_by_columns(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("count", "--by", "pipeline", "--by", "status", "--json")
    counted = {(row["pipeline"], row["status"]): row["n_works"] for row in json.loads(out)}
    assert (code, counted) == (0, {("fitburst", "failure"): 2, ("fitburst", "queued"): 1, ("notify", "queued"): 1})
    assert "4 works by pipeline, status" in err
    assert run("count", "--by", "event")[1].splitlines()[1:] == ["7          2", "329725615  2"]


def test_explain_names_the_condition_that_is_to_blame(queue: LocalBackend, run: Run) -> None:
    options = ["explain", "--pipeline", "fitburst", "--site", "chim"]
    code, out, _ = run(*options)
    assert code == 0
    assert 'Without "site is chim", 3 works match.' in out
    told = json.loads(run(*options, "--json")[1])
    assert (told["matched"], [row["without"] for row in told["conditions"]]) == (0, [0, 3])
    assert "chime" in told["conditions"][1]["suggestion"]


def test_failures_are_grouped_by_their_error(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("failures")
    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["2", "fitburst"]
    assert "no file <path>" in out
    assert err == "1 group, of 2 failed works\n"
    (group,) = json.loads(run("failures", "--json", "--limit", "1")[1])
    assert (group["n_works"], group["pipeline"], group["last_seen"]) == (1, "fitburst", group["first_seen"])


def test_events_show_their_pipelines_and_those_without_works(queue: LocalBackend, run: Run) -> None:
    code, out, err = run("events", "329725615", "8")
    assert (code, err) == (0, "Without works: 8\n")
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["329725615", "fitburst", "queued"],
        ["329725615", "notify", "queued"],
    ]
    told = json.loads(run("events", "7", "8", "--json")[1])
    assert (told["events"][0]["n_works"], told["without_works"]) == (2, [8])


@pytest.mark.parametrize("command", ["view", "count", "failures", "status"])
def test_a_pipeline_without_works_is_said_with_the_name_that_is_near(
    queue: LocalBackend, run: Run, command: str
) -> None:
    code, _, err = run(command, "--pipeline", "notfy")
    assert code == 0
    assert "No works of a pipeline notfy; did you mean notify?" in err


def test_a_change_of_a_pipeline_without_works_suggests_too(queue: LocalBackend, run: Run) -> None:
    code, _, err = run("delete", "--pipeline", "fitbust", "--yes")
    assert code == 3
    assert "did you mean fitburst?" in err
    assert "lists those that do" in run("requeue", "-p", "fitburst", "-p", "xyzzy", "--event", "1", "--yes")[2]


def completions(*words: str) -> list[str]:
    """Ask as a shell does on Tab after the last word."""
    complete = ShellComplete(main, {}, "bucketsnb", "_BUCKETSNB_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


def test_the_names_of_pipelines_are_completed(queue: LocalBackend) -> None:
    assert completions("view", "--pipeline", "") == ["fitburst", "notify"]
    assert completions("delete", "-p", "no") == ["notify"]
    assert completions("status", "-p", "fitburst", "-p", "n") == ["notify"]


def test_pipelines_are_completed_from_the_service_that_the_line_names(queue: LocalBackend) -> None:
    assert completions("view", "--url", NOBODY, "--pipeline", "") == []


@pytest.mark.slow
def test_commands_are_completed_without_importing_what_they_need() -> None:
    assert completions("his") == ["history"]
    code = (
        "import sys\nfrom bucketsnb.cli import main\n"
        "from click.shell_completion import ShellComplete\n"
        "ShellComplete(main, {}, 'b', 'B').get_completions([], '')\n"
        "sys.exit(', '.join({'pandas', 'requests', 'starlette'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_service_that_never_answers_completes_nothing_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environ = {
            **os.environ,
            "BUCKETSNB_URL": url,
            "_BUCKETSNB_COMPLETE": "bash_complete",
            "COMP_WORDS": "bucketsnb view --pipeline ",
            "COMP_CWORD": "3",
        }
        code = "from bucketsnb.cli import main; main(prog_name='bucketsnb')"
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("", "")
