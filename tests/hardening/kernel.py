"""A real kernel that is interrupted: one IPython process, asked by its messages, as a notebook asks it."""

from __future__ import annotations

import ast
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.backend.serving import HERE

PATIENCE = 60.0
"""Seconds after which a kernel counts as hung; nothing waits so long unless something is wrong."""


class Moment:
    """The middle of a request: the service stands still in it until it is told to go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.going_on = threading.Event()

    def __call__(self, _store: object = None) -> None:
        self.reached.set()
        self.going_on.wait(PATIENCE)


class Kernel:
    """A kernel to run cells in."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client

    @property
    def pid(self) -> int:
        """Id of its process."""
        return int(self._manager.provisioner.pid)

    def run(self, source: str) -> Mapping[str, Any]:
        """Run a cell, and return the reply; an error in it is in the reply."""
        return self.finish(self.start(source))

    def start(self, source: str) -> str:
        """Start a cell."""
        return str(self._client.execute(source, store_history=False, stop_on_error=False))

    def finish(self, cell: str) -> Mapping[str, Any]:
        """Wait for the reply of a cell."""
        deadline = time.monotonic() + PATIENCE
        while True:
            reply = self._client.get_shell_msg(timeout=max(0.0, deadline - time.monotonic()))
            if reply["parent_header"].get("msg_id") == cell:
                content: Mapping[str, Any] = reply["content"]
                return content

    def interrupt(self) -> None:
        """Do what the stop button does."""
        self._manager.interrupt_kernel()

    def interrupted(self, source: str, moment: Moment) -> Mapping[str, Any]:
        """Run a cell, press stop when a moment has come, and return the reply.

        Python loses an interrupt that comes while it finalizes garbage, such as a client of an earlier cell: none is
        left to it.
        """
        self.run("__import__('gc').collect()")
        cell = self.start(source)
        assert moment.reached.wait(PATIENCE), self.finish(cell)
        self.interrupt()
        return self.finish(cell)

    def shut(self) -> None:
        """Do what shutting down the kernel of a notebook does: ask it, and no more."""
        self._client.shutdown()

    def value(self, expression: str) -> Any:
        """Return what an expression is in the kernel; it must be JSON."""
        asked = {"value": f"__import__('json').dumps({expression})"}
        reply = self.finish(self._client.execute("", silent=True, user_expressions=asked))
        answer = reply["user_expressions"]["value"]
        assert answer["status"] == "ok", (expression, answer)
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))


@contextmanager
def running_kernel(folder: Path, environ: Mapping[str, str]) -> Iterator[Kernel]:
    """Start a kernel of this Python, and end it."""
    manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(folder / "kernel"))
    manager.start_kernel(env={**os.environ, "PYTHONPATH": str(HERE), "HOME": str(folder), **environ})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
