"""What a person gets who installs the wheel: the package, its notebooks, and a command that works from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bucketsnb import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with this environment's hatchling, so that nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel where only its own users look for it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )


def test_every_notebook_is_in_the_wheel(wheel: Path) -> None:
    ours = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert ours
    assert ours == {
        Path(name).name
        for name in names_in(wheel)
        if name.startswith("bucketsnb/notebooks/") and name.endswith(".ipynb")
    }


def test_every_module_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    package = ROOT / "bucketsnb"
    ours = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path.relative_to(ROOT).as_posix() for path in ours} <= names_in(wheel)


def test_tests_stay_out_of_the_wheel(wheel: Path) -> None:
    assert not [name for name in names_in(wheel) if name.startswith("tests/")]


def test_the_wheel_names_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "bucketsnb = bucketsnb.cli:main" in archive.read(name).decode()


def test_the_version_of_the_wheel_is_the_one_that_the_package_says(wheel: Path) -> None:
    assert wheel.name.startswith(f"bucketsnb-{__version__}-")


def test_the_command_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-m", "bucketsnb", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lab" in done.stdout


def test_an_installed_package_finds_its_notebooks(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-c", "from bucketsnb.cli.notebooks import shipped; print(shipped())")
    assert done.stdout.strip() == str(installed / "bucketsnb" / "notebooks")


@pytest.mark.parametrize(
    ("missing", "statement", "extra"),
    [
        ("uvicorn", "from bucketsnb import LocalBackend", "backend"),
        ("matplotlib", "import bucketsnb.plots", "plots"),
        ("nbclient", "import bucketsnb.report", "lab"),
    ],
)
def test_a_missing_extra_is_answered_with_the_line_that_installs_it(
    installed: Path, tmp_path: Path, missing: str, statement: str, extra: str
) -> None:
    done = run(installed, tmp_path, "-c", f"import sys; sys.modules[{missing!r}] = None; {statement}")
    assert done.returncode == 1
    assert f'pip install "bucketsnb[{extra}]"' in done.stderr.strip().splitlines()[-1]
