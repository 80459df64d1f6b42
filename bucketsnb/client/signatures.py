"""Signatures that name every word of a query, so that editors complete them and Shift+Tab shows them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypeVar

from bucketsnb.query.keywords import WORDS

__all__ = ["takes_words"]

Method = TypeVar("Method", bound=Callable[..., Any])


def takes_words(method: Method) -> Method:
    """Show the words of a query in a method's signature, in place of its ``**words``.

    Examples
    --------
    >>> @takes_words
    ... def count(query=None, **words): ...
    >>> "older_than" in signature(count).parameters
    True
    """
    shown = signature(method)
    named = [one for one in shown.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
    taken = {one.name for one in named}
    words = [
        Parameter(word, Parameter.KEYWORD_ONLY, default=..., annotation="Any") for word in WORDS if word not in taken
    ]
    method.__signature__ = shown.replace(parameters=[*named, *words])  # type: ignore[attr-defined]  # what inspect reads
    return method
