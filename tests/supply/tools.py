"""Virtual environments from nothing, by uv: it can be told to take the oldest of everything."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parents[2]


class Broken(Exception):
    """A command failed; its output was shown."""


def run(command: list[str], *, cwd: Path = HERE, environ: Mapping[str, str] | None = None) -> None:
    """Run a command that must succeed, without modules of ours on the way."""
    done = subprocess.run(_shown(command), cwd=cwd, check=False, env=clean(environ))
    if done.returncode:
        raise Broken(f"{' '.join(command[:4])} ... ended with {done.returncode}")


def output(
    command: list[str], *, cwd: Path = HERE, code: int | None = 0, environ: Mapping[str, str] | None = None
) -> str:
    """Return what a command says, in both streams. It must end with `code`; None stands for anything but 0."""
    done = subprocess.run(
        _shown(command), cwd=cwd, check=False, env=clean(environ), capture_output=True, text=True, timeout=300
    )
    said = done.stdout + done.stderr
    if (done.returncode == 0) if code is None else (done.returncode != code):
        raise Broken(f"{' '.join(command[:4])} ... ended with {done.returncode}: {said}")
    return said


def environment(folder: Path, python: str, *arguments: str) -> str:
    """Make a virtual environment that holds what uv is asked to install, and return its Python."""
    run([*uv(), "venv", "--quiet", "--python", python, str(folder)])
    made = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if arguments:
        run([*uv(), "pip", "install", "--quiet", "--python", made, *arguments])
    return made


@functools.cache
def uv() -> tuple[str, ...]:
    """Return how uv is called here; where there is none, it is installed into a folder of its own."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None:
        folder = tempfile.mkdtemp(prefix="uv-")
        run([sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "uv"])
        found = str(Path(folder) / "bin" / "uv")
    return (found,)


def python_here(version: str) -> str | None:
    """Return the Python of a version, if this machine has it, on the path or of pyenv; none is downloaded."""
    command = [*uv(), "python", "find", "--no-python-downloads", "--no-project", "--system", version]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout.strip()
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return next((str(python) for python in sorted(root.glob(f"versions/{version}.*/bin/python"))), None)


def _shown(command: list[str]) -> list[str]:
    print("$", *(part if len(part) < 100 else "..." for part in command[:10]), flush=True)  # noqa: T201
    return command


def clean(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which no module of ours is found by accident."""
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}  # IPython warns of an empty one
    return {**kept, "PYTHONPATH": "", **(environ or {})}
