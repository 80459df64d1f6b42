"""From a query document to a matcher: the operators that are made of others, and the table that finds the rest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .conditions import Condition, Every, Leaf, Not, alone, any_of, at, every
from .expressions import compile_expression
from .limits import DEFAULT_LIMITS, Budget, Limits, QueryNotUnderstood, name_of_type, plain
from .operators import OPERATORS, equals, list_operand
from .paths import RecordTest, Test, parse_path

__all__ = ["compile_query"]

_TOP = ("$and", "$or", "$nor", "$expr", "$comment")
_COMPOSED = ("$not", "$all", "$elemMatch", "$regex", "$options")


def compile_query(document: Any, *, limits: Limits = DEFAULT_LIMITS) -> RecordTest:
    """Compile a MongoDB query document, once, to match many works.

    Parameters
    ----------
    document
        The query, as decoded from JSON. It is copied: a later change to it has no effect.
    limits
        How large the query may be, and how much time its regular expressions may take in all its matches.

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
    matches = _Compiler(limits).filter(plain(document, limits), top=True)

    def matcher(record: Mapping[str, Any]) -> bool:
        try:
            return matches(record)
        except RecursionError:
            raise QueryNotUnderstood("the query compares a value that is nested too deeply in a work") from None

    return matcher


class _Compiler:
    """One query's compilation: counts its conditions, and shares one budget of time among its patterns."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.budget = Budget(limits)
        self.clauses = 0

    def filter(self, document: Any, *, top: bool) -> RecordTest:
        if not isinstance(document, dict):
            raise QueryNotUnderstood(f"a query is an object, not {name_of_type(document)}")
        tests = (self.clause(name, value, top=top) for name, value in document.items())
        return every([test for test in tests if test is not None])

    def clause(self, name: str, value: Any, *, top: bool) -> RecordTest | None:
        self.count()
        if not name.startswith("$"):
            return at(self.field(value, name), parse_path(name, self.limits))
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

    def combined(self, name: str, value: Any, *, top: bool) -> RecordTest:
        if not isinstance(value, list) or not value:
            raise QueryNotUnderstood(f"{name} needs a list of at least one query")
        tests = [self.filter(part, top=top) for part in value]
        if name == "$and":
            return every(tests)
        one = any_of(tests)
        return one if name == "$or" else lambda record: not one(record)

    def field(self, value: Any, path: str) -> Condition:
        """Compile what stands under a field: operators if its first key is one, and else a value to equal."""
        if isinstance(value, dict) and next(iter(value), "").startswith("$"):
            return self.operators(value, path)
        return equals(value)

    def operators(self, document: dict[str, Any], path: str) -> Condition:
        conditions = [self.operator(name, operand, path, document) for name, operand in document.items()]
        found = tuple(condition for condition in conditions if condition is not None)
        return found[0] if len(found) == 1 else Every(found)

    def operator(self, name: str, operand: Any, path: str, beside: Mapping[str, Any]) -> Condition | None:
        self.count()
        if name in OPERATORS:
            return OPERATORS[name](operand, path)
        if name == "$regex":
            return self.pattern(operand, beside.get("$options", ""), path)
        if name == "$options" and "$regex" in beside:
            return None
        if name == "$options":
            raise QueryNotUnderstood(f"$options on {path!r} needs a $regex beside it")
        compose: Callable[[Any, str], Condition] | None
        compose = {"$not": self.negated, "$all": self.all, "$elemMatch": self.element}.get(name)
        if compose is None:
            raise _unknown(repr(path), name, [*OPERATORS, *_COMPOSED])
        return compose(operand, path)

    def pattern(self, pattern: Any, options: Any, path: str) -> Condition:
        for name, operand in (("$regex", pattern), ("$options", options)):
            if not isinstance(operand, str):
                raise QueryNotUnderstood(f"{name} on {path!r} needs text, not {name_of_type(operand)}")
        found = _searcher(pattern, options, self.budget)
        return Leaf(lambda value: value.__class__ is str and found(value))

    def negated(self, operand: Any, path: str) -> Condition:
        if not isinstance(operand, dict) or not operand:
            raise QueryNotUnderstood(f"$not on {path!r} needs an object of operators; for a value use $ne")
        return Not(self.operators(operand, path))

    def all(self, operand: Any, path: str) -> Condition:
        if isinstance(operand, list) and operand and _is_element_match(operand[0]):
            if not all(map(_is_element_match, operand)):
                raise QueryNotUnderstood(f"$all on {path!r} takes either values or $elemMatch, not both")
            return Every(tuple(self.operators(part, path) for part in operand))
        values = list_operand("$all", operand, path)
        for _ in values:
            self.count()
        return Every(tuple(map(equals, values))) if values else Leaf(lambda _: False)

    def element(self, operand: Any, path: str) -> Condition:
        """Compile ``$elemMatch``: one element of a list satisfies everything, as a value or as an object."""
        if not isinstance(operand, dict):
            raise QueryNotUnderstood(f"$elemMatch on {path!r} needs an object, not {name_of_type(operand)}")
        first = next(iter(operand), "")
        if first.startswith("$") and first not in _TOP:
            test = alone(self.operators(operand, path))
        else:
            test = _of_object(self.filter(operand, top=False))
        return Leaf(lambda value: value.__class__ is list and any(map(test, value)), whole=True)

    def count_all(self, expression: Any) -> None:
        """Count every value of an expression: each is computed, or compared, anew for each work."""
        inner = expression.values() if isinstance(expression, dict) else expression
        for value in inner if isinstance(expression, (dict, list)) else ():
            self.count()
            self.count_all(value)

    def count(self) -> None:
        self.clauses += 1
        if self.clauses > self.limits.clauses:
            raise QueryNotUnderstood(
                f"the query has more than {self.limits.clauses:,} conditions; $in takes a long list as one"
            )


def _searcher(pattern: str, options: str, budget: Budget) -> Callable[[str], bool]:
    """Compile a regular expression, by a library that a query without one does not need."""
    try:
        from .patterns import searcher
    except ModuleNotFoundError as error:
        raise QueryNotUnderstood(
            'regular expressions are read by the library regex: pip install "bucketsnb[backend]"'
        ) from error
    return searcher(pattern, options, budget)


def _is_element_match(value: Any) -> bool:
    return isinstance(value, dict) and next(iter(value), None) == "$elemMatch" and len(value) == 1


def _of_object(matches: RecordTest) -> Test:
    """Test an element of a list as if it were a record; a list is one whose fields are its places, as in BSON."""

    def test(element: Any) -> bool:
        if element.__class__ is dict:
            return matches(element)
        if element.__class__ is list:
            return matches({str(place): value for place, value in enumerate(element)})
        return False

    return test


def _unknown(where: str, name: str, known: Iterable[str]) -> QueryNotUnderstood:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it can have {', '.join(known)}"
    return QueryNotUnderstood(f"{where} has the unknown operator {name[:40]}; {hint}")
