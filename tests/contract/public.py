"""The real public clients, each in a virtual environment of its own that is kept between test runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cached import cached

CLIENTS = Path(__file__).parent / "clients"


def installed(requirement: str) -> Path:
    """Return the Python that has ``requirement``, such as ``workflow.core==1.12.0``; made where there is none.

    Tests in several processes, and those of later runs, share it.
    """
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"

    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-qq", requirement], check=True)

    return cached(f"{requirement.replace('==', '-')}-{version}", install) / "bin" / "python"


def newest(project: str) -> str:
    """Return the requirement of the newest version that the registry has, such as ``workflow.core==1.12.3``."""
    asked = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed"]
    done = subprocess.run([*asked, "--quiet", "--report", "-", project], capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)["install"]
    return f"{project}=={found['metadata']['version']}"


@dataclass
class PublicClient:
    """One public client, asked to work on a service.

    ``do`` runs a step of the client's script (see the folder ``clients``) and gives what it printed as JSON;
    ``command`` runs the client's own command line and gives what it printed.
    """

    python: Path
    url: str
    home: Path
    results: str = "http://127.0.0.1:9"

    @property
    def name(self) -> str:
        return "workflow" if "workflow" in str(self.python) else "frb_api"

    def do(self, step: str, **arguments: Any) -> Any:
        script = CLIENTS / f"steps_of_{self.name}.py"
        printed = self._run([str(self.python), str(script), step, json.dumps({"url": self.url, **arguments})])
        return json.loads(printed.splitlines()[-1])

    def command(self, *arguments: str) -> str:
        return self._run([str(self.python.parent / "workflow"), *arguments])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment(), timeout=120)
        assert done.returncode == 0, f"{command[1:]} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        baseurls = {"buckets": self.url, "results": self.results}
        workspace = {"workspace": "test", "sites": ["local"], "http": {"baseurls": baseurls}}
        file = self.home / ".config" / "workflow" / "workspace.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(workspace))
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "COLUMNS": "200",
            "NO_PROXY": "*",
            "LANG": "C.UTF-8",
        }
