"""The weekly report is one file that needs nothing else, or no file and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook

from bucketsnb.backend.samples import sample_works
from bucketsnb.cli import main
from bucketsnb.report import ReportFailed, render

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def report(out: Path, folder: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bucketsnb", "report", "--out", str(out), "--days", "3"]
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")  # not for this machine
    env = {**os.environ, **proxies, "PYTHONPATH": str(ROOT), "JUPYTER_PREFER_ENV_PATH": "1", **env}
    return subprocess.run(command, env=env, cwd=folder or out.parent, capture_output=True, text=True, timeout=240)


def test_the_report_is_one_file_with_tables_and_figures_and_no_code(backend, tmp_path):
    backend.store.load(sample_works(300))
    out = tmp_path / "report.html"
    done = report(out, BUCKETSNB_URL=backend.url)
    assert done.returncode == 0, done.stderr
    page = out.read_text("utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert "baseband-converter" in page
    assert "The 3 days before" in page
    assert "buckets.view" not in page
    assert ".ipynb" not in page
    assert "you can" not in page
    titles = re.findall(r"<h[12][^>]*>([^<]*)", page)
    assert titles == [
        "The week in the queue", "In short", "Pipelines", "What ended", "Why works failed", "What waits for a person",
        "Over time",
    ]  # fmt: skip
    labels = re.findall(r"<li><strong>([^<]*)</strong>: [^<]+</li>", page)
    assert labels == ["Done", "Failed", "Waiting", "Oldest", "Changed"]
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "<script" not in page
    assert [request.path for request in backend.requests if "audit" in request.path] == []


def test_it_is_made_from_a_folder_that_nobody_may_write_to(backend, tmp_path):
    out = tmp_path / "report.html"
    done = report(out, Path("/proc"), BUCKETSNB_URL=backend.url)
    assert done.returncode == 0, done.stderr
    assert out.exists()


def test_a_service_that_cannot_be_read_ends_with_an_exit_code_and_leaves_the_last_report(tmp_path):
    out = tmp_path / "report.html"
    out.write_text("the last one")
    done = report(out, BUCKETSNB_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert out.read_text() == "the last one"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_told_before_anything_is_read(backend, tmp_path):
    code = CliRunner().invoke(
        main, ["report", "--url", backend.url, "--out", str(tmp_path / "nowhere" / "report.html")]
    )
    assert (code.exit_code, len(backend.requests)) == (2, 0)
    assert "there is no folder" in code.stderr


@pytest.mark.parametrize(
    ("source", "seconds", "why"),
    [
        ("import os; os._exit(1)", 600, "the kernel of the report died"),
        ("import time; time.sleep(600)", 1, "a cell took more than 1 s"),
        ("1 / 0", 600, "ZeroDivisionError"),
    ],
)
def test_a_notebook_that_does_not_end_leaves_the_last_report_and_says_why(tmp_path, monkeypatch, source, seconds, why):
    monkeypatch.setattr("bucketsnb.report._SECONDS", seconds)
    cells = [new_code_cell("", metadata={"tags": ["parameters"]}), new_code_cell(source)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "book.ipynb")
    out = tmp_path / "report.html"
    out.write_text("the last one")
    with pytest.raises(ReportFailed, match=why):
        render(tmp_path / "book.ipynb", out, parameters={}, title="Report")
    assert out.read_text() == "the last one"
