"""Files of the user that this package writes: whole or not at all, with the mode that the user gave them."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, text: str) -> None:
    """Write a text file in UTF-8 so that it has its old content or the new one, and never a part.

    A new file has the mode that the umask leaves; one that was there keeps its mode, and its owner where that is
    allowed. A symbolic link is followed. A device or a pipe, such as ``/dev/stdout``, is written to as it is.

    Parameters
    ----------
    path
        The file; its folder must exist.
    text
        All of the new content.

    Raises
    ------
    OSError
        If it cannot be written: its folder is missing or full, it is read-only, or it has a second name (a hard link)
        that would keep the old content.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder) / "report.html", "<p>")
    ...     (Path(folder) / "report.html").read_text()
    '<p>'
    """
    data = text.encode("utf-8")
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        path.write_bytes(data)
        return
    if before is not None:
        _check_replaceable(path, before)
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        _write(part, data, before)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _check_replaceable(path: Path, before: os.stat_result) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    if before.st_nlink > 1:
        names = "the file has another name (a hard link) that would keep the old content; remove one of the two"
        raise OSError(errno.EMLINK, names, str(path))


def _write(part: Path, data: bytes, before: os.stat_result | None) -> None:
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(part, flags, mode & 0o777), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if before is not None:
        _keep_owner(part, before)
        part.chmod(mode)  # what the umask took away


def _keep_owner(part: Path, before: os.stat_result) -> None:
    """Give a new file the owner of the old one; only root may give files away, and the mode then stands alone."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chown(part, before.st_uid, before.st_gid)
