"""Files of the user: their absolute paths, locks on them, and how a file is replaced as a whole."""

from __future__ import annotations

import errno
import os
import secrets
import stat
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

__all__ = ["OPEN_FLAGS", "absolute", "locked", "replace_file", "try_lock", "unlock"]

OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening files: not inherited by programs that are started, and binary on Windows."""

_HELD_BY_ANOTHER = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_LOCKED_BYTE = 2**31 - 2
"""Offset of the byte that is locked on Windows: beyond the end of every file, as others cannot read a locked byte."""

_WAIT = 10.0
"""Seconds to wait for a lock that another process holds."""
_PAUSE = 0.02
"""Seconds between two tries to lock."""


def replace_file(path: Path, text: str) -> None:
    """Write a text file in UTF-8 so that it has its old content or the new one, and never a part of it.

    A new file has the mode that the umask leaves; an existing one keeps its mode and, if root writes it, its owner. A
    symbolic link is followed. A device or a pipe, such as ``/dev/stdout``, is written to directly.

    Raises
    ------
    OSError
        If the file cannot be written, is read-only, or has a second name (a hard link), which would keep the old
        content. A regular file then has its old content.
    """
    data = text.encode("utf-8")
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        path.write_bytes(data)
        return
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    if before is not None and before.st_nlink > 1:
        problem = "the file has another name (a hard link) that would keep the old content; remove one of the two"
        raise OSError(errno.EMLINK, problem, str(path))
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        _write(part, data, before)
        part.replace(target)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _write(part: Path, data: bytes, before: os.stat_result | None) -> None:
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | OPEN_FLAGS
    with os.fdopen(os.open(part, flags, mode & 0o777), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if before is not None:
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # only root may change the owner
            os.chown(part, before.st_uid, before.st_gid)
        part.chmod(mode)  # again, as the umask was applied when the file was created


@cache
def absolute(named: str) -> Path:
    """Return a path as absolute; a relative one starts from the working folder of the first call with it.

    A notebook may change its working folder later, and its files must stay in one place.

    Raises
    ------
    ConfigurationError
        If it cannot be the path of a file.
    """
    try:
        return Path(named).expanduser().absolute()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"The path {named[:200]!r} cannot be used: {error}.") from error


def try_lock(file: int) -> bool:
    """Lock an open file and return True; return False if it is locked already.

    Another process may have locked it, or this process when it opened it another time. The lock ends when the file is
    closed or the process ends.
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
    """Release the lock of an open file; closing it is not enough if a forked process has it open too."""
    if _fcntl is not None:
        _fcntl.flock(file, _fcntl.LOCK_UN)
    else:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        _msvcrt.locking(file, _msvcrt.LK_UNLCK, 1)


@contextmanager
def locked(path: Path, *, wait: float = _WAIT) -> Iterator[None]:
    """Hold the lock of a file during a ``with`` block; the file is created if it is missing, and never removed.

    Raises
    ------
    ConfigurationError
        If it is still locked by another process after `wait` seconds.
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
