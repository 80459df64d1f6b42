"""Random works, documents and queries for the property tests.

They are made by ``random`` from a seed that hypothesis draws: thousands a second, and a failure names its seed.
"""

from __future__ import annotations

import json
import math
import struct
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bucketsnb.errors import QueryError
from bucketsnb.query import Query, any_of, not_
from bucketsnb.schema import STATUSES
from tests.budget import examples
from tests.factory import make_work

T = TypeVar("T")

NOW = 1_795_477_200.0
"""Epoch seconds that every property test calls now."""

many = settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
"""For tests that take ten at a time: a thousand in all."""

some = settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))

PIPELINES = ("baseband-converter", "dm-pipeline", "notify")
SITES = ("kko", "gbo", "chime")
TAGS = ("low", "high", "kko")
IDS = ("6b04a88bcce5d83e4c9bf3fc", "6b04a88bcce5d83e4c9bf3fd")
TIMES = tuple(NOW - hours * 3600 for hours in (0, 1, 12, 35, 36, 37, 167, 168, 169, 500))

Make = Callable[[Random], Any]


def seeded(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """Return the strategy of what a function makes by chance."""
    return st.integers(0, 2**64 - 1).map(lambda seed: make(Random(seed)))


def _pick(*values: Any) -> Make:
    return lambda chance: chance.choice(values)


def _several(make: Make, chance: Random, least: int = 1) -> list[Any]:
    return [make(chance) for _ in range(chance.randint(least, 3))]


def _one_or_more(make: Make) -> Make:
    return lambda chance: make(chance) if chance.random() < 0.6 else _several(make, chance)


# Works ----------------------------------------------------------------------------------------------------------------


def a_work(chance: Random) -> dict[str, Any]:
    """Return a work with few different values, so that random queries match some."""
    some_of = lambda values: chance.choice([None, [], chance.sample(values, 1), chance.sample(values, 2)])  # noqa: E731
    work = make_work(
        pipeline=chance.choice(PIPELINES),
        site=chance.choice(SITES),
        user=chance.choice(["me", "you"]),
        function=chance.choice([None, "f", "g"]),
        command=chance.choice([None, [], ["run", "it"]]),
        results=chance.choice([None, {}, {"snr": 5.5}, {"snr": 12}, {"snr": [1, 7]}]),
        tags=some_of(TAGS),
        event=some_of(range(1, 6)),
        id=chance.choice(IDS),
        creation=chance.choice(TIMES),
        start=chance.choice([None, *TIMES]),
        stop=chance.choice([None, *TIMES]),
        attempt=chance.randint(0, 3),
        retries=chance.randint(0, 3),
        timeout=chance.choice([60, 3600, 86400]),
        priority=chance.randint(1, 5),
        status=chance.choice(STATUSES),
    )
    work["config"]["parent"] = chance.choice([None, *IDS])
    return work


# Queries in words -----------------------------------------------------------------------------------------------------

_FIELDS: dict[str, Make] = {
    "pipeline": _pick(*PIPELINES),
    "status": _pick(*STATUSES),
    "site": _pick(*SITES),
    "user": _pick("me", "you"),
    "function": _pick("f", "g"),
    "id": _pick(*IDS),
    "parent": _pick(*IDS),
    "tags": _pick(*TAGS),
    "event": lambda chance: chance.randint(1, 5),
}
_SPAN = _pick("36h", "7d", "1d12h", "1w", "0s")
_MOMENT = _pick(*TIMES, "2026-11-20", "2026-11-22T06:30:00Z", "36h ago")
_NUMBERS = (">=2", "<2", "!=1", "==3", ">1", "<=3", "1..2", "2..2", ">=retries", "<timeout", 1, 2, [1, 3])
_WORDS: dict[str, Make] = {
    **{word: _one_or_more(make) for word, make in _FIELDS.items()},
    **{f"not_{word}": _one_or_more(make) for word, make in _FIELDS.items()},
    **dict.fromkeys(["attempt", "priority"], _pick(*_NUMBERS)),
    "retries": _pick(0, 2, [0, 3], ">=2", "<attempt", "0..1"),
    "all_tags": _one_or_more(_pick(*TAGS)),
    **dict.fromkeys(["older_than", "newer_than"], _SPAN),
    **dict.fromkeys(["since", "until", "started_since", "started_until", "stopped_since", "stopped_until"], _MOMENT),
    "stop": _pick(*TIMES, ">start", "<=2026-11-20", ">36h ago"),
    **dict.fromkeys(["overdue", "exhausted", "retryable", "stale"], _pick(True, False)),
    **dict.fromkeys([f"has_{word}" for word in ("event", "tags", "parent", "function", "start")], _pick(True, False)),
}


def words(chance: Random, most: int = 4) -> dict[str, Any]:
    """Return keywords of a query that can be meant."""
    while True:
        names = chance.sample(sorted(_WORDS), chance.randint(0, most))
        made = {name: _WORDS[name](chance) for name in names}
        try:
            Query(**made)
        except QueryError:  # a period that ends before it starts
            continue
        return made


# Documents ------------------------------------------------------------------------------------------------------------

_PATHS = (
    *("pipeline", "status", "event", "priority", "creation", "start", "config.parent", "results.snr", "tags.0"),
    *("event.0", "stats", "a", "config", "attempt", "tags"),
)
_OPERATORS = (
    *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$all", "$exists", "$size", "$regex", "$options"),
    *("$not", "$elemMatch", "$mod", "$type", "$weird", "$ago"),
)
_LITERAL_KEYS = ("a", "b", "snr", "", "$gt", "$weird", "x.y", "é\u202e", "$or")


def _float(chance: Random) -> float:
    (value,) = struct.unpack("<d", chance.randbytes(8))
    return value if math.isfinite(value) else 0.5


def _leaf(chance: Random) -> Any:
    make = chance.choice([_pick(None, True, False), _FIELDS["event"], _float, _pick(*TIMES), _word, _far])
    return make(chance)


def _word(chance: Random) -> str:
    return chance.choice(
        ["failure", "kko", "dm-pipeline", "$attempt", "7d", "", "\u202e\x00\n\"'\\", "\U0001f52d", "k"]
    )


def _far(chance: Random) -> int:
    return chance.choice([0, -3, -(2**63), 2**63 - 1, 1_795_477_200])


def _literal(chance: Random, depth: int = 2) -> Any:
    kind = chance.random()
    if depth == 0 or kind < 0.6:
        return _leaf(chance)
    if kind < 0.8:
        return [_literal(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return {chance.choice(_LITERAL_KEYS): _literal(chance, depth - 1) for _ in range(chance.randint(0, 3))}


def an_object(chance: Random) -> dict[str, Any]:
    """Return any JSON object."""
    return {chance.choice((*_PATHS, *_LITERAL_KEYS)): _literal(chance) for _ in range(chance.randint(0, 4))}


def _condition(chance: Random) -> Any:
    if chance.random() < 0.4:
        return _literal(chance)
    return {chance.choice(_OPERATORS): _operand(chance) for _ in range(chance.randint(1, 3))}


def _operand(chance: Random) -> Any:
    return chance.choice([_literal, _leaf, lambda _: _several(_leaf, chance, 0), _condition])(chance)


def _expression(chance: Random) -> Any:
    sides = _several(_pick("$attempt", "$retries", "attempt", 3, "$stats"), chance, 0)
    return chance.choice([{chance.choice(["$gte", "$lt", "$weird"]): sides}, _literal(chance)])


def a_document(chance: Random, depth: int = 2) -> dict[str, Any]:
    """Return a document with operators known and unknown, in their places and out of them."""
    made = {chance.choice(_PATHS): _condition(chance) for _ in range(chance.randint(0, 3))}
    if chance.random() < 0.15:
        made["$expr"] = _expression(chance)
    for group in ("$and", "$or", "$nor"):
        if depth and chance.random() < 0.15:
            branches = [a_document(chance, depth - 1) for _ in range(chance.randint(0, 3))]
            made[group] = branches if chance.random() < 0.9 else _literal(chance)
    keys = list(made)
    chance.shuffle(keys)
    return {key: made[key] for key in keys}


# Queries --------------------------------------------------------------------------------------------------------------


def quiet(document: dict[str, Any], **keywords: Any) -> Query:
    """Return a query without its warnings of slips."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Query(document, **keywords)


def in_words(chance: Random) -> Query:
    """Return a query in words alone."""
    return Query(**words(chance))


def _mixed(chance: Random) -> Query:
    return in_words(chance) if chance.random() < 0.5 else quiet(a_document(chance), **words(chance, most=2))


def _grown(leaf: Callable[[Random], Query], chance: Random, depth: int = 2) -> Query:
    kind = chance.choice(["leaf", "leaf", "&", "any_of", "not_"])
    if depth == 0 or kind == "leaf":
        return leaf(chance)
    if kind == "&":
        return _grown(leaf, chance, depth - 1) & _grown(leaf, chance, depth - 1)
    inner: Sequence[Query] = [_grown(leaf, chance, depth - 1) for _ in range(chance.randint(1, 3))]
    inner = [query for query in inner if not query.is_empty] or [Query(site="kko")]
    return any_of(*inner) if kind == "any_of" else not_(*inner)


def a_query(chance: Random) -> Query:
    """Return a query from words, documents and other queries."""
    return _grown(_mixed, chance)


def a_wordy_query(chance: Random) -> Query:
    """Return a query from words and other queries."""
    return _grown(in_words, chance)


def has_open_moment(document: dict[str, Any]) -> bool:
    """Say whether a random document happens to hold the one word that is this package's own."""
    return '"$ago"' in json.dumps(document)


def tens(make: Callable[[Random], T]) -> st.SearchStrategy[list[T]]:
    """Return the strategy of ten things that a function makes by chance."""
    return seeded(lambda chance: [make(chance) for _ in range(10)])


queries = seeded(a_query)
wordy = seeded(a_wordy_query)
works = seeded(a_work)
