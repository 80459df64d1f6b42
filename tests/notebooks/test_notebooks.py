"""Every notebook runs from top to bottom on a local backend, and is committed without what it showed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from bucketsnb.backend.samples import sample_works
from bucketsnb.backend.server import LocalBackend

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


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


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@each_notebook
def test_a_notebook_runs_from_top_to_bottom(
    path: Path, backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.store.load(sample_works(300))
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    outputs = [output for cell in run(path, tmp_path).cells for output in cell.get("outputs", [])]
    assert outputs
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []


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
