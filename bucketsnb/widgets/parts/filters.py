"""Filters as chips above a form, with suggestions from the service, the query document, and the line of Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from platformdirs import user_data_path

from bucketsnb.display.markup import STATUS_COLOURS, Markup, element, escape
from bucketsnb.display.texts import json_text, printable, truncate
from bucketsnb.errors import ConfigurationError, QueryError
from bucketsnb.files import absolute, locked, replace_file
from bucketsnb.query import Query
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Handlers, Panel
from bucketsnb.widgets.core.worker import warned
from bucketsnb.widgets.parts.draft import FIELDS, Draft
from bucketsnb.widgets.parts.form import FieldsPart

__all__ = ["Filters", "SavedQueries"]

LOOKED_AT = 1000
"""Newest works whose values are suggested: checking all would block the page if there are very many."""
QUICK: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "exhausted": ("No attempts left", {"exhausted": True}, "Failed works that are not tried again by themselves"),
    "overdue": ("Past its timeout", {"overdue": True}, "Running works that have run for longer than their timeout"),
    "waiting": (
        "Waiting over 7 days",
        {"status": ("queued",), "older_than": "7d"},
        "Queued works that were deposited over 7 days ago",
    ),
}
"""Quick filters: label, what they set, and what they find."""
_FIRST_DATE = "a work that was requeued keeps its first date, so one that was requeued a minute ago is among these."
_SET_BY_QUICK = ("status", "older_than", "exhausted", "overdue")
LONGEST = 60
"""Length of a chip, in characters."""


class SavedQueries:
    """The queries saved on this machine, by default in ``queries.json`` in the data folder of the user."""

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
        """Save a query under a name; an earlier one of that name is replaced."""
        name = name.strip()
        if not name:
            raise ConfigurationError("Type a name for the query first.")
        with self._changing() as documents:
            documents[name] = query.document

    def delete(self, name: str) -> None:
        """Remove a saved query, if there is one of that name."""
        with self._changing() as documents:
            documents.pop(name, None)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Yield the saved queries to be changed, then write them; other kernels wait meanwhile."""
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


class Filters(FieldsPart):
    """The query as filters; the query of the state is the same, or None while a field is wrong."""

    kind = "filters"
    heading = "Query"

    def __init__(self, panel: Panel, query: Any = None, *, saved: SavedQueries | None = None) -> None:
        super().__init__(panel)
        self.saved = saved or SavedQueries()
        self._edits = [Draft.of(Query.parse(query if query is not None else self.state.query))]
        self._place = 0  # place of the shown edit
        self._notes: Sequence[str] = ()
        self.follow("query", self._take_query)
        self.follow("frame", self._take_frame)

    def begin(self) -> None:
        """Put the query into the state, and ask for suggestions."""
        self.state.query = self.query
        self.offer_pipelines()

    @property
    def draft(self) -> Draft:
        """The content of the form."""
        return self._edits[self._place]

    @property
    def query(self) -> Query | None:
        """The query of the form, or None if a field is wrong."""
        return self.draft.query()

    @query.setter
    def query(self, query: Any) -> None:
        self._change(Draft.of(Query.parse(query)))

    def edit(self, name: str, value: Any) -> None:
        """Set the field of a keyword: a text, several texts, or a flag."""
        if FIELDS[name].value == ():
            value = tuple(dict.fromkeys(text.strip() for text in map(str, value) if text.strip()))
        self._change(self.draft.edit(name, value))

    def toggle(self, name: str) -> None:
        """Replace the other quick filters and the status by a quick filter, or remove it if it is on."""
        asked = {} if self._is_on(name) else QUICK[name][1]
        draft = self.draft
        for word in _SET_BY_QUICK:
            draft = draft.edit(word, asked.get(word, FIELDS[word].value))
        self._change(draft)

    def _is_on(self, name: str) -> bool:
        asked = QUICK[name][1]
        return all(self.draft.values.get(word) == asked.get(word) for word in _SET_BY_QUICK)

    def paste(self, text: str) -> None:
        """Replace the content of the form by a query: a document in JSON, or Python source."""
        self._change(*warned(lambda: Draft.of(Query.parse(text))))

    def undo(self) -> None:
        """Undo the last edit, if there is one."""
        self._go(-1)

    def redo(self) -> None:
        """Redo the edit that was undone last, if there is one."""
        self._go(1)

    def _go(self, step: int) -> None:
        if 0 <= self._place + step < len(self._edits):
            self._place += step
            self._edited()

    def _change(self, draft: Draft, notes: Sequence[str] = ()) -> None:
        if draft != self.draft:
            self._edits = [*self._edits[: self._place + 1], draft]
            self._place += 1
        self._edited(notes)

    def _edited(self, notes: Sequence[str] = ()) -> None:
        self._notes = notes
        self.panel.messages.clear(self.name)
        self.draw()
        self.state.query = self.query

    def _take_query(self, query: Query | None) -> None:
        if query is not None and query != self.query:
            self._change(Draft.of(query))

    def _take_frame(self, frame: pd.DataFrame | None) -> None:
        if frame is not None and len(frame):
            self.offers.update({word: _values_of(frame[word]) for word in ("site", "user", "tags") if word in frame})
            self.offers["all_tags"] = self.offers.get("tags", ())
            self.draw()

    def save(self, name: str) -> None:
        """Save the query under a name."""
        if self.query is None:
            raise QueryError("This query cannot be saved yet: a filter of it has a mistake.")
        self.saved.save(name, self.query)
        self.show(Message("done", f"Saved as {printable(name.strip())}."))
        self.draw()

    def forget(self, name: str) -> None:
        """Remove a saved query."""
        self.saved.delete(name)
        self.draw()

    def draw(self) -> None:
        """Tell the page the chips, the form and the code."""
        problems, values, query = self.draft.problems(), self.draft.values, self.query
        self.tell(
            "draw",
            chips=[self._chip(name, problems.get(name, "")) for name in FIELDS if name in values],
            fields=[
                self.drawn(one, values.get(name, one.value), problem=problems.get(name, ""))
                for name, one in FIELDS.items()
            ],
            others=[{"label": other.label, "document": json_text(other.condition)} for other in self.draft.others],
            python="" if query is None else query.to_code(),
            document="" if query is None else json_text(query.to_document()),
            problem=problems.get("", ""),
            notes=[*self._notes, *([_FIRST_DATE] if self._is_on("waiting") else [])],
            quick=[
                {"name": name, "label": label, "hint": hint, "on": self._is_on(name)}
                for name, (label, _, hint) in QUICK.items()
            ],
            undo=self._place > 0,
            redo=self._place + 1 < len(self._edits),
            saved=self._saved_names(),
            colours=dict(STATUS_COLOURS),
        )

    def _chip(self, name: str, problem: str) -> dict[str, str]:
        value = self.draft.values[name]
        text = "" if value is True else truncate(", ".join(value) if isinstance(value, tuple) else value, LONGEST)
        return {"name": name, "label": FIELDS[name].label, "value": text, "problem": printable(problem)}

    def _saved_names(self) -> list[str]:
        """Return the names of the saved queries; an unreadable file is reported and changes nothing else."""
        try:
            return self.saved.names()
        except ConfigurationError as error:
            self.report(error)
            return []

    def static(self) -> Markup:
        """Return the query as Python and as a document."""
        query = self.query
        if query is None:
            return element("p", "not complete")
        code = query.to_code(), json_text(query.to_document())
        return element(
            "div", *(element("pre", escape(text, keep="\n"), style="font-family: monospace") for text in code)
        )

    handlers: ClassVar[Handlers] = {
        "edit": edit,
        "remove": lambda self, name: self._change(self.draft.edit(name, FIELDS[name].value)),
        "drop": lambda self, place: self._change(self.draft.without(place)),
        "quick": toggle,
        "undo": undo,
        "redo": redo,
        "clear": lambda self: self._change(Draft()),
        "paste": paste,
        "save": save,
        "load": lambda self, name: self._change(Draft.of(self.saved.load(name))),
        "forget": forget,
    }


def _values_of(values: pd.Series[Any]) -> tuple[str, ...]:
    texts = (text for value in values.iloc[:LOOKED_AT] for text in (value if isinstance(value, list) else [value]))
    return tuple(sorted({text for text in texts if isinstance(text, str)}))
