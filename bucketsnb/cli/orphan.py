"""Run a module as a program that is ended by SIGTERM when the process that started it is gone.

``python -m bucketsnb.cli.orphan PARENT MODULE ARGUMENTS...`` does the same as ``python -m MODULE ARGUMENTS...``; on
Windows it does not watch the parent.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

__all__ = ["end_with"]

_EVERY = 1.0
"""Seconds between two checks of the parent."""


def end_with(parent: int) -> None:
    """Send SIGTERM to this process once the process id `parent` is no longer that of its parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)

    if os.name == "posix":  # elsewhere, getppid() is the same after the parent is gone
        threading.Thread(target=watch, name="bucketsnb-orphan", daemon=True).start()


if __name__ == "__main__":
    _, parent, module, *arguments = sys.argv
    end_with(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
