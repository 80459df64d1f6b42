"""Read a query from text that a person pasted: JSON, a Python dictionary, or the source of a query.

Nothing is run: source is read as a tree, and only the names and operators of queries are known in it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
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
    reader = _READERS.get(type(node))
    if reader is None:
        raise _unknown(node)
    return reader(node, functions)


def _unknown(node: ast.expr) -> QueryError:
    return QueryError(
        f"{truncate(ast.unparse(node), most=60)!r} cannot stand in a pasted query; it holds plain values, Query(...), "
        "any_of(...), not_(...), and & | ~ between them"
    )


def _constant(node: ast.Constant, _: Functions) -> Any:
    if isinstance(node.value, str | int | float | bool | None):
        return node.value
    raise _unknown(node)


def _dictionary(node: ast.Dict, functions: Functions) -> Any:
    keys = [_unpacked(node) if key is None else _value(key, functions) for key in node.keys]
    return _once(list(zip(keys, (_value(value, functions) for value in node.values), strict=True)))


def _unpacked(node: ast.expr) -> Any:
    raise _unknown(node)


def _sequence(node: ast.List | ast.Tuple, functions: Functions) -> Any:
    return [_value(item, functions) for item in node.elts]


def _signed(node: ast.UnaryOp, functions: Functions) -> Any:
    value = _value(node.operand, functions)
    if isinstance(node.op, ast.USub) and type(value) in (int, float):
        return -value
    if isinstance(node.op, ast.Invert) and not isinstance(value, _PLAIN):
        return ~value
    raise _unknown(node)


def _joined(node: ast.BinOp, functions: Functions) -> Any:
    left, right = _value(node.left, functions), _value(node.right, functions)
    if isinstance(left, _PLAIN) or isinstance(right, _PLAIN):
        raise _unknown(node)
    if isinstance(node.op, ast.BitAnd):
        return left & right
    if isinstance(node.op, ast.BitOr):
        return left | right
    raise _unknown(node)


def _called(node: ast.Call, functions: Functions) -> Any:
    if not isinstance(node.func, ast.Name) or node.func.id not in functions:
        raise _unknown(node)
    keywords = {word.arg: _value(word.value, functions) for word in node.keywords if word.arg is not None}
    if len(keywords) < len(node.keywords) or any(isinstance(item, ast.Starred) for item in node.args):
        raise _unknown(node)
    if len(node.args) > 1 and node.func.id == "Query":
        raise QueryError("Query(...) takes one document; the other conditions are keywords")
    return functions[node.func.id](*(_value(item, functions) for item in node.args), **keywords)


_PLAIN = (str, int, float, bool, list, dict, type(None))
_READERS: dict[type[ast.expr], Callable[[Any, Functions], Any]] = {
    ast.Constant: _constant,
    ast.Dict: _dictionary,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.UnaryOp: _signed,
    ast.BinOp: _joined,
    ast.Call: _called,
}
