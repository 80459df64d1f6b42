"""The one model of a work, that of the public client: its fields, with kinds, bounds, choices and defaults.

Both the client and the backend use this module; it imports nothing else of this package.
"""

from __future__ import annotations

import math
import re
import reprlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any

__all__ = [
    "COUNTS_AT_ONCE",
    "FIELDS",
    "FIELD_NAMES",
    "LEFT_TO_THE_SERVICE",
    "PARENT_PATH",
    "PATHS",
    "QUEUE_FIELDS",
    "STALE_DAYS",
    "STATUSES",
    "STATUS_KEYS",
    "TIME_FIELDS",
    "UNFINISHED",
    "Field",
    "Kind",
    "Problem",
    "problems",
    "problems_of_change",
    "queue_problems",
    "value_problems",
    "with_defaults",
]

STATUSES = ("created", "queued", "running", "success", "failure")
"""Every status a work can have, in the order of its life."""

STATUS_KEYS = ("total", "queued", "running", "success", "failure")
"""The keys of the service's status answer, in its order: a public command line prints them in that order."""

UNFINISHED = frozenset({"queued", "running"})
"""Statuses of works that wait for a worker, or that a worker is doing."""

COUNTS_AT_ONCE = "x-counts-at-once"
"""Header in which a backend of ours names the path of the counts of all pipelines; the service does not send it."""

STALE_DAYS = 7.0
"""Age in days after which the service's daemons treat a work as stale."""

PARENT_PATH = "config.parent"
"""The path at which a record has the id of its parent, which people call `parent`."""


class Kind(Enum):
    """What a field's value is on the wire.

    Times are epoch seconds, as floats or integers. A mapping has the parts that its field names, or any if it names
    none.
    """

    TEXT = "text"
    STATUS = "status"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    TEXTS = "list of text"
    INTEGERS = "list of integers"
    MAPPING = "mapping"


@dataclass(frozen=True)
class Field:
    """One named part of a work, or of a mapping in it.

    Parameters
    ----------
    name
        The key in the record, or in the mapping.
    kind
        What its value is on the wire.
    meaning
        One phrase for people.
    required
        Whether a work must have it, such as ``config.archive.results``: the service's daemons stop with an error at a
        finished work without that.
    null
        Whether it may be null.
    default
        What the public client fills in, or a function that returns it. A mapping with parts gets their defaults.
    sent
        Whether the public client sends it even if it was not given.
    least, most
        Bounds of a number, or of the number of characters of text, both inclusive.
    choices
        The texts that it may be; if empty, any text.
    pattern
        Regular expression that the whole text matches.
    like
        What a valid value is, in words, where the kind and the choices do not say it.
    example
        A valid value, as JSON.
    parts
        The fields of a mapping; if empty, it may hold anything.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    null: bool = True
    default: Any = None
    sent: bool = True
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    like: str = ""
    example: str = ""
    parts: tuple[Field, ...] = ()

    @property
    def expected(self) -> str:
        """What a valid value is, in words: ``"an integer from 1 to 5"``."""
        words = self.like or (f"one of {', '.join(self.choices)}" if self.choices else _EXPECTED[self.kind])
        example = f", such as {self.example}" if self.example else ""
        return f"{words}{self._bounds()}{' or null' if self.null else ''}{example}"

    def _bounds(self) -> str:
        if self.kind is not Kind.INTEGER or self.most is None or self.least is None:
            return ""
        if self.least <= -INTEGER_MAX:
            return f" of at most {self.most}"
        return f" of {self.least} or more" if self.most >= INTEGER_MAX else f" from {self.least} to {self.most}"


INTEGER_MAX = 2**31 - 1
"""Bound of integers that have no narrower one; the lower bound is its negative."""

TIME_MAX = 10**15
"""Bound of times, in epoch seconds; the lower bound is its negative."""

_EXPECTED: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.INTEGER: "an integer",
    Kind.BOOLEAN: "true or false",
    Kind.TIME: "epoch seconds",
    Kind.TEXTS: "a list of text",
    Kind.INTEGERS: "a list of integers",
    Kind.MAPPING: "a mapping",
}

# --- the work of the public client: each class of its model is one tuple here ---

_set = partial(Field, null=False)  # for fields that are never null

_KEPT = ("bypass", "copy", "delete", "move")

_ARCHIVE = (
    _set("results", Kind.BOOLEAN, "whether the results are archived", required=True, default=True),
    _set("products", Kind.TEXT, "what becomes of the products", default="copy", choices=_KEPT),
    _set("plots", Kind.TEXT, "what becomes of the plots", default="copy", choices=_KEPT),
    _set("logs", Kind.TEXT, "what becomes of the logs", default="move", choices=_KEPT),
)

_STRATEGIES = ("strict", "relaxed")

_CONFIG = (
    _set("archive", Kind.MAPPING, "what is kept of it", required=True, parts=_ARCHIVE, example='{"results": true}'),
    _set("metrics", Kind.BOOLEAN, "whether to make metrics", default=False),
    Field("parent", Kind.TEXT, "id of the parent run"),
    _set("orgs", Kind.TEXTS, "GitHub organizations it belongs to", default=("chimefrb",)),
    Field("teams", Kind.TEXTS, "GitHub teams with access"),
    _set("strategy", Kind.TEXT, "whether its site is checked", default="strict", choices=_STRATEGIES, sent=False),
)

_SLACK = (
    Field("channel_id", Kind.TEXT, "channel to tell"),
    Field("member_ids", Kind.TEXTS, "people to tell"),
    Field("message", Kind.TEXT, "what to tell them"),
    Field("results", Kind.BOOLEAN, "whether to tell the results"),
    Field("products", Kind.BOOLEAN, "whether to tell the products"),
    Field("plots", Kind.BOOLEAN, "whether to tell the plots"),
    Field("blocks", Kind.MAPPING, "blocks of the message"),
    Field("reply", Kind.MAPPING, "what Slack answered"),
)

_NOTIFY = (_set("slack", Kind.MAPPING, "whom to tell", parts=_SLACK, example='{"channel_id": "C01"}'),)

_NAME: dict[str, Any] = {
    "least": 1,
    "most": 128,
    "pattern": r"(?:[^\W_]|-)*",  # letters and digits of any script
    "like": "1 to 128 letters, digits or hyphens",
}
_ANY_TEXT: dict[str, Any] = {"least": 1, "like": "text, not empty"}
_TIME: dict[str, Any] = {"least": -TIME_MAX, "most": TIME_MAX}

_WORK = (
    _set("pipeline", Kind.TEXT, "name of the pipeline", required=True, **_NAME),
    _set("site", Kind.TEXT, "where the work is to be done", required=True, **_ANY_TEXT),
    _set("user", Kind.TEXT, "who created the work", required=True, **_ANY_TEXT),
    Field("function", Kind.TEXT, "Python function to run"),
    Field("parameters", Kind.MAPPING, "arguments of the function", example='{"dm": 348.8}'),
    Field("command", Kind.TEXTS, "command line to run", example='["echo", "hi"]'),
    Field("results", Kind.MAPPING, "what the work produced", example='{"dm": 348.8}'),
    Field("products", Kind.TEXTS, "data products", example='["a.h5"]'),
    Field("plots", Kind.TEXTS, "plots", example='["a.png"]'),
    Field("tags", Kind.TEXTS, "searchable labels", example='["low", "high"]'),
    Field("event", Kind.INTEGERS, "ids of the events the work is about", example="[9385707]"),
    Field("id", Kind.TEXT, "id given by the service, 24 hexadecimal digits"),
    _set("creation", Kind.TIME, "when the work was created, by its creator's clock", default=time.time, **_TIME),
    Field("start", Kind.TIME, "when it was last withdrawn", **_TIME),
    Field("stop", Kind.TIME, "when it last ended", **_TIME),
    _set("attempt", Kind.INTEGER, "how many times it was withdrawn", default=0, least=0, most=INTEGER_MAX),
    _set("status", Kind.STATUS, ", ".join(STATUSES), default="created", choices=STATUSES),
    _set("timeout", Kind.INTEGER, "seconds one attempt may take", default=3600, least=1, most=3 * 86_400),
    _set("retries", Kind.INTEGER, "how many attempts it has in total", default=2, least=-INTEGER_MAX, most=5),
    _set("priority", Kind.INTEGER, "1 (last) to 5 (first)", default=3, least=1, most=5),
    _set(
        "config",
        Kind.MAPPING,
        "life of the work",
        required=True,
        parts=_CONFIG,
        example='{"archive": {"results": true}}',
    ),
    _set("notify", Kind.MAPPING, "whom to tell", parts=_NOTIFY, example='{"slack": {"channel_id": "C01"}}'),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.name: field for field in _WORK})
"""The fields of a work by name, in the order the public client sends them."""

FIELD_NAMES = tuple(FIELDS)
TIME_FIELDS = tuple(field.name for field in _WORK if field.kind is Kind.TIME)

LEFT_TO_THE_SERVICE = frozenset({"id"})
"""Fields that only the service sets: a deposit empties them, and an update may not change them."""


def _with_paths(fields: Iterable[Field], above: str = "") -> Iterator[tuple[str, Field]]:
    for field in fields:
        yield above + field.name, field
        yield from _with_paths(field.parts, f"{above}{field.name}.")


PATHS: Mapping[str, Field] = MappingProxyType(dict(_with_paths(_WORK)))
"""Every field by its path, including the fields within mappings: ``"priority"``, ``"config.archive.results"``."""


QUEUE_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "pipeline": replace(FIELDS["pipeline"], pattern="", like="1 to 128 characters"),
        **{name: FIELDS[name] for name in ("status", "priority", "timeout", "retries", "attempt", *TIME_FIELDS)},
    }
)
"""The fields that the queue itself uses; it also accepts older names of pipelines, with any characters."""


# --- what is wrong with a work ---


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a work.

    Parameters
    ----------
    path
        Which field, such as ``"config.archive.results"`` or ``"tags[1]"``.
    why
        What is wrong with it.
    expected
        What would be valid.
    """

    path: str
    why: str
    expected: str

    @property
    def text(self) -> str:
        """What is wrong and what would be valid, without the path."""
        return f"{self.why}; {self.expected}" if self.expected else self.why

    def __str__(self) -> str:
        return f"{self.path} {self.text}" if self.path else self.text


def problems(record: Mapping[str, Any]) -> list[Problem]:
    """Return all reasons why the public client would refuse a work, or would read it as something else.

    The work is given as it will be sent: as plain JSON values, with the defaults filled in.

    Examples
    --------
    >>> for problem in problems({"pipeline": "a b", "site": "chime", "user": "me", "config": {"archive": "yes"}}):
    ...     print(problem)
    pipeline is 'a b'; expected 1 to 128 letters, digits or hyphens
    config.archive is 'yes', text; expected a mapping, such as {"results": true}
    """
    found = list(_part_problems(_WORK, record, ""))
    if record.get("function") and record.get("command"):
        found.append(
            Problem("command", "is given beside function", "give one of the two, and leave the other out or null")
        )
    return found


def problems_of_change(record: Mapping[str, Any], changes: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of a work that new values would cause; those that it had before are not reported."""
    after = problems({**record, **changes})
    before = problems(record) if after else []
    return [problem for problem in after if problem not in before]


def queue_problems(record: Mapping[str, Any]) -> list[Problem]:
    """Return the problems of those fields that the queue itself uses (`QUEUE_FIELDS`); absent ones are not reported."""
    given = ((field, record[name]) for name, field in QUEUE_FIELDS.items() if name in record)
    return [problem for field, value in given for problem in _value_problems(field, value, field.name)]


def value_problems(field: Field, value: Any, path: str) -> list[Problem]:
    """Return what is wrong with a value of a field and with its parts."""
    return list(_value_problems(field, value, path))


def _part_problems(fields: tuple[Field, ...], value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    above = f"{path}." if path else ""
    for field in fields:
        if field.name in value:
            yield from _value_problems(field, value[field.name], above + field.name)
        elif field.required:
            yield Problem(above + field.name, "is missing", f"expected {field.expected}")
    names = [field.name for field in fields]
    for name in value:
        if name not in names:
            matches = get_close_matches(name.casefold(), names, n=1, cutoff=0.7)
            shown = name if name.isprintable() and len(name) <= _LONGEST_NAME else _short(name)
            cure = f"did you mean {matches[0]!r}?" if matches else f"expected one of {', '.join(names)}"
            yield Problem(above + shown, f"is not a field of {path or 'a work'}", cure)


def _value_problems(field: Field, value: Any, path: str) -> Iterator[Problem]:
    if value is None:
        if not field.null:
            yield Problem(path, "is missing" if field.required else "is null", f"expected {field.expected}")
    elif not _IS[field.kind](value):
        yield Problem(path, f"is {_short(value)}, {_noun(value)}", f"expected {field.expected}")
    elif field.kind in _ELEMENTS:
        yield from _element_problems(field, value, path)
    elif field.parts:
        yield from _part_problems(field.parts, value, path)
    elif not _is_allowed(field, value):
        matches = get_close_matches(str(value).casefold(), field.choices, n=1)
        hint = f"; did you mean {matches[0]!r}?" if matches else ""
        yield Problem(path, f"is {_short(value)}", f"expected {field.expected}{hint}")


def _element_problems(field: Field, values: Sequence[Any], path: str) -> Iterator[Problem]:
    """Yield the problem of the first wrong element, and of no other: a list may be long."""
    is_right = _IS[_ELEMENTS[field.kind]]
    wrong = next((place for place, value in enumerate(values) if not is_right(value)), None)
    if wrong is not None:
        value = values[wrong]
        expected = "expected text" if field.kind is Kind.TEXTS else "expected an integer"
        yield Problem(f"{path}[{wrong}]", f"is {_short(value)}, {_noun(value)}", expected)


def _is_allowed(field: Field, value: Any) -> bool:
    if field.choices:
        return value in field.choices
    size = len(value) if field.kind is Kind.TEXT else value
    if (field.least is not None and size < field.least) or (field.most is not None and size > field.most):
        return False
    return not field.pattern or re.fullmatch(field.pattern, value) is not None


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_IS: Mapping[Kind, Callable[[Any], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.STATUS: lambda value: isinstance(value, str),
    Kind.INTEGER: _is_integer,
    Kind.BOOLEAN: lambda value: isinstance(value, bool),
    Kind.TIME: lambda value: _is_integer(value) or (isinstance(value, float) and math.isfinite(value)),
    Kind.TEXTS: lambda value: isinstance(value, list),
    Kind.INTEGERS: lambda value: isinstance(value, list),
    Kind.MAPPING: lambda value: isinstance(value, Mapping),
}
_ELEMENTS: Mapping[Kind, Kind] = {Kind.TEXTS: Kind.TEXT, Kind.INTEGERS: Kind.INTEGER}


def _noun(value: Any) -> str:
    if value is None:
        return "null"
    nouns = {bool: "a boolean", str: "text", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return nouns.get(type(value), type(value).__name__)


_LONGEST_NAME = 60


class _Short(reprlib.Repr):
    """Formats any value briefly, also an integer of more digits than Python converts to text."""

    def repr_int(self, x: int, level: int) -> str:
        return f"{x}" if abs(x) < 10**18 else "an integer of more than 18 digits"


_SHORT = _Short()
_SHORT.maxstring = 40
_SHORT.maxlist = _SHORT.maxdict = 3


def _short(value: Any) -> str:
    return _SHORT.repr(value)


# --- defaults ---


def with_defaults(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a work with the defaults of the public client for missing fields, at every depth; others stay as given.

    A null in a field that cannot be null counts as missing. The fields come in the order in which the public client
    sends them, then all unknown ones.

    Examples
    --------
    >>> work = with_defaults({"pipeline": "a", "config": {"archive": {"products": "move"}}})
    >>> work["priority"], work["config"]["archive"]
    (3, {'results': True, 'products': 'move', 'plots': 'copy', 'logs': 'move'})
    """
    return _filled(_WORK, record)


def _filled(fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        field.name: _filled_value(field, given.get(field.name)) for field in fields if field.sent or field.name in given
    }
    return {**known, **{name: value for name, value in given.items() if name not in known}}


def _filled_value(field: Field, value: Any) -> Any:
    if field.parts and (isinstance(value, Mapping) or (value is None and not field.null)):
        return _filled(field.parts, value or {})
    if value is not None or field.null:
        return value
    default = field.default() if callable(field.default) else field.default
    return list(default) if isinstance(default, tuple) else default
