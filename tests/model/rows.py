"""Rows from good to absurd: most fields as they should be, some nearly, some not at all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bucketsnb.schema import FIELDS, PATHS, Field, Kind

# MongoDB's integers, sound text, and no numbers that JSON has not.
INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-1, 0, 1, 5, 6, 3600, 259_200, 259_201, 2**31])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(max_size=12)
KEYS = TEXT.filter(lambda name: "\0" not in name)  # MongoDB has no others
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
MAPPINGS = st.dictionaries(KEYS, JSON, max_size=3)
WORDS = st.sampled_from(
    ["True", "true", "yes", "no", "0", "1", "3", "5.0", "null", "None", "pass", "upload", "copy", "move", "strict"]
)
UNFIT = st.sampled_from([float("nan"), float("inf"), {1}, b"x", 2**70, "\ud800", {3: 4}, [[{"a": float("nan")}]]])
ABSURD = SCALARS | WORDS | JSON | UNFIT

_RIGHT: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXT | WORDS,
    Kind.INTEGER: INTEGERS,
    Kind.BOOLEAN: st.booleans(),
    Kind.TIME: st.floats(1.3e9, 1.75e9) | st.integers(1_300_000_000, 1_750_000_000),
    Kind.TEXTS: st.lists(TEXT, max_size=3),
    Kind.INTEGERS: st.lists(INTEGERS, max_size=3),
    Kind.MAPPING: MAPPINGS,
}
_NAMES = st.text(st.characters(categories=["L", "N"]) | st.just("-"), min_size=1, max_size=12)


def right(field: Field) -> st.SearchStrategy[Any]:
    """Return values that a field may have."""
    if field.name == "pipeline":
        return _NAMES
    if field.choices:
        return st.sampled_from(field.choices)
    if field.kind is Kind.INTEGER:
        return st.integers(max(field.least or 0, -9), min(field.most or 0, 10**6))
    values = some_of(field.parts, right) if field.parts else _RIGHT[field.kind]
    return st.none() | values if field.null else values


def nearly(field: Field) -> st.SearchStrategy[Any]:
    """Return values of which some are wrong, deep inside or altogether."""
    inside = parts(field.parts, nearly) if field.parts else _RIGHT.get(field.kind, TEXT)
    lists = st.lists(SCALARS | WORDS, max_size=3)
    return right(field) | inside | lists | ABSURD


def some_of(fields: tuple[Field, ...], values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with some of these fields."""
    return st.fixed_dictionaries({}, optional={field.name: values(field) for field in fields})


def parts(fields: tuple[Field, ...], values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with some of these fields; now and then one that nobody knows."""
    known = some_of(fields, values)
    return known | st.tuples(MAPPINGS, known).map(lambda drawn: {**drawn[0], **drawn[1]})


_REQUIRED = ("pipeline", "site", "user")
_SOUND: dict[str, Any] = {"pipeline": _NAMES, "site": TEXT.filter(bool), "user": TEXT.filter(bool)}
_OTHERS = {name: field for name, field in FIELDS.items() if name not in _REQUIRED}

SOUND_ROWS = st.fixed_dictionaries(_SOUND, optional={name: right(field) for name, field in _OTHERS.items()})
ROWS_WITH_A_FAULT = st.tuples(
    SOUND_ROWS,
    st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), nearly(FIELDS[name]))),
).map(lambda drawn: {**drawn[0], drawn[1][0]: drawn[1][1]})
ABSURD_ROWS = parts(tuple(FIELDS.values()), nearly)
_DOTTED = st.sampled_from(
    ["config.archive.results", "config.archive.products", "config.parent", "parent", "notify.slack.plots", "config.x"]
)
DOTTED_ROWS = st.tuples(SOUND_ROWS, st.dictionaries(_DOTTED | st.just("parameters.dm"), ABSURD, max_size=3)).map(
    lambda drawn: {**drawn[0], **drawn[1]}
)

_NO_ROWS = st.sampled_from([None, 5, "text", [1], {1: 2}])
_EACH = {
    "sound": SOUND_ROWS,
    "a fault": ROWS_WITH_A_FAULT,
    "dotted": DOTTED_ROWS,
    "absurd": ABSURD_ROWS,
    "no": _NO_ROWS,
}

ROWS = st.sampled_from(["sound", "a fault", "a fault", "dotted", "absurd", "no"]).flatmap(_EACH.__getitem__)
"""Rows of a table, as a person or a program may have put them together."""

CHANGES = st.sampled_from(sorted(PATHS.keys() - {"id"})).flatmap(
    lambda path: st.tuples(st.just(path), nearly(PATHS[path]))
)
"""The path of a field, and a new value of it."""
