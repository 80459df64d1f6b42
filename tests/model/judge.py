"""The public client as the judge of works: whether it reads a record at all, and whether as what it is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.public import CLIENTS, installed

NEWEST = "workflow.core==1.12.3"


class Judge:
    """One process of the public client, asked about many records at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def faults(self, records: Sequence[dict[str, Any]]) -> list[str]:
        """Say of each record why the client does not take it for what it is; empty if it does."""
        return [_fault(record, one) for record, one in zip(records, self._ask(records), strict=True)]

    def payloads(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what the client would send of each, with its defaults filled in."""
        return [verdict["read"] for verdict in self._ask(records)]

    def _ask(self, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(list(records)) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _fault(record: dict[str, Any], verdict: dict[str, Any]) -> str:
    if "refused" in verdict:
        return verdict["refused"]
    read = verdict["read"]
    config = record.get("config")
    if isinstance(config, dict) and "strategy" in config:  # read, and never written
        read = {**read, "config": {**read["config"], "strategy": verdict["strategy"]}}
    changed = [name for name in record if name not in read or not _stays(record[name], read[name])]
    return "; ".join(f"{name} {_text(record[name])} is read as {_text(read.get(name, 'gone'))}" for name in changed)


def _stays(given: Any, read: Any) -> bool:
    """Whether what was given is read as given; where a mapping says nothing, the client has its default."""
    if isinstance(given, dict) and isinstance(read, dict):
        return all(name in read and _stays(value, read[name]) for name, value in given.items())
    return _text(given) == _text(read)


def _text(value: Any) -> str:
    """Return a value as text that tells true from 1 and 1 from 1.0."""
    return json.dumps(value, sort_keys=True)


@contextmanager
def judging(home: Path) -> Iterator[Judge]:
    """Give a judge, for as long as it is needed."""
    workspace = home / ".config" / "workflow" / "workspace.yml"
    workspace.parent.mkdir(parents=True, exist_ok=True)
    workspace.touch()
    process = subprocess.Popen(
        [installed(NEWEST), CLIENTS / "judge_of_workflow.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )
    with process:
        yield Judge(process)
