"""Write a query document as Python source that makes an equal query.

What keywords can express is written as keywords, the rest as a document. Each part is evaluated again and compared with
the document before it is used, so the source never asks for anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bucketsnb.errors import QueryError
from bucketsnb.query.documents import Document, canonical, is_branches, join, literal
from bucketsnb.query.filters import Filter, filters_of
from bucketsnb.query.keywords import WORDS, document_of

__all__ = ["WIDTH", "pieces_of", "source_of"]

WIDTH = 100
"""Characters that one line of source may have."""

_MOST_TERMS = 20
"""Branches of ``$and`` that become terms of their own; more read better as the document they are."""

_CALLS = {"$or": "any_of", "$nor": "not_"}


def pieces_of(document: Document) -> list[Document]:
    """Return the conditions of the filters of a document, each to be joined whole."""
    return [found.condition for found in filters_of(document)]


@dataclass(frozen=True)
class _Call:
    """``Query(raw, **words)``."""

    raw: Document = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)

    def document(self) -> Document:
        return join(self.raw, pieces_of(document_of(self.words)))

    def source(self, indent: str) -> str:
        arguments = [literal(self.raw)] if self.raw else []
        return _call("Query", [*arguments, *(f"{word}={literal(value)}" for word, value in self.words.items())], indent)


@dataclass(frozen=True)
class _Function:
    """``any_of(...)`` or ``not_(...)``."""

    operator: str
    branches: tuple[_Sum, ...]

    def document(self) -> Document:
        return {self.operator: [branch.document() for branch in self.branches]}

    def source(self, indent: str) -> str:
        return _call(_CALLS[self.operator], [branch.argument(indent + "    ") for branch in self.branches], indent)


@dataclass(frozen=True)
class _Sum:
    """``term & term & ...``."""

    terms: tuple[_Call | _Function, ...]

    def document(self) -> Document:
        document = self.terms[0].document()
        for term in self.terms[1:]:
            document = join(document, pieces_of(term.document()))
        return document

    def source(self, indent: str) -> str:
        text = self.argument(indent)
        if "\n" not in text or len(self.terms) == 1:
            return text
        inner = indent + "    "
        return f"(\n{inner}{self.argument(inner)}\n{indent})"

    def argument(self, indent: str) -> str:
        """Return the source for a place inside brackets, where lines may break."""
        line = " & ".join(term.source("") for term in self.terms)
        if "\n" not in line and len(line) + len(indent) <= WIDTH:
            return line
        return f"\n{indent}& ".join(term.source(indent) for term in self.terms)


def _call(name: str, arguments: Sequence[str], indent: str) -> str:
    line = f"{name}({', '.join(arguments)})"
    if ("\n" not in line and len(line) + len(indent) <= WIDTH) or len(arguments) == 0:
        return line
    inner = indent + "    "
    return f"{name}(\n" + "".join(f"{inner}{argument},\n" for argument in arguments) + f"{indent})"


def source_of(document: Document) -> str:
    """Return Python source for a query document.

    Examples
    --------
    >>> print(source_of({"status": "failure", "results.snr": {"$gt": 5}, "$or": [{"site": "kko"}, {"user": "me"}]}))
    Query({"results.snr": {"$gt": 5}}, status="failure") & any_of(Query(site="kko"), Query(user="me"))
    """
    return _sum(document).source("")


def _sum(document: Document) -> _Sum:
    """Return the terms that make a document again, or one term that holds it as it is."""
    terms = _Sum(tuple(_terms(document)))
    return terms if _equals(terms, document) else _Sum((_Call(raw=document),))


def _equals(expression: _Call | _Function | _Sum, document: Document) -> bool:
    """Say whether an expression makes a document."""
    try:
        return canonical(expression.document()) == canonical(document)
    except QueryError:
        return False


def _terms(document: Document) -> list[_Call | _Function]:
    groups = {key: item for key, item in document.items() if key in _CALLS and is_branches(item) and all(item)}
    rest = {key: item for key, item in document.items() if key not in groups}
    conditions = rest.get("$and")
    if not is_branches(conditions) or len(conditions) > _MOST_TERMS:
        conditions = []
    else:
        del rest["$and"]
    terms: list[_Call | _Function] = [_Function(key, tuple(map(_sum, branches))) for key, branches in groups.items()]
    call = _call_of(rest)
    if call.raw or call.words or not terms:
        terms.insert(0, call)
    return _with_conditions(terms, {**rest, **groups}, conditions)


def _call_of(document: Document) -> _Call:
    """Return the call that expresses as much as possible in keywords."""
    words: dict[str, Any] = {}
    raw: Document = {}
    for filters in _by_entry(filters_of(document)):
        keywords = _keywords_for(filters, words)
        if keywords is None:
            raw.update({key: document[key] for found in filters for key in found.condition})
        else:
            words.update(keywords)
    call = _Call(raw, words)
    return call if _equals(call, document) else _Call(raw=document)


def _by_entry(filters: Iterable[Filter]) -> Iterable[list[Filter]]:
    """Group the filters that share an entry of the document."""
    entries: dict[tuple[str, ...], list[Filter]] = {}
    for found in filters:
        entries.setdefault(tuple(found.condition), []).append(found)
    return entries.values()


def _keywords_for(filters: list[Filter], taken: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the keywords for the filters of one entry, or None if keywords cannot express it."""
    words: dict[str, Any] = {}
    for found in filters:
        keywords = found.to_keywords()
        if not keywords or any(word in taken or word in words or word not in WORDS for word in keywords):
            return None
        words.update(keywords)
    entry = join({}, (found.condition for found in filters))
    return words if _equals(_Call(words=words), entry) else None


def _with_conditions(
    terms: list[_Call | _Function], base: Document, conditions: list[Document]
) -> list[_Call | _Function]:
    """Add the branches of ``$and``: as terms of their own where joining puts them back there, else as they are."""
    for number, condition in enumerate(conditions, start=1):
        longer = [*terms, *_sum(condition).terms]
        if condition and _equals(_Sum(tuple(longer)), {**base, "$and": conditions[:number]}):
            terms = longer
        else:
            terms = [*terms, _Call(raw={"$and": [condition]})]
    return terms
