"""Open the store that an address names."""

from __future__ import annotations

import re
from pathlib import Path

from bucketsnb.addresses import without_login
from bucketsnb.backend.stores.base import Store, StoreUnavailable
from bucketsnb.backend.stores.sqlite.store import SQLiteStore

__all__ = ["open_store"]

_LIKE_AN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|.*://|.*(//|:).*@|.*//.*:", re.DOTALL)
"""Texts that are malformed addresses, such as ``MONGODB://...``; the name of a file would show their password."""


def sqlite_path(address: str) -> Path:
    """Return the path of the file in the address of a SQLite store.

    After ``sqlite:///``, a bare name, or a path that begins with ``./``, is in the working folder; any other path is
    absolute, with or without a fourth slash.

    Raises
    ------
    ValueError
        If it is not the address or the path of a file.

    Examples
    --------
    >>> sqlite_path("sqlite:///works.db"), sqlite_path("sqlite:///data/works.db"), sqlite_path("./works.db")
    (PosixPath('works.db'), PosixPath('/data/works.db'), PosixPath('works.db'))
    """
    name = address.removeprefix("sqlite:///")
    if name.lower() == ":memory:" or name.lower().startswith("file:"):
        # To SQLite this is not the name of a file; here, a file of that name would be created.
        raise ValueError(
            f"store {name!r} is no name of a file: for works that need not last, give no store, and a temporary one is "
            "made (`bucketsnb lab` and `LocalBackend()` do); for a file, sqlite:///path/to/works.db"
        )
    is_path = name == address
    if not name.strip("/") or (is_path and (name.strip() != name or _LIKE_AN_ADDRESS.match(name))):
        raise ValueError(
            f"store {without_login(address)!r} is not an address this backend knows: use sqlite:///path/to/works.db or "
            "mongodb://..., in small letters and with nothing before it"
        )
    if is_path:
        return Path(name).expanduser()
    return Path(name) if "/" not in name or name.startswith("./") else Path("/" + name.lstrip("/"))


def open_store(address: str | Path | Store | None = None) -> Store:
    """Open the store at ``sqlite:///path/to/works.db``, ``mongodb://...``, a path, or None for a temporary one.

    A store, which is open already, is returned as it is.

    Raises
    ------
    StoreUnavailable
        If it cannot be opened; the message says why.
    ValueError
        If the address is not one of these.
    """
    if isinstance(address, Store):
        return address
    if isinstance(address, str) and address.startswith(("mongodb://", "mongodb+srv://")):
        try:
            from bucketsnb.backend.stores.mongo.store import MongoStore
        except ModuleNotFoundError as error:
            raise StoreUnavailable('works in MongoDB need pymongo: pip install "bucketsnb[mongo]"') from error
        return MongoStore(address)
    return SQLiteStore(None if address is None else sqlite_path(str(address)))
