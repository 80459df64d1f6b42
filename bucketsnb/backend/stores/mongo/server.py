"""The MongoDB server of a store: the connection to it, the meaning of its errors, and changes made all or none."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
)
from pymongo.write_concern import WriteConcern

from bucketsnb.addresses import without_login
from bucketsnb.backend.stores.base import StoreError, StoreFull, StoreUnavailable
from bucketsnb.backend.stores.mongo.documents import Record
from bucketsnb.backend.works import WorkRefused, WorkTooLarge
from bucketsnb.matching import QueryNotUnderstood, QueryTooSlow

__all__ = ["DURABLE", "MongoServer", "translated"]

DURABLE: WriteConcern = WriteConcern(w="majority", j=True)
"""A write is acknowledged when it is in the journals of a majority, so that it survives the loss of one machine."""

_PATIENCE = 20.0
"""Seconds for which a change is tried again while there is no primary."""

_OPTIONS: dict[str, Any] = {"serverSelectionTimeoutMS": 10_000, "socketTimeoutMS": 120_000, "appname": "bucketsnb"}
_REFUSALS = frozenset({2, 9, 14, 15, 16, 28, 31, 51, 52, 54, 55, 56, 57, 73, 15_998, 51_091})
"""Error codes such as BadValue, FailedToParse, TypeMismatch and Overflow: the query or a work is not valid."""
_TOO_LARGE = frozenset({10_334, 17_280, 17_419, 17_420})
_TOO_SLOW = 50
_TOO_MUCH = "TransactionTooLargeForCache"
_DISK_FULL = 14_031


class MongoServer:
    """A replica set, a sharded cluster or a single server."""

    def __init__(self, address: str) -> None:
        self.url = without_login(address)
        given = {name.lower() for name in re.findall(r"[?&](\w+)=", address)}
        options = {name: value for name, value in _OPTIONS.items() if name.lower() not in given}
        try:
            self.client: MongoClient[Record] = MongoClient(address, **options)
        except (ValueError, PyMongoError) as error:
            # The driver quotes the part that it cannot parse, which may be part of the password.
            reason = f": {error}" if self.url == address.rstrip("/") else ""
            raise ValueError(
                f"{self.url} is no address that MongoDB reads{reason}; percent-encode what is special in the password"
            ) from None
        with translated(self.url):
            try:
                hello = self.client.admin.command("hello")
            except BaseException:
                self.client.close()
                raise
        self.transactions = "setName" in hello or hello.get("msg") == "isdbgrid"

    def in_transaction(self, act: Callable[[ClientSession | None], object]) -> None:
        """Call `act`, which makes changes, in a transaction: all or none of them are made.

        `act` gets the session of the transaction. It may be called again after its changes were undone, for example
        when another server takes over from one that failed. A single server that is not a replica set has no
        transactions: there `act` is called once, with None, and its changes are not undone if it fails.
        """
        if not self.transactions:
            act(None)
            return
        deadline = time.monotonic() + _PATIENCE

        def act_in_time(session: ClientSession) -> None:
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"MongoDB at {self.url} does not answer: it has no primary now")
            act(session)

        with self.client.start_session() as session:
            session.with_transaction(act_in_time, write_concern=DURABLE)


def _codes_of(error: Exception) -> set[int]:
    """Return the error codes of a refusal, including those of single documents."""
    codes = {error.code} if isinstance(error, OperationFailure) else set()
    if isinstance(error, BulkWriteError):
        details = error.details
        codes = {
            error.get("code") for kind in ("writeErrors", "writeConcernErrors") for error in details.get(kind) or ()
        }
    return {code for code in codes if code is not None}


@contextmanager
def translated(url: str, *, changing: bool = False) -> Iterator[None]:
    """Convert errors of the driver to those of the store; if `changing`, a refusal is about a work, else the query."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        raise _translation(error, url, changing=changing) from error


def _translation(error: PyMongoError | BSONError, url: str, *, changing: bool) -> Exception:
    codes, text = _codes_of(error), _message_of(error)
    if isinstance(error, DocumentTooLarge) or codes & _TOO_LARGE:
        too_large = f"MongoDB holds no work as large as one would become; nothing was changed: {text}"
        return WorkTooLarge(too_large) if changing else QueryNotUnderstood(f"the query is too large: {text}")
    if (getattr(error, "details", None) or {}).get("codeName") == _TOO_MUCH:
        return WorkTooLarge("MongoDB cannot take so many works at once: send fewer; nothing was changed")
    if codes & _REFUSALS:
        return (WorkRefused if changing else QueryNotUnderstood)(f"MongoDB refuses: {text}")
    if _TOO_SLOW in codes:
        return QueryTooSlow("MongoDB took too long over the query: simplify its regular expression")
    if _DISK_FULL in codes:
        return StoreFull(f"MongoDB at {url} is out of disk: {text}")
    if isinstance(error, (OperationFailure, ConfigurationError)):
        return StoreError(f"MongoDB at {url} refuses: {text}")
    return StoreUnavailable(f"MongoDB at {url} does not answer: {text}")


def _message_of(error: Exception) -> str:
    """Return the message of the server, at most 300 characters, without the works that the driver adds to it."""
    details = getattr(error, "details", None) or {}
    refusals = details.get("writeErrors") or details.get("writeConcernErrors") or [details]
    message = str(refusals[0].get("errmsg") or error)
    return message if len(message) <= 300 else message[:300] + "..."
