"""A JupyterLab for tests: its own folders and settings, nothing of the person's, and nothing that covers the page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bucketsnb.cli.jupyter_server import JupyterLab
from tests.conftest import FOREIGN

SETTINGS = {
    # The news pop-up covers the lower right corner and swallows clicks.
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Cells that are out of sight stay in the page, so that a test can find them.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}


@contextmanager
def started(folder: Path, log: Path, environ: Mapping[str, str]) -> Iterator[JupyterLab]:
    """Start JupyterLab on the notebooks of `folder`, and wait until it answers."""
    places = settings(folder.parent)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environ = {**inherited, "HOME": str(folder.parent / "jupyter"), **environ, **places}
    with (
        log.open("wb") as sink,
        JupyterLab(folder, environ=environ, log=sink, options=["--LabApp.expose_app_in_browser=True"]) as lab,
    ):
        lab.wait_until_ready()
        yield lab


def settings(folder: Path) -> dict[str, str]:
    """Make Jupyter's folders below this one, with settings; return the environment that points to them."""
    own = folder / "jupyter"
    _write_settings(own / "settings")
    places = {
        "JUPYTER_CONFIG_DIR": own / "config",
        "JUPYTER_DATA_DIR": own / "data",
        "JUPYTER_RUNTIME_DIR": own / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": own / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": own / "workspaces",
        "IPYTHONDIR": own / "ipython",
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    return {name: str(place) for name, place in places.items()}


def _write_settings(folder: Path) -> None:
    for name, values in SETTINGS.items():
        path = folder / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), "utf-8")
