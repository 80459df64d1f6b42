"""The oldest dependencies that are allowed, every Python that is, and each end of pandas on each end of Python."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.supply.tools import HERE, clean, environment, output, python_here, uv

SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")

ELSEWHERE = ("browser", "soak", "benchmarks", "notebooks", "test_static.py")
"""Tests that say nothing of a dependency's age or of Python's, and take long."""

OLDEST_PANDAS: Mapping[str, str] = {
    "3.10": "2.2.2",
    "3.11": "2.2.2",
    "3.12": "2.2.2",
    "3.13": "2.2.3",
    "3.14": "2.3.3",
}
"""The oldest pandas that a Python can have: of those that are supported, the first that was built for it."""

DAILY = "not browser and not slow"

PROBES: Mapping[str, str] = {
    "": "from bucketsnb import Buckets, Query; from bucketsnb.widgets import DeletePanel; import bucketsnb.cli",
    "backend": """
from bucketsnb import Buckets, LocalBackend
with LocalBackend(sample=50) as backend, Buckets(backend.url) as buckets:
    assert len(buckets.view({})) == 50
""",
    "mongo": "import bucketsnb.backend.stores.mongo.store, bucketsnb.backend.server",
    "plots": """
from bucketsnb import plots
from bucketsnb.frames import frame_of
""",
    "lab": "import jupyterlab, notebook, voila, bucketsnb.report, bucketsnb.plots, bucketsnb.backend.server",
}
"""What must go with the core alone, and with each extra alone, at the lower bounds."""


def oldest(folder: Path) -> list[str]:
    """Try every dependency at its lower bound."""
    python = next(filter(None, map(python_here, SUPPORTED)))
    said = []
    for extra, probe in PROBES.items():
        made = _at_bounds(folder / (extra or "core"), python, extra)
        output([made, "-W", "ignore", "-c", probe])
        said.append(f"{extra or 'core'} alone: works")
    made = _at_bounds(folder / "test", python, "test")
    # What is new may warn of what is old; not so what is ours, as the newest of everything is tried elsewhere.
    return [*said, _tests(made, f"all, Python {_version(made)}", "-W", "ignore::DeprecationWarning")]


def pythons(folder: Path) -> list[str]:
    """Try every Python that is here, with the newest of everything."""
    said = []
    for version in SUPPORTED:
        python = python_here(version)
        if python is None:
            said.append(f"Python {version}: not on this machine")
            continue
        made = environment(folder / version, python, "-r", "pyproject.toml", "--extra", "test")
        said.append(_tests(made, f"Python {_version(made)}"))
    return said


def pandas(folder: Path) -> list[str]:
    """Try the oldest and the newest Python that are here, each with its oldest and its newest pandas."""
    here = [version for version in SUPPORTED if python_here(version)]
    return [
        _on_pandas(folder / f"{version}-{age}", version, age)
        for version in dict.fromkeys((here[0], here[-1]))
        for age in ("oldest", "newest")
    ]


def _on_pandas(folder: Path, version: str, age: str) -> str:
    wanted = [f"pandas=={OLDEST_PANDAS[version]}"] if age == "oldest" else []
    made = environment(folder, str(python_here(version)), "-r", "pyproject.toml", "--extra", "test", *wanted)
    has = output([made, "-c", "import pandas; print(pandas.__version__)"]).strip()
    # As above: the newest numpy may warn of an old pandas.
    lenient = ["-W", "ignore::DeprecationWarning"] if wanted else []
    return _tests(made, f"Python {_version(made):<8} pandas {has:<6}", "-n", "3", *lenient, marks=DAILY)


def _tests(python: str, name: str, *options: str, marks: str = "not public_client") -> str:
    """Run the tests, letting what they say through, and return their last line."""
    files = Path(python).parents[1].with_name("tests-of-" + Path(python).parents[1].name)
    ignored = [f"--ignore=tests/{part}" for part in ELSEWHERE]
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={files}", "-m", marks]
    command += [*ignored, *options]
    last = ""
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True, env=clean()) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)  # noqa: T201 - a run takes minutes
            last = line.strip() or last
    shutil.rmtree(files, ignore_errors=True)  # the engine alone leaves gigabytes
    return f"{name}: {'' if process.returncode == 0 else 'FAILED: '}{last}"


def _at_bounds(folder: Path, python: str, extra: str) -> str:
    """Install what is declared, all at its lower bound, and hold that it is."""
    extras = ("--extra", extra) if extra else ()
    made = environment(folder, python, "--resolution", "lowest-direct", "-r", "pyproject.toml", *extras)
    here = dict(line.split("==") for line in output([*uv(), "pip", "freeze", "--python", made]).split() if "==" in line)
    wanted = declared("") | (declared(extra) if extra else {})
    newer = [
        f"{name} {here[name]} for {bound}" for name, bound in wanted.items() if _parts(here[name]) != _parts(bound)
    ]
    assert not newer, f"some others need newer ones than the lower bounds of {extra or 'the core'}: {newer}"
    return made


@functools.cache
def declared(extra: str) -> dict[str, str]:
    """Return the lower bounds of the core, or of an extra, by name; those of extras within it are not among them."""
    project = _project()
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    found = (re.match(r"([\w.-]+)\s*(?:>=|==)\s*([\w.]+)", line) for line in lines if ";" not in line)
    return {one.group(1).lower().replace("_", "-"): one.group(2) for one in found if one}


def _project() -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib
    project: dict[str, Any] = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _parts(version: str) -> list[str]:
    return re.sub(r"(\.0+)+$", "", version).split(".")


def _version(python: str) -> str:
    return output([python, "-c", "import platform; print(platform.python_version())"]).strip()
