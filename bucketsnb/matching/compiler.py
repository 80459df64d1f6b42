"""From a query document to a test of works: the operators that are made of others, and the table that finds the rest.

What stands under a field is a test of one value. It is bound to the values that the field's path reaches in a work, or,
in ``$elemMatch``, to one element of a list as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .expressions import compile_expression
from .limits import QueryNotUnderstood, name_of_type, plain
from .operators import OPERATORS, equals, list_operand
from .values import Test, reaching

if TYPE_CHECKING:
    from .patterns import Patterns

__all__ = ["Matcher", "compile_query"]

Matcher = Callable[[Mapping[str, Any]], bool]
"""Returns whether a work matches."""

Bind = Callable[..., Test]
"""Makes a test of a work, or of an element, of a test of one value; see `reaching` for `whole`."""

_CLAUSES_MAX = 2_000
"""Conditions that may have to be tried on one work; an ``$in`` is one, however long its list."""

_TOP = ("$and", "$or", "$nor", "$expr", "$comment")
_COMPOSED = ("$not", "$all", "$elemMatch", "$regex", "$options")


def compile_query(document: Any) -> Matcher:
    """Compile a MongoDB query document, once, to match many works.

    Parameters
    ----------
    document
        The query, as decoded from JSON. It is copied: a later change to it has no effect.

    Returns
    -------
    Callable
        Takes a work (a mapping as decoded from JSON) and says whether it matches. It may raise `QueryTooSlow`, and
        `QueryNotUnderstood` where ``$expr`` computes with what is no number.

    Raises
    ------
    QueryNotUnderstood
        The query holds what is not supported, or is too large. Found now, whether or not there is a work to match.

    Examples
    --------
    >>> matches = compile_query({"pipeline": "fitburst", "attempt": {"$gte": 1}, "tags": "kko"})
    >>> matches({"pipeline": "fitburst", "attempt": 2, "tags": ["kko", "chime"]})
    True
    >>> try:
    ...     compile_query({"attempt": {"$gtr": 1}})
    ... except QueryNotUnderstood as problem:
    ...     print(problem)
    'attempt' has the unknown operator $gtr; did you mean $gt or $gte?
    """
    matches = _Compiler().filter(plain(document), top=True)

    def matcher(record: Mapping[str, Any]) -> bool:
        try:
            return matches(record)
        except RecursionError:
            raise QueryNotUnderstood("the query compares a value that is nested too deeply in a work") from None

    return matcher


class _Compiler:
    """The compilation of one query, which counts its conditions."""

    def __init__(self) -> None:
        self.clauses = 0
        self.patterns: Patterns | None = None

    def filter(self, document: Any, *, top: bool) -> Test:
        if not isinstance(document, dict):
            raise QueryNotUnderstood(f"a query is an object, not {name_of_type(document)}")
        return _every(self.clause(name, value, top=top) for name, value in document.items())

    def clause(self, name: str, value: Any, *, top: bool) -> Test | None:
        self.count()
        if not name.startswith("$"):
            return self.field(value, name, partial(reaching, name))
        if name == "$comment":
            return None
        if name == "$expr":
            if not top:
                raise QueryNotUnderstood("$expr looks at whole works, so it cannot stand in $elemMatch")
            self.count_all(value)
            return compile_expression(value)
        if name in ("$and", "$or", "$nor"):
            return self.combined(name, value, top=top)
        if name in OPERATORS or name in _COMPOSED:
            raise QueryNotUnderstood(f"{name} stands under a field, as in {{'status': {{{name!r}: ...}}}}")
        raise _unknown("the query", name, _TOP)

    def combined(self, name: str, value: Any, *, top: bool) -> Test:
        if not isinstance(value, list) or not value:
            raise QueryNotUnderstood(f"{name} needs a list of at least one query")
        tests = [self.filter(part, top=top) for part in value]
        if name == "$and":
            return _every(tests)

        def either(record: Any) -> bool:
            return any(test(record) for test in tests)

        return either if name == "$or" else _opposite(either)

    def field(self, value: Any, path: str, bind: Bind) -> Test:
        """Compile the condition on a field: operators if its first key is one, else a value to equal."""
        return self.operators(value, path, bind) if _begins_with_operator(value) else bind(equals(value))

    def operators(self, document: dict[str, Any], path: str, bind: Bind) -> Test:
        return _every(self.operator(name, operand, path, bind, document) for name, operand in document.items())

    def operator(self, name: str, operand: Any, path: str, bind: Bind, beside: Mapping[str, Any]) -> Test | None:
        self.count()
        where = f"{name} on {path!r}"
        if name in OPERATORS:
            test = bind(OPERATORS[name](operand, where), whole=name == "$size")
            is_false = operand is None or (isinstance(operand, (bool, int, float)) and operand == 0)
            negated = name in ("$ne", "$nin") or (name == "$exists" and is_false)
            return _opposite(test) if negated else test
        if name == "$regex":
            return bind(self.pattern(operand, beside.get("$options", ""), path))
        if name == "$options":
            if "$regex" not in beside:
                raise QueryNotUnderstood(f"{where} needs a $regex beside it")
            return None
        if name == "$not":
            if not isinstance(operand, dict) or not operand:
                raise QueryNotUnderstood(f"{where} needs an object of operators; for a value use $ne")
            return _opposite(self.operators(operand, path, bind))
        if name == "$all":
            return self.all(operand, path, bind)
        if name == "$elemMatch":
            return bind(self.element(operand, path), whole=True)
        raise _unknown(repr(path), name, [*OPERATORS, *_COMPOSED])

    def pattern(self, pattern: Any, options: Any, path: str) -> Test:
        for name, operand in (("$regex", pattern), ("$options", options)):
            if not isinstance(operand, str):
                raise QueryNotUnderstood(f"{name} on {path!r} needs text, not {name_of_type(operand)}")
        if self.patterns is None:
            self.patterns = _patterns()
        found = self.patterns.searcher(pattern, options)
        return lambda value: value.__class__ is str and found(value)

    def all(self, operand: Any, path: str, bind: Bind) -> Test:
        if isinstance(operand, list) and operand and _is_element_match(operand[0]):
            if not all(map(_is_element_match, operand)):
                raise QueryNotUnderstood(f"$all on {path!r} takes either values or $elemMatch, not both")
            return _every([self.operators(part, path, bind) for part in operand])
        values = list_operand(operand, f"$all on {path!r}")
        for _ in values:
            self.count()
        return _every([bind(equals(value)) for value in values] or [lambda _: False])

    def element(self, operand: Any, path: str) -> Test:
        """Compile ``$elemMatch``: one element of a list satisfies all conditions, as a value or as an object."""
        if not isinstance(operand, dict):
            raise QueryNotUnderstood(f"$elemMatch on {path!r} needs an object, not {name_of_type(operand)}")
        if _begins_with_operator(operand) and next(iter(operand)) not in _TOP:
            test = self.operators(operand, path, lambda test, **_: test)
        else:
            test = _of_object(self.filter(operand, top=False))
        return lambda value: value.__class__ is list and any(map(test, value))

    def count_all(self, expression: Any) -> None:
        """Count every value of an expression: each is evaluated for every work."""
        inner = expression.values() if isinstance(expression, dict) else expression
        for value in inner if isinstance(expression, (dict, list)) else ():
            self.count()
            self.count_all(value)

    def count(self) -> None:
        self.clauses += 1
        if self.clauses > _CLAUSES_MAX:
            raise QueryNotUnderstood(
                f"the query has more than {_CLAUSES_MAX:,} conditions; $in takes a long list as one"
            )


def _patterns() -> Patterns:
    """Return a new :class:`Patterns`; imported here, as only queries with patterns need its library."""
    try:
        from .patterns import Patterns
    except ModuleNotFoundError as error:
        raise QueryNotUnderstood(
            'regular expressions are read by the library regex: pip install "bucketsnb[backend]"'
        ) from error
    return Patterns()


def _begins_with_operator(value: Any) -> bool:
    return isinstance(value, dict) and next(iter(value), "").startswith("$")


def _is_element_match(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["$elemMatch"]


def _every(tests: Iterable[Test | None]) -> Test:
    found: Sequence[Test] = [test for test in tests if test is not None]
    return found[0] if len(found) == 1 else lambda value: all(test(value) for test in found)


def _opposite(test: Test) -> Test:
    return lambda value: not test(value)


def _of_object(matches: Test) -> Test:
    """Test an element of a list like a record; a list has its places as fields, as in BSON."""

    def test(element: Any) -> bool:
        if element.__class__ is list:
            return matches({str(place): value for place, value in enumerate(element)})
        return element.__class__ is dict and matches(element)

    return test


def _unknown(where: str, name: str, known: Iterable[str]) -> QueryNotUnderstood:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it can have {', '.join(known)}"
    return QueryNotUnderstood(f"{where} has the unknown operator {name[:40]}; {hint}")
