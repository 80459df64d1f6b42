"""The one place where the address of a store becomes a store."""

from __future__ import annotations

from pathlib import Path

from bucketsnb.backend.stores.base import Store, StoreUnavailable
from bucketsnb.backend.stores.sqlite.store import SQLiteStore

__all__ = ["open_store", "sqlite_path"]


def sqlite_path(address: str) -> Path:
    """Read the file out of a SQLite store's address.

    Three slashes and a bare name mean this folder; with more of a path it is absolute, with or without a fourth slash.

    Examples
    --------
    >>> sqlite_path("sqlite:///works.db"), sqlite_path("sqlite:///data/works.db"), sqlite_path("./works.db")
    (PosixPath('works.db'), PosixPath('/data/works.db'), PosixPath('works.db'))
    """
    scheme, found, rest = address.partition("://")
    if not found:
        return Path(address).expanduser()
    if scheme != "sqlite" or not rest.startswith("/") or not rest.strip("/"):
        raise ValueError(f"store {address!r} is not an address this backend knows: use sqlite:///path/to/works.db")
    name = rest[1:]
    if "/" not in name or name.startswith("./"):
        return Path(name)
    return Path("/" + name.lstrip("/"))


def open_store(address: str | Path | None = None) -> Store:
    """Open the store at ``sqlite:///path/to/works.db``, ``mongodb://...``, a path, or None for a temporary one.

    Raises
    ------
    StoreUnavailable
        If it cannot be opened; the message says why.
    ValueError
        If the address is of no kind known here.
    """
    if isinstance(address, str) and address.startswith(("mongodb://", "mongodb+srv://")):
        return _mongo_store(address)
    return SQLiteStore(None if address is None else sqlite_path(str(address)))


def _mongo_store(address: str) -> Store:
    try:
        from bucketsnb.backend.stores.mongo.store import MongoStore
    except ModuleNotFoundError as error:
        raise StoreUnavailable('works in MongoDB need pymongo: pip install "bucketsnb[mongo]"') from error
    return MongoStore(address)
