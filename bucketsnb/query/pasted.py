"""Read a query from text that a person pasted: JSON, a Python dictionary, or the source of a query.

Nothing is executed: source is parsed to a syntax tree, which may hold only plain values and the names and operators of
queries.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bucketsnb.display.texts import truncate
from bucketsnb.errors import QueryError

__all__ = ["read"]

_LONGEST = 5_000_000
"""Characters; more than any request line or body of a query could hold."""

Functions = Mapping[str, Callable[..., Any]]


def read(text: str, functions: Functions) -> Any:
    """Return what pasted text holds: a query document, or what the functions make.

    Parameters
    ----------
    functions
        The names that source may call.

    Raises
    ------
    QueryError
        If the text is none of these, or a document names a key twice (its first value would silently be lost).

    Examples
    --------
    >>> read('{"status": "failure"}', {}), read("{'config.parent': None}", {})
    ({'status': 'failure'}, {'config.parent': None})
    >>> read('{"site": "kko", "site": "gbo"}', {})
    Traceback (most recent call last):
    ...
    bucketsnb.errors.QueryError: the key 'site' stands twice in one document; join the conditions with $and
    """
    if len(text) > _LONGEST:
        raise QueryError(f"this text is too long for a query: {len(text):,} characters")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except QueryError:
        raise
    except RecursionError:
        raise _nested() from None
    except ValueError as error:
        return _of_source(text, functions, error)


def _nested() -> QueryError:
    return QueryError("this text is nested too deeply for a query")


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise QueryError(f"the key {key!r} stands twice in one document; join the conditions with $and")
        found[key] = value
    return found


def _of_source(text: str, functions: Functions, not_json: ValueError) -> Any:
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _value(tree.body, functions)
    except SyntaxError:
        raise QueryError(
            f"this is not a query: {truncate(text, most=60)!r} is neither a JSON document ({not_json}) nor "
            "Python source"
        ) from None
    except (RecursionError, MemoryError):
        raise _nested() from None
    except ValueError as error:  # null characters, on older Pythons
        raise error if isinstance(error, QueryError) else QueryError(f"this is not a query: {error}") from None


def _value(node: ast.expr, functions: Functions) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Dict(keys=keys, values=values) if None not in keys:
            names = [_value(key, functions) for key in keys if key is not None]
            return _once(list(zip(names, _values(values, functions), strict=True)))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _values(items, functions)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if not isinstance(
            number, bool
        ):
            return -number
        case ast.UnaryOp(op=ast.Invert()):
            return ~_query(node.operand, node, functions)
        case ast.BinOp(op=ast.BitAnd()):
            return _query(node.left, node, functions) & _query(node.right, node, functions)
        case ast.BinOp(op=ast.BitOr()):
            return _query(node.left, node, functions) | _query(node.right, node, functions)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            return _called(name, node, functions)
    raise _unknown(node)


def _unknown(node: ast.expr) -> QueryError:
    return QueryError(
        f"{truncate(ast.unparse(node), most=60)!r} cannot stand in a pasted query; it holds plain values, Query(...), "
        "any_of(...), not_(...), and & | ~ between them"
    )


def _values(nodes: Iterable[ast.expr], functions: Functions) -> list[Any]:
    return [_value(node, functions) for node in nodes]


def _query(node: ast.expr, whole: ast.expr, functions: Functions) -> Any:
    """Return an operand of ``& | ~``, which is a query and no plain value."""
    value = _value(node, functions)
    if isinstance(value, str | int | float | list | dict | None):
        raise _unknown(whole)
    return value


def _called(name: str, node: ast.Call, functions: Functions) -> Any:
    keywords = {word.arg: _value(word.value, functions) for word in node.keywords if word.arg is not None}
    if len(keywords) < len(node.keywords):  # some are unpacked with **
        raise _unknown(node)
    if len(node.args) > 1 and name == "Query":
        raise QueryError("Query(...) takes one document; the other conditions are keywords")
    return functions[name](*_values(node.args, functions), **keywords)
