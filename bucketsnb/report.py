"""Run a notebook and write it as one HTML file that has no code and needs no other file.

Needs the extra ``lab``. Nothing is written unless the whole notebook ran.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bucketsnb.display.markup import Markup, element, page
from bucketsnb.display.texts import truncate
from bucketsnb.errors import BucketsError, ConfigurationError
from bucketsnb.files import replace_file

try:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbconvert import HTMLExporter
except ImportError as error:
    raise ConfigurationError('reports need nbconvert and nbclient: pip install "bucketsnb[lab]"') from error

__all__ = ["ReportFailed", "render"]

TAG = "parameters"
NOTEBOOK_ONLY = "notebook"
"""Tag of cells that are only for the user of the notebook, and are left out of the report."""
_SECONDS = 600


class ReportFailed(BucketsError):
    """Run the notebook by hand to see where it stops; no report was written."""


def render(
    notebook: Path, out: Path, *, parameters: Mapping[str, Any], title: str, environ: Mapping[str, str] | None = None
) -> None:
    """Run a notebook with parameters and write it as one HTML file.

    Parameters
    ----------
    notebook
        A notebook with a cell tagged ``parameters``. Cells tagged ``notebook`` are run, but left out of the page.
    out
        The file; its folder must exist. It is replaced whole, or not at all, and keeps its mode; a link is followed.
    parameters
        Names and plain values to set after the tagged cell.
    title
        Title and first heading of the page.
    environ
        Environment variables of the notebook's process, in addition to those of this one.

    Raises
    ------
    ReportFailed
        If a cell raised an error, whose message is part of this one, a cell took more than 10 minutes, the kernel
        died, or no cell is tagged ``parameters``.
    OSError
        If the file cannot be written.
    """
    book = nbformat.read(notebook, as_version=4)
    _set(book, parameters)
    client = NotebookClient(book, timeout=_SECONDS, kernel_name="python3", store_widget_state=False)
    manager = client.create_kernel_manager()
    is_posix = os.name == "posix"
    place = "/tmp" if is_posix else None  # noqa: S108 - the path of a socket has 107 characters at most
    with tempfile.TemporaryDirectory(prefix="bucketsnb-", dir=place) as folder:
        if is_posix:  # sockets in a private folder: other users of this machine could listen on TCP
            manager.transport, manager.ip = "ipc", f"{folder}/kernel"
        try:
            client.execute(env={**os.environ, **(environ or {})})
        except CellExecutionError as error:
            problem = truncate(f"{error.ename}: {error.evalue}")
            raise ReportFailed(f"the report stopped at an error, and nothing was written: {problem}") from error
        except CellTimeoutError as error:
            problem = f"a cell took more than {_SECONDS} s"
            raise ReportFailed(f"the report was stopped, and nothing was written: {problem}") from error
        except DeadKernelError as error:
            raise ReportFailed("the kernel of the report died, and nothing was written") from error
    book.cells = [cell for cell in book.cells if NOTEBOOK_ONLY not in _tags(cell)]
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True, embed_images=True)
    body, _ = exporter.from_notebook_node(book)
    replace_file(out, page(title, Markup(element("h1", title) + body)))


def _set(book: nbformat.NotebookNode, parameters: Mapping[str, Any]) -> None:
    place = next((i for i, cell in enumerate(book.cells) if TAG in _tags(cell)), None)
    if place is None:
        raise ReportFailed(f"the notebook has no cell tagged {TAG!r}")
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    book.cells.insert(place + 1, nbformat.v4.new_code_cell(source))


def _tags(cell: nbformat.NotebookNode) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags
