"""Queries as Python source: written from a query document, and read from text that a person pasted.

Each part that is written is made again and compared with the document before it is used, so the source never asks for
anything else. Nothing that is pasted is executed: it is parsed to a syntax tree, which may hold only plain values and
the names and operators of queries.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bucketsnb.display.texts import truncate
from bucketsnb.errors import QueryError
from bucketsnb.query.documents import Document, canonical, is_branches, join, literal
from bucketsnb.query.filters import Filter, filters_of
from bucketsnb.query.keywords import WORDS, document_of

__all__ = ["pieces_of", "read", "source_of"]

_WIDTH = 100
"""Characters that one line of source may have."""

_MOST_TERMS = 20
"""Branches of ``$and`` that become terms of their own; more read better as the document they are."""

_LONGEST = 5_000_000
"""Characters of pasted text; more than any request line or body of a query could hold."""

_CALLS = {"$or": "any_of", "$nor": "not_"}

Functions = Mapping[str, Callable[..., Any]]


def pieces_of(document: Document) -> list[Document]:
    """Return the conditions of the filters of a document, each to be joined whole."""
    return [found.condition for found in filters_of(document)]


# Written --------------------------------------------------------------------------------------------------------------


def source_of(document: Document) -> str:
    """Return Python source for a query document.

    Examples
    --------
    >>> print(source_of({"status": "failure", "results.snr": {"$gt": 5}, "$or": [{"site": "kko"}, {"user": "me"}]}))
    Query({"results.snr": {"$gt": 5}}, status="failure") & any_of(Query(site="kko"), Query(user="me"))
    """
    terms = _terms(document)
    text = _sum(terms, "")
    if "\n" not in text or len(terms) == 1:
        return text
    return f"(\n    {_sum(terms, '    ')}\n)"


@dataclass(frozen=True)
class _Term:
    """A call in the source, with the document that it makes; some of its arguments are sums of terms."""

    document: Document
    name: str
    arguments: Sequence[str | Sequence[_Term]]

    @cached_property
    def line(self) -> str:
        """The source on one line, however long."""
        arguments = [terms if isinstance(terms, str) else _line(terms) for terms in self.arguments]
        return f"{self.name}({', '.join(arguments)})"

    def source(self, indent: str) -> str:
        if not self.arguments or _fits(self.line, indent):
            return self.line
        inner = indent + "    "
        arguments = [terms if isinstance(terms, str) else _sum(terms, inner) for terms in self.arguments]
        return f"{self.name}(\n" + "".join(f"{inner}{argument},\n" for argument in arguments) + f"{indent})"


def _fits(line: str, indent: str) -> bool:
    return len(line) + len(indent) <= _WIDTH


def _line(terms: Sequence[_Term]) -> str:
    return " & ".join(term.line for term in terms)


def _sum(terms: Sequence[_Term], indent: str) -> str:
    """Return the source of ``term & term``, for a place inside brackets, where lines may break."""
    line = _line(terms)
    return line if _fits(line, indent) else f"\n{indent}& ".join(term.source(indent) for term in terms)


def _query(raw: Document, words: Mapping[str, Any]) -> _Term:
    arguments = [literal(raw)] if raw else []
    arguments += [f"{word}={literal(value)}" for word, value in words.items()]
    return _Term(join(raw, pieces_of(document_of(words))), "Query", arguments)


def _function(operator: str, queries: Iterable[Document]) -> _Term:
    branches = list(map(_terms, queries))
    return _Term({operator: list(map(_joined, branches))}, _CALLS[operator], branches)


def _joined(terms: Sequence[_Term]) -> Document:
    document = terms[0].document
    for term in terms[1:]:
        document = join(document, pieces_of(term.document))
    return document


def _are_same(one: Document, other: Document) -> bool:
    return canonical(one) == canonical(other)


def _terms(document: Document) -> list[_Term]:
    """Return the terms that make a document again, or one term that holds it as it is."""
    groups = {key: item for key, item in document.items() if key in _CALLS and is_branches(item) and all(item)}
    rest = {key: item for key, item in document.items() if key not in groups}
    conditions = rest.get("$and")
    if is_branches(conditions) and all(conditions) and len(conditions) <= _MOST_TERMS:
        del rest["$and"]
    else:
        conditions = []
    terms = [_with_words(rest)] if rest or not (groups or conditions) else []
    terms += [_function(key, queries) for key, queries in groups.items()]
    if conditions:
        longer = [*terms, *(term for condition in conditions for term in _terms(condition))]
        terms = longer if _are_same(_joined(longer), document) else [*terms, _query({"$and": conditions}, {})]
    return terms if _are_same(_joined(terms), document) else [_query(document, {})]


def _with_words(document: Document) -> _Term:
    """Return the call that expresses as much as possible in keywords."""
    words: dict[str, Any] = {}
    raw: Document = {}
    for filters in _by_entry(filters_of(document)):
        entry = join({}, (found.condition for found in filters))
        keywords = {word: value for found in filters for word, value in found.keywords.items()}
        if keywords.keys().isdisjoint(words) and _ask(keywords, entry):
            words.update(keywords)
        else:
            raw.update({key: document[key] for key in entry})
    call = _query(raw, words)
    return call if _are_same(call.document, document) else _query(document, {})


def _by_entry(filters: Iterable[Filter]) -> Iterable[list[Filter]]:
    """Group the filters that share an entry of the document."""
    entries: dict[tuple[str, ...], list[Filter]] = {}
    for found in filters:
        entries.setdefault(tuple(found.condition), []).append(found)
    return entries.values()


def _ask(words: Mapping[str, Any], document: Document) -> bool:
    """Return whether keywords mean this document."""
    try:
        return words.keys() <= WORDS.keys() and _are_same(join({}, pieces_of(document_of(words))), document)
    except QueryError:
        return False


# Read -----------------------------------------------------------------------------------------------------------------


def read(text: str, functions: Functions) -> Any:
    """Return what pasted text holds: a query document as JSON or as Python writes it, or what the functions make.

    Source may call the functions by their names. Text that is none of these is an error, as is a document that names a
    key twice: its first value would silently be lost.

    Examples
    --------
    >>> read('{"status": "failure"}', {}), read("{'config.parent': None}", {})
    ({'status': 'failure'}, {'config.parent': None})
    """
    if len(text) > _LONGEST:
        raise QueryError(f"this text is too long for a query: {len(text):,} characters")
    try:
        return _of_json_or_source(text, functions)
    except (RecursionError, MemoryError):
        raise QueryError("this text is nested too deeply for a query") from None


def _of_json_or_source(text: str, functions: Functions) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except QueryError:
        raise
    except ValueError as error:
        not_json = error
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):  # some Pythons refuse null characters as a value
        shown = truncate(text, most=60)
        raise QueryError(
            f"this is not a query: {shown!r} is neither a JSON document ({not_json}) nor Python source"
        ) from None
    return _value(tree.body, functions)


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise QueryError(f"the key {key!r} stands twice in one document; join the conditions with $and")
        found[key] = value
    return found


def _value(node: ast.expr, functions: Functions) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_value(key, functions) for key in keys if key is not None]
            return _once(zip(names, _values(values, functions), strict=True))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _values(items, functions)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.UnaryOp(op=ast.Invert()):
            return ~_operand(node.operand, node, functions)
        case ast.BinOp(op=ast.BitAnd()):
            return _operand(node.left, node, functions) & _operand(node.right, node, functions)
        case ast.BinOp(op=ast.BitOr()):
            return _operand(node.left, node, functions) | _operand(node.right, node, functions)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            return _called(name, node, functions)
    raise _misplaced(node)


def _misplaced(node: ast.expr) -> QueryError:
    return QueryError(
        f"{truncate(ast.unparse(node), most=60)!r} cannot stand in a pasted query; it holds plain values, Query(...), "
        "any_of(...), not_(...), and & | ~ between them"
    )


def _values(nodes: Iterable[ast.expr], functions: Functions) -> list[Any]:
    return [_value(node, functions) for node in nodes]


def _operand(node: ast.expr, whole: ast.expr, functions: Functions) -> Any:
    """Return an operand of ``& | ~``, which must be a query and no plain value."""
    value = _value(node, functions)
    if isinstance(value, str | int | float | list | dict | None):
        raise _misplaced(whole)
    return value


def _called(name: str, node: ast.Call, functions: Functions) -> Any:
    keywords = {word.arg: _value(word.value, functions) for word in node.keywords if word.arg is not None}
    if len(keywords) < len(node.keywords):  # some are unpacked with **
        raise _misplaced(node)
    if len(node.args) > 1 and name == "Query":
        raise QueryError("Query(...) takes one document; the other conditions are keywords")
    return functions[name](*_values(node.args, functions), **keywords)
