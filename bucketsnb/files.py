"""Files of the user: where they are, locks on them, and how a file is replaced as a whole."""

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
"""Flags for opening files: closed in programs that are started, and binary on Windows."""

_HELD_BY_ANOTHER = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})
_LOCKED_BYTE = 2**31 - 2
"""The byte that is locked on Windows, where others cannot read locked bytes: beyond the end of every file."""

_WAIT = 10.0
_PAUSE = 0.02


def replace_file(path: Path, text: str) -> None:
    """Write a text file in UTF-8 so that it has its old content or the new one, and never a part.

    A new file has the mode that the umask leaves; one that was there keeps its mode, and its owner where that is
    allowed. A symbolic link is followed. A device or a pipe, such as ``/dev/stdout``, is written to as it is.
    A file that has a second name (a hard link), which would keep the old content, is refused.
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
        names = "the file has another name (a hard link) that would keep the old content; remove one of the two"
        raise OSError(errno.EMLINK, names, str(path))
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
        part.chmod(mode)  # the umask was applied when it was made


@cache
def absolute(named: str) -> Path:
    """Return a path as absolute from the first time it is asked for.

    A notebook may change its working folder; its files stay where the first one was written.
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
    """Release the lock of an open file, which a forked process may have open too."""
    if _fcntl is not None:
        _fcntl.flock(file, _fcntl.LOCK_UN)
    else:
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        _msvcrt.locking(file, _msvcrt.LK_UNLCK, 1)


@contextmanager
def locked(path: Path, *, wait: float = _WAIT) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is missing and kept; wait so long for another holder."""
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
