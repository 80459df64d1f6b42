"""Known vulnerabilities, as pip-audit finds them in what a new installation gets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.supply.tools import clean, environment, run, uv

EXTRAS = ("backend", "mongo", "plots", "lab")
SERVICES = ("pypi", "osv")


def audit(folder: Path) -> list[str]:
    """Look up the newest dependencies of the core and the extras; one that cannot be looked up is a failure."""
    python = environment(folder / "audit", sys.executable, "pip-audit")
    pinned = folder / "pinned.txt"
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    run([*uv(), "pip", "compile", "--quiet", "--upgrade", "pyproject.toml", *extras, "--output-file", str(pinned)])
    command = [python, "-m", "pip_audit", "--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
    for service in SERVICES:
        asked = [*command, "--vulnerability-service", service, "--requirement", str(pinned)]
        done = subprocess.run(asked, check=False, capture_output=True, text=True, env=clean())
        said = done.stdout + done.stderr
        print(said, flush=True)  # noqa: T201 - what was found
        if re.search(r"^Found \d+ known", said, re.M):
            return ["FAILED: there are known vulnerabilities, see above"]
        if done.returncode == 0:
            return [f"nothing known against {len(pinned.read_text().split('==')) - 1} dependencies, says {service}"]
    return [f"FAILED: none of the services {', '.join(SERVICES)} could be asked about every dependency, see above"]
