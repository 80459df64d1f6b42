"""Query: a question about works as a value, with its keywords, its query document and its Python source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from inspect import Parameter, Signature
from typing import Any, ClassVar, NoReturn

from bucketsnb.display import markup
from bucketsnb.display.texts import json_text, truncate
from bucketsnb.errors import QueryError
from bucketsnb.query.documents import Document, canonical, join, plain
from bucketsnb.query.explain import Explanation, explain_work
from bucketsnb.query.filters import Filter, filters_of, limits_of
from bucketsnb.query.keywords import WORDS, document_of
from bucketsnb.query.lint import warn_suspicious
from bucketsnb.query.source import pieces_of, read, source_of
from bucketsnb.query.times import moment, resolved

__all__ = ["Query", "any_of", "not_"]

_LONGEST_SHOWN = 2_000
"""Characters of source that a view shows."""


class Query:
    """A question about works; an empty one asks for every work.

    Frozen, comparable and hashable: queries that ask the same are equal, whatever the order of their conditions.
    All conditions must hold. ``one & other`` asks for both, ``one | other`` for either, ``~one`` for the rest.

    Parameters
    ----------
    document
        A MongoDB query document, a mapping, or another query. What it holds is kept as it is.
    **keywords
        Conditions in words: see :mod:`bucketsnb.query` for all of them.

    Raises
    ------
    QueryError
        If a keyword is unknown, or its value cannot be right.

    Warns
    -----
    QueryWarning
        If the raw document names a field, operator or status that is probably a mistake.

    Examples
    --------
    >>> failed = Query(pipeline="baseband-converter", status="failure", older_than="7d")
    >>> failed
    Query(pipeline="baseband-converter", status="failure", older_than="7d")
    >>> failed.to_document(now=1795477200)
    {'pipeline': 'baseband-converter', 'status': 'failure', 'creation': {'$lt': 1794872400.0}}
    >>> Query({"results.snr": {"$gt": 5}}, site=["kko", "gbo"]).where(not_event=9385707)
    Query({"results.snr": {"$gt": 5}}, site=["kko", "gbo"], not_event=9385707)
    """

    __slots__ = ("_canonical", "_document")
    __signature__: ClassVar[Signature] = Signature(
        [
            Parameter("document", Parameter.POSITIONAL_ONLY, default=None),
            *(Parameter(word, Parameter.KEYWORD_ONLY, default=...) for word in WORDS),
        ]
    )

    _document: Document
    _canonical: str

    def __init__(self, document: Query | Mapping[str, Any] | None = None, /, **keywords: Any) -> None:
        self._hold(join(_plain_document(document), pieces_of(document_of(keywords))))

    def _hold(self, document: Document) -> Query:
        object.__setattr__(self, "_document", document)
        object.__setattr__(self, "_canonical", canonical(document))
        return self

    @classmethod
    def _of(cls, document: Document) -> Query:
        """Return the query for a document that is plain already, and that nothing else refers to."""
        return object.__new__(cls)._hold(document)

    # Other ways in ---------------------------------------------------------------------------------------------------

    @classmethod
    def parse(cls, value: Query | Mapping[str, Any] | str | None) -> Query:
        """Return the query that a value stands for: a query, a document, None for the empty query, or text.

        Text is a document as JSON or as Python writes it, or the source of a query; it is read, never run.

        Raises
        ------
        QueryError
            If text is none of these, or its document names a key twice.

        Examples
        --------
        >>> Query.parse('{"status": "failure"}')
        Query(status="failure")
        >>> Query.parse('Query(site="kko") & not_(Query(event=1))').to_document()
        {'site': 'kko', '$nor': [{'event': 1}]}
        """
        if isinstance(value, str):
            return cls(read(value, {"Query": cls, "any_of": any_of, "not_": not_}))
        return value if isinstance(value, cls) else cls(value)

    @classmethod
    def of(cls, filters: Iterable[Filter]) -> Query:
        """Return the query for which all of the filters must hold.

        Examples
        --------
        >>> query = Query(status="failure", priority=">=4")
        >>> Query.of(query.filters) == query
        True
        """
        return cls._of(plain(join({}, (found.condition for found in filters))))

    # Narrowing and joining -------------------------------------------------------------------------------------------

    def where(self, document: Query | Mapping[str, Any] | None = None, /, **keywords: Any) -> Query:
        """Return a narrower query: this one, and the conditions given.

        Examples
        --------
        >>> Query(pipeline="intensity-ml").where(status="queued")
        Query(pipeline="intensity-ml", status="queued")
        """
        return self & Query(document, **keywords)

    def __and__(self, other: Query | Mapping[str, Any]) -> Query:
        if not isinstance(other, Query | Mapping):
            return NotImplemented
        return Query._of(join(self._document, pieces_of(Query.parse(other)._document)))

    def __or__(self, other: Query | Mapping[str, Any]) -> Query:
        return any_of(self, other) if isinstance(other, Query | Mapping) else NotImplemented

    def __invert__(self) -> Query:
        return not_(self)

    # What it asks ----------------------------------------------------------------------------------------------------

    def to_document(self, now: float | datetime | None = None) -> Document:
        """Return the MongoDB query document, as it is sent.

        ``older_than`` and the like count from `now`: a datetime or epoch seconds; the present if None.

        Examples
        --------
        >>> Query(parent="6b04a88bcce5d83e4c9bf3fc", tags=["low", "high"]).to_document()
        {'config.parent': '6b04a88bcce5d83e4c9bf3fc', 'tags': {'$in': ['low', 'high']}}
        """
        document: Document = resolved(self._document, float(moment(time.time() if now is None else now, "now")))
        return document

    @property
    def is_relative(self) -> bool:
        """Whether it counts from the present moment, as ``older_than`` and ``overdue`` do.

        Examples
        --------
        >>> Query(older_than="7d").is_relative, Query(since="2026-11-20").is_relative
        (True, False)
        """
        return bool(resolved(self._document, 0.0) != resolved(self._document, 1.0))

    def document_by(self, clock: Callable[[], float]) -> Document:
        """Return the query document as it is sent; the clock is read only if the query counts from now."""
        return self.to_document(clock() if self.is_relative else 0.0)

    @property
    def document(self) -> Document:
        """The query document with open moments left open (``{"$ago": "7d"}``): JSON to save a query by.

        Examples
        --------
        >>> saved = Query(older_than="7d").document
        >>> saved, Query(saved) == Query(older_than="7d")
        ({'creation': {'$lt': {'$ago': '7d'}}}, True)
        """
        return deepcopy(self._document)

    def to_code(self) -> str:
        """Return Python source that makes an equal query, given ``from bucketsnb import Query, any_of, not_``.

        Examples
        --------
        >>> print((Query(status="failure") & not_(Query(site="kko", user="me"))).to_code())
        Query(status="failure") & not_(Query(site="kko", user="me"))
        """
        return source_of(self._document)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Its conditions as values that a form can draw; ``Query.of`` makes the query from them again.

        Examples
        --------
        >>> [found.label for found in Query(status="failure", has_event=True, older_than="7d").filters]
        ['status is failure', 'has event', 'created more than 7d ago']
        """
        return filters_of(self.document)

    @property
    def is_empty(self) -> bool:
        """Whether it asks nothing, and so matches every work."""
        return not self._document

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the record that it looks at, anywhere.

        Examples
        --------
        >>> Query(attempt=">=retries", parent="6b04a88b").fields
        ('attempt', 'retries', 'config.parent')
        """
        return tuple(dict.fromkeys(path for found in filters_of(self._document) for path in found.fields))

    @property
    def pipelines(self) -> tuple[str, ...] | None:
        """Names of the pipelines it is limited to; None if works of any pipeline may match.

        Examples
        --------
        >>> Query(pipeline=["a", "b"]).pipelines, Query(site="kko").pipelines
        (('a', 'b'), None)
        """
        return limits_of(filters_of(self._document)).get("pipeline")

    @property
    def statuses(self) -> tuple[str, ...] | None:
        """Statuses it is limited to; None if works of any status may match.

        Examples
        --------
        >>> Query(exhausted=True).statuses
        ('failure',)
        """
        return limits_of(filters_of(self._document)).get("status")

    @property
    def only_pipeline_and_status(self) -> bool:
        """Whether it names only pipelines and statuses, so that the service's status answer can count it.

        False if it asks for ``created``, which that answer does not count.
        """
        if "created" in (self.statuses or ()) or not self._document.keys() <= {"pipeline", "status"}:
            return False
        return all(found.limits and all(found.limits[found.field]) for found in filters_of(self._document))

    def explain(self, work: Mapping[str, Any], *, now: float | datetime | None = None) -> Explanation:
        """Say which conditions a record meets and which it does not; `now` is as for :meth:`to_document`.

        Examples
        --------
        >>> print(Query(status="failure", site="kko").explain({"status": "failure", "site": "gbo"}))
        condition          met  in the work
        status is failure  yes  failure
        site is kko        no   gbo
        """
        return explain_work(self, work, now=now)

    # As a value ------------------------------------------------------------------------------------------------------

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a query is neither true nor false; join queries with & or |, negate with not_(...), and ask "
            "query.is_empty whether it asks anything"
        )

    def __eq__(self, other: object) -> bool:
        return self._canonical == other._canonical if isinstance(other, Query) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a query cannot be changed; query.where({name}=...) returns a narrower one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a query cannot be changed; build another one")

    def __reduce__(self) -> tuple[Callable[[Document], Query], tuple[Document]]:
        return (Query._of, (self.document,))

    def __repr__(self) -> str:
        source = self.to_code() if len(self._canonical) <= 2 * _LONGEST_SHOWN else ""
        if source and len(source) <= _LONGEST_SHOWN:
            return source
        labels = " and ".join(found.label for found in filters_of(self._document))
        return f"<Query, too long to show whole (see to_code()): {truncate(labels)}>"

    def _repr_html_(self) -> str:
        row = [_preformatted(text) for text in (repr(self), json_text(self._document))]
        return str(markup.table(["Python", "Query document"], [row]))


def _preformatted(text: str) -> markup.Markup:
    more = len(text) - _LONGEST_SHOWN
    text = text if more <= 0 else f"{text[:_LONGEST_SHOWN]}\n... and {more:,} characters more"
    style = "margin: 0; white-space: pre-wrap; text-align: left"
    return markup.element("pre", markup.escape(text, keep="\n"), style=style)


def _plain_document(value: Query | Mapping[str, Any] | None) -> Document:
    """Return a plain copy of a query document, with a warning for each probable mistake."""
    if value is None:
        return {}
    if isinstance(value, Query):
        return value._document
    if not isinstance(value, Mapping):
        raise QueryError(
            f"a query document is a mapping such as {{'status': 'failure'}}, not {type(value).__name__}; conditions in "
            "words are keywords, and Query.parse reads text"
        )
    document: Document = plain(value)
    warn_suspicious(document)
    return document


def any_of(*queries: Query | Mapping[str, Any]) -> Query:
    """Return the query for works that at least one of the queries matches (``$or``).

    Raises
    ------
    QueryError
        If there is no query, or an empty one, which would match every work.

    Examples
    --------
    >>> any_of(Query(site="kko"), Query(overdue=True)).to_document(now=0)["$or"][0]
    {'site': 'kko'}
    """
    return Query._of({"$or": _branches("any_of", queries)})


def not_(*queries: Query | Mapping[str, Any], **keywords: Any) -> Query:
    """Return the query for works that none of the queries matches (``$nor``).

    Parameters
    ----------
    *queries
        Queries or query documents.
    **keywords
        One more query, in words: ``not_(event=9385707)``.

    Raises
    ------
    QueryError
        If there is no query, or an empty one, which would leave no work.

    Examples
    --------
    >>> not_(event=9385707).to_document()
    {'$nor': [{'event': 9385707}]}
    """
    return Query._of({"$nor": _branches("not_", (*queries, *([Query(**keywords)] if keywords else [])))})


def _branches(word: str, queries: tuple[Query | Mapping[str, Any], ...]) -> list[Document]:
    if not queries:
        raise QueryError(f"{word}() needs at least one query")
    documents = [Query.parse(query)._document for query in queries]
    if not all(documents):
        raise QueryError(f"{word}(...) was given an empty query, which matches every work; leave it out")
    return documents
