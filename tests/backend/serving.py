"""Start `bucketsnb serve` in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parents[2]


@contextmanager
def served(address: str, *before: str) -> Iterator[str]:
    """Serve a store from the command line, by way of the command `before`, and give the address of the service."""
    command = [*before, sys.executable, "-m", "bucketsnb", "serve", "--port", "0", "--store", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            yield line.split()[-1]
        finally:
            process.kill()


@contextmanager
def served_often(address: str, times: int) -> Iterator[list[str]]:
    """Serve one store from several processes."""
    with ExitStack() as running:
        yield [running.enter_context(served(address)) for _ in range(times)]
