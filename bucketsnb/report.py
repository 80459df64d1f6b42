"""A notebook run without a person and rendered as one HTML file: no code, no links to anywhere, readable on its own.

Needs the extra ``lab``. Nothing is written unless the whole notebook ran.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bucketsnb.errors import BucketsError, ConfigurationError
from bucketsnb.files import replace_file
from bucketsnb.formatting import excerpt
from bucketsnb.formatting_html import escape

try:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbconvert import HTMLExporter
except ImportError as error:
    raise ConfigurationError('reports need nbconvert and nbclient: pip install "bucketsnb[lab]"') from error

__all__ = ["ReportFailed", "render"]

TAG = "parameters"
_SECONDS = 600

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --jp-ui-font-color1: #1d2327; --jp-ui-font-color2: #5b6670;
  --jp-border-color2: #ccd2d8; --paper: #ffffff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --jp-ui-font-color1: #e6e9ec; --jp-ui-font-color2: #a3adb6;
  --jp-border-color2: #46505a; --paper: #15191d; }} }}
body {{ font: 14px/1.5 system-ui, sans-serif; color: var(--jp-ui-font-color1); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.2rem; margin-top: 2rem; }} h1, h2 {{ line-height: 1.25; }}
a.anchor-link, .jp-InputPrompt, .jp-OutputPrompt, .prompt {{ display: none; }}
img {{ max-width: 100%; height: auto; border-radius: 4px; }}
div.output, .jp-OutputArea-output {{ overflow-x: auto; }}
table {{ font-variant-numeric: tabular-nums; }}
pre {{ white-space: pre-wrap; }}
</style></head>
<body>
{body}
</body></html>
"""


class ReportFailed(BucketsError):
    """Run the notebook by hand to see where it stops; no report was written."""


def render(
    notebook: Path, out: Path, *, parameters: Mapping[str, Any], title: str, environ: Mapping[str, str] | None = None
) -> None:
    """Run a notebook with parameters and write it as one HTML file.

    Parameters
    ----------
    notebook
        With one code cell tagged ``parameters``, whose names may be set anew.
    out
        The file; its folder must exist. It is replaced whole, or not at all, and keeps its mode; a link is followed.
    parameters
        Names and plain values to set after the tagged cell.
    title
        Of the page.
    environ
        Variables that the notebook's process has besides those of this one.

    Raises
    ------
    ReportFailed
        A cell raised; the message is that of the error.
    """
    book = nbformat.read(notebook, as_version=4)
    _set(book, parameters)
    try:
        _client(book).execute(env={**os.environ, **(environ or {})})
    except CellExecutionError as error:
        told = excerpt(f"{error.ename}: {error.evalue}")
        raise ReportFailed(f"the report stopped at an error, and nothing was written: {told}") from error
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True, embed_images=True)
    body, _ = exporter.from_notebook_node(book)
    replace_file(out, _PAGE.format(title=escape(title), body=body))


def _client(book: nbformat.NotebookNode) -> NotebookClient:
    client = NotebookClient(book, timeout=_SECONDS, kernel_name="python3", store_widget_state=False)
    client.create_kernel_manager().transport = "ipc"  # what the report says is nobody else's on this machine
    return client


def _set(book: nbformat.NotebookNode, parameters: Mapping[str, Any]) -> None:
    place = next((i for i, cell in enumerate(book.cells) if TAG in cell.metadata.get("tags", ())), None)
    if place is None:
        raise ReportFailed(f"the notebook has no cell tagged {TAG!r}")
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    book.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
