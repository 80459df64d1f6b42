"""Files that this package keeps for its user: where a relative path starts, and locks between processes."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bucketsnb.errors import ConfigurationError

_fcntl: Any
_msvcrt: Any
try:
    import fcntl as _fcntl
except ImportError:  # Windows
    _fcntl = None
    import msvcrt as _msvcrt

__all__ = ["OPEN_FLAGS", "absolute", "locked", "try_lock", "unlock"]

OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags with which files are opened everywhere: closed in programs that are started, bytes as they are on Windows."""

_HELD_BY_ANOTHER = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_LOCKED_BYTE = 2**31 - 2
"""On Windows a lock covers bytes and keeps others from reading them: so it covers one that no file of ours has."""

_WAIT = 10.0
_PAUSE = 0.02


@cache
def absolute(named: str) -> Path:
    """Return a path that was given in words, absolute from the first time it was asked for.

    A notebook may change its working folder; what it wrote before stays where it is.

    Raises
    ------
    ConfigurationError
        If the path starts in the home of a user who is not known.
    """
    try:
        return Path(named).expanduser().absolute()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"The path {named[:200]!r} cannot be used: {error}.") from error


def try_lock(file: int) -> bool:
    """Lock an open file; return False if another process, or another opening of it in this one, has it locked.

    The lock ends when the file is closed, or with the process.
    """
    try:
        if _fcntl is not None:
            _fcntl.flock(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        else:
            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            _msvcrt.locking(file, _msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise
    return True


def unlock(file: int) -> None:
    """Let go of the lock of an open file, which a process that was forked meanwhile may have open too."""
    if _fcntl is not None:
        _fcntl.flock(file, _fcntl.LOCK_UN)
    else:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        _msvcrt.locking(file, _msvcrt.LK_UNLCK, 1)


@contextmanager
def locked(path: Path, *, wait: float = _WAIT) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there and stays.

    Parameters
    ----------
    path
        The file of the lock, beside what it protects.
    wait
        Seconds for which another holder is waited for.

    Raises
    ------
    ConfigurationError
        If someone else holds it for longer.
    OSError
        If the file cannot be made or locked.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o600)
    try:
        end = time.monotonic() + wait
        while not try_lock(file):
            if time.monotonic() > end:
                raise ConfigurationError(
                    f"Another process has held the lock {path} for more than {wait:g} seconds. End it, then try again."
                )
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(file)
