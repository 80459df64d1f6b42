"""Every notebook runs from top to bottom on a local backend, and is committed without what it showed."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend
from bucketsnb.errors import ReadOnly, Unreachable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MARK = "<== REAL SERVICE"
COMMANDS = {
    "06-weekly-report": ("papermill", "{notebook}", "{notebook}"),
    "02-ask-the-queue": ("jupyter", "execute", "--inplace", "{notebook}"),
}
"""The notebooks that are run by the usual commands; the others are run by the library below both."""


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


CHANGING = [path for path in NOTEBOOKS if any(".apply()" in cell.source for cell in code_cells(path))]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_changing_notebook = pytest.mark.parametrize("path", CHANGING, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kernels be of this Python, and find the package from any folder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a kernel of this Python, with `folder` as its working folder."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
    )
    client.execute()
    return notebook


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def troubles(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    return [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def bars(outputs: list[nbformat.NotebookNode]) -> list[str]:
    """Return the texts of progress bars, which a saved notebook keeps as they were at their start."""
    texts = [str(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs]
    return [text for text in texts if "%|" in text]


def run_here(path: Path, edit: Callable[[str], str] = str) -> None:
    """Run the code of a notebook in this process, after an edit of its first cell."""
    first, *others = [cell.source for cell in code_cells(path)]
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in (edit(first), *others):
            exec(compile(source, path.name, "exec"), names)


def test_all_seven_notebooks_are_run() -> None:
    assert len(NOTEBOOKS) == 7
    assert len(CHANGING) == 3


def run_by(command: tuple[str, ...], path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a copy of a notebook by a command in a process of its own."""
    copy = Path(shutil.copyfile(path, folder / path.name))
    words = [word.format(notebook=path.name) for word in command]
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return nbformat.read(copy, as_version=4)


@each_notebook
def test_a_notebook_runs_from_top_to_bottom_with_nothing_set_up(path: Path, tmp_path: Path) -> None:
    command = COMMANDS.get(path.stem)
    outputs = outputs_of(run_by(command, path, tmp_path) if command else run(path, tmp_path))
    assert outputs
    assert troubles(outputs) == []
    assert bars(outputs) == []


def test_a_long_read_leaves_no_bar_in_the_saved_notebook(tmp_path: Path) -> None:
    cells = [
        "import bucketsnb\nbuckets = bucketsnb.practice(works=100)",
        "len(buckets.view({}, limit=None, page_size=20))",
        "sum(map(len, buckets.iter_frames({}, page_size=20)))",
    ]
    path = tmp_path / "long.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    outputs = outputs_of(run(path, tmp_path))
    assert [one.data["text/plain"] for one in outputs if one.output_type == "execute_result"] == ["100", "100"]
    assert bars(outputs) == []


@each_notebook
def test_one_marked_line_leads_to_a_real_service(path: Path) -> None:
    lines = [line for cell in code_cells(path) for line in cell.source.splitlines()]
    (marked,) = [line for line in lines if MARK in line]
    assert marked in code_cells(path)[0].source
    assert [line for line in lines if "Buckets(" in line and "read_only=True" not in line] == []
    assert [line for line in lines if "bucketsnb.practice(works=2000)" in line]


@each_changing_notebook
def test_a_changing_notebook_leaves_the_service_of_the_environment_alone(
    path: Path, backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    run_here(path)
    assert list(backend.requests) == []


def works_of(backend: LocalBackend) -> bytes:
    return b"".join(backend.store.view({}, None))


def as_it_says(line: str, url: str) -> str:
    return line.removeprefix("# ").replace("http://...", url)


def without_an_address(line: str, url: str) -> str:
    return line.removeprefix("# ").replace('"http://...", ', "")


def with_the_address_beside_the_dots(line: str, url: str) -> str:
    return line.removeprefix("# ").replace("http://...", f'http://...", "{url}')


def with_the_dots_left(line: str, url: str) -> str:
    return line.removeprefix("# ")


@each_changing_notebook
@pytest.mark.parametrize(
    "edit",
    [as_it_says, without_an_address, with_the_address_beside_the_dots, with_the_dots_left],
    ids=lambda edit: edit.__name__,
)
def test_a_changing_notebook_that_was_led_to_a_real_service_changes_nothing_there(
    path: Path, edit: Callable[[str, str], str], backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.store.load(sample_works(500))
    before = works_of(backend)
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)

    def edited(cell: str) -> str:
        return "\n".join(edit(line, backend.url) if MARK in line else line for line in cell.splitlines())

    with pytest.raises((ReadOnly, Unreachable, TypeError)):
        run_here(path, edited)
    assert works_of(backend) == before


@each_notebook
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    kept = [cell.id for cell in code_cells(path) if cell.outputs or cell.execution_count is not None]
    assert kept == []
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


@each_notebook
def test_a_notebook_opens_with_what_it_teaches_and_ends_with_where_to_go(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "you can" in cells[0].source
    assert cells[-1].cell_type == "markdown"
    assert cells[-1].source.startswith("## Where to go next")


@each_notebook
def test_no_line_applies_and_takes_back_at_once(path: Path) -> None:
    lines = [line for cell in code_cells(path) for line in cell.source.splitlines()]
    assert [line for line in lines if ".apply(" in line and "undo" in line] == []


def test_one_notebook_shows_a_work_that_drifted_and_was_left_alone() -> None:
    names: dict[str, Any] = {}
    sources = [cell.source for cell in code_cells(ROOT / "notebooks" / "03-clean-up-stale-work.ipynb")]
    applied = next(index for index, source in enumerate(sources) if source.startswith("receipt = plan.apply()"))
    for source in sources[: applied + 1]:
        exec(compile(source, "03", "exec"), names)
    (drifted,) = names["receipt"].frame.query("outcome == 'drifted'")["id"]
    assert names["buckets"].work(drifted)["priority"] == 5
    assert names["receipt"].counts["done"] == names["plan"].count - 1
