"""Text that works of a large answer have in common, kept once: those of a pipeline hold the same object.

Objects are compared before their characters, and remember their hashes, so that a frame of such text is grouped and
sorted twice as fast; and it is smaller. What a look here and there does not find, each work holds for itself, as in
small answers: rare text, long text, and what is written with escapes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeAlias

import msgspec

__all__ = ["Shared", "shared_texts", "type_of"]

Shared: TypeAlias = "tuple[tuple[str, frozenset[str]], ...]"
"""Texts that works have in common, by field; hashable, so that what is made for them can be kept."""

_WORTH = 1 << 20  # bytes of an answer, from where on it pays to look
_LOOKED_AT = 4096  # bytes of each place
_APART = 1 << 20  # bytes from one place to the next, where that gives neither too few places nor too many
_FEWEST, _MOST = 16, 64
_LONGEST = 128  # bytes of a text


def shared_texts(data: bytes, fields: Sequence[str]) -> Shared:
    """Look at a few places of a large answer for text that its works have in common.

    Parameters
    ----------
    data
        The body of the answer. What looks like a work inside a nested value counts as one, and does no harm.
    fields
        Fields that hold text; those where most works have a text of their own are left out.
    """
    if len(data) < _WORTH or not fields:
        return ()
    view = memoryview(data)
    places = range(0, len(data), len(data) // min(max(_FEWEST, len(data) // _APART), _MOST))
    seen = b"\\".join(view[at : at + _LOOKED_AT] for at in places)  # a place may end in a text; none found has a \\
    pattern = rb'"(%b)"\s*:\s*"([^"\\]{1,%d})"' % ("|".join(fields).encode(), _LONGEST)
    found: dict[str, list[str]] = {field: [] for field in fields}
    for field, text in re.findall(pattern, seen):
        found[field.decode()].append(text.decode())
    known = {field: frozenset(texts) for field, texts in found.items()}
    return tuple((field, texts) for field, texts in known.items() if 0 < 2 * len(texts) <= len(found[field]))


def type_of(known: frozenset[str]) -> Any:
    """Return a type for the decoder that gives plain text, the same object for the same text."""
    return _kind(known) if _is_given_as_text() else str


def _kind(known: frozenset[str]) -> Any:
    """Return what only the decoder takes for an enumeration.

    It looks a value up in ``_value2member_map_`` without making a string of it, gives what stands there, and asks
    ``_missing_`` for the rest. That must run no Python: the decoder would take an interruption for a value it refuses.
    """
    made: Any = Enum
    kind = made("SharedText", ())
    kind._value2member_map_ = {sys.intern(text): sys.intern(text) for text in known}
    kind._missing_ = str
    return kind


@cache
def _is_given_as_text() -> bool:
    """Ask the decoder at hand: what it does with enumerations beyond their members is nowhere written down."""
    asked = ["known", "other"]
    kind = _kind(frozenset({"known"}))
    try:
        given = [msgspec.json.decode(msgspec.json.encode(text), type=kind) for text in asked]
    except (msgspec.MsgspecError, TypeError, ValueError):
        return False
    return given == asked and {type(text) for text in given} == {str}
