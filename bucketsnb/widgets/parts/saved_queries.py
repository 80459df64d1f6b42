"""Queries kept by name in one JSON file of the user's, by the document with its open moments left open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from bucketsnb.errors import ConfigurationError
from bucketsnb.files import absolute, locked, replace_file
from bucketsnb.query import Query

__all__ = ["SavedQueries"]


class SavedQueries:
    """The queries that were saved on this machine: in ``queries.json`` among the user's data, unless a file is given.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = SavedQueries(pathlib.Path(folder) / "queries.json")
    ...     saved.save("failed a week ago", Query(status="failure", older_than="7d"))
    ...     saved.names(), saved.load("failed a week ago")
    (['failed a week ago'], Query(status="failure", older_than="7d"))
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = absolute(str(path or user_data_path("bucketsnb") / "queries.json"))

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._read())

    def load(self, name: str) -> Query:
        """Return the query of a name."""
        documents = self._read()
        if name not in documents:
            raise ConfigurationError(f"no query is saved as {name!r} in {self.path}; there are {sorted(documents)}")
        return Query.parse(documents[name])

    def save(self, name: str, query: Query) -> None:
        """Keep a query under a name; one of that name before is replaced."""
        name = name.strip()
        if not name:
            raise ConfigurationError("Type a name for the query first.")
        with self._changing() as documents:
            documents[name] = query.document

    def delete(self, name: str) -> None:
        """Forget the query of a name, if there is one."""
        with self._changing() as documents:
            documents.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Give the queries to be changed, and write them; other kernels wait meanwhile."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.path.with_name(f".{self.path.name}.lock")):
                documents = self._read()
                yield documents
                replace_file(self.path, json.dumps(documents, indent=1))
        except OSError as error:
            raise ConfigurationError(f"the query could not be saved in {self.path}: {error}") from error

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"the saved queries in {self.path} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise ConfigurationError(f"the saved queries in {self.path} are not a JSON object; move the file away")
        return found
