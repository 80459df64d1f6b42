r"""Regular expressions as MongoDB reads them (PCRE2, UTF-8), run by the `regex` library under a time limit.

What the two engines read differently is translated, or refused, never passed over:

- Classes such as ``\d \w \s \b [:alpha:]`` are ASCII. One difference stays: they are Unicode in a pattern with
  ``\p{...}``, and in one that ignores case and has letters outside ASCII.
- ``$`` without ``m`` also matches before a newline that ends the text; so does ``\Z``; ``\z`` does not.
- ``{`` that starts no count is a plain character (the library would read a fuzzy match).
- ``(?i)`` in mid-pattern, and groups and escapes that only one of the two has, are refused.
- Options are ``i`` (ignore case), ``m`` (``^`` and ``$`` at each line), ``s`` (``.`` takes newlines), ``x`` (spaces and
  comments are skipped); ``u`` is accepted and changes nothing.

Two differences are kept: with ``m``, ``^`` also matches after a newline that ends the text, and a lookbehind may have
any length.
"""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

import regex

from .limits import QueryNotUnderstood, QueryTooSlow

__all__ = ["Patterns"]

_LETTERS_MAX = 2_000
"""Length of one pattern."""
_PARTS_MAX = 10_000
"""Parts of all patterns of a query; a repeated part counts as often as it is compiled."""
_MATCH_SECONDS = 0.05
"""Time that one value may take under one pattern."""
_QUERY_SECONDS = 1.0
"""Processor time that a query may spend on its patterns, beyond what each look at a value may cost in any case."""
_LOOK_SECONDS = 20e-6

_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE, "u": 0}
_INLINE = regex.compile(r"\(\?([imsx]+)\)")
_TOKEN = regex.compile(
    r"""
      \\(?P<escaped>[pP]\{\^?\w+\}|.)
    | (?P<posix>\[:\^?[a-z]+:\])
    | (?P<count>\{\d+(?:,\d*)?\})
    | \(\?(?P<group>[:=!>|\#]|<[=!]|P?<\w+>|P=\w+\)|P>\w+\)|&\w+\)|R\)|\d+\)|\(\w+\)|[imsx]*(?:-[imsx]+)?:)
    | \((?P<unknown>[?*])
    | (?P<other>.)
    """,
    regex.VERBOSE | regex.DOTALL,
)
_ESCAPES = frozenset("afnrtxdDwWsSbBAGKRXhzZpP")
_QUICK = frozenset("*+?{(")


class Patterns:
    """The regular expressions of one query, and the limits of their size and time together."""

    def __init__(self) -> None:
        self._parts = 0
        self._left = _QUERY_SECONDS

    def searcher(self, pattern: str, options: str) -> Callable[[str], bool]:
        """Compile `pattern`; return a function that tells whether it matches anywhere in a text."""
        compiled = self._compiled(pattern, options)
        if _QUICK.isdisjoint(pattern):  # no repetition and no backtracking: linear in the text
            return lambda text: compiled.search(text) is not None

        def search(text: str) -> bool:
            started = thread_time()
            try:
                found = compiled.search(text, timeout=_MATCH_SECONDS)
            except (TimeoutError, MemoryError):
                raise QueryTooSlow(
                    f"the regular expression {_shown(pattern)} takes too long on one value "
                    f"(over {1000 * _MATCH_SECONDS:g} ms); avoid repeats within repeats"
                ) from None
            self._charge(thread_time() - started)
            return found is not None

        return search

    def _charge(self, seconds: float) -> None:
        """Subtract the time of one search from what is left; many quick searches do not count as a slow pattern."""
        self._left = min(self._left - seconds + _LOOK_SECONDS, _QUERY_SECONDS)
        if self._left < 0:
            raise QueryTooSlow(
                f"the query's regular expressions took more than {_QUERY_SECONDS:g} s in all; "
                "simplify them, or narrow the query by other fields"
            )

    def _compiled(self, pattern: str, options: str) -> regex.Pattern[str]:
        if len(pattern) > _LETTERS_MAX:
            raise QueryNotUnderstood(f"a regular expression has at most {_LETTERS_MAX:,} characters")
        if "\0" in pattern:
            raise QueryNotUnderstood("a regular expression holds no null character")
        wrong = next((letter for letter in options if letter not in _FLAGS), None)
        if wrong is not None:
            raise QueryNotUnderstood(f"$options holds {wrong!r}, and only i, m, s and x are supported")
        inline = _INLINE.match(pattern)
        flags = regex.VERSION0
        for letter in options + (inline[1] if inline else ""):
            flags |= _FLAGS[letter]
        ignores_case = bool(flags & regex.IGNORECASE) or "(?i" in pattern
        unicode = "\\p{" in pattern.lower() or (ignores_case and not pattern.isascii())
        flags |= regex.UNICODE if unicode else regex.ASCII
        translated, parts = _translated(pattern[inline.end() if inline else 0 :], pattern)
        self._parts += parts
        if self._parts > _PARTS_MAX:
            raise QueryNotUnderstood(
                f"the query's regular expressions, with their repeats written out, have more than {_PARTS_MAX:,} "
                "parts; repeat less often, and not within repeats"
            )
        try:
            return regex.compile(translated, flags, cache_pattern=False)  # a cache of the largest would be a gigabyte
        except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as problem:
            reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
            raise _refused(pattern, reason) from None


def _translated(body: str, pattern: str) -> tuple[str, int]:
    """Translate a pattern for the library, and count its parts."""
    pieces: list[str] = []
    parts = _Parts(nested="#" not in body)  # a comment may hold brackets that are no groups
    class_start = -1  # where the content of an open [...] begins, or -1 outside of one
    for token in _TOKEN.finditer(body):
        text, inside = token[0], class_start >= 0
        if text == "[" and not inside:
            class_start = token.end() + body.startswith("^", token.end())
        elif text == "]" and inside and token.start() > class_start:
            class_start = -1
        pieces.append(_piece(token, pattern, inside=inside))
        if not inside:
            parts.add(token)
    return "".join(pieces), parts.count


class _Parts:
    """Counts the parts of a pattern as the library compiles it: what must come n times is written out n + 1 times.

    Repeats within repeats multiply, so that a pattern of 60 letters would take all memory there is.
    """

    def __init__(self, *, nested: bool) -> None:
        self._open = [0]
        self._last = 0
        self._nested = nested

    @property
    def count(self) -> int:
        return sum(self._open)

    def add(self, token: regex.Match[str]) -> None:
        text = token[0]
        if token.lastgroup == "count" or text == "+":
            self._repeat(2 if text == "+" else int(text.strip("{}").split(",")[0]) + 1)
        elif text[0] == "(" and self._nested and (not text.endswith(")") or text.startswith("(?(")):
            self._open.append(1)
        elif text == ")" and len(self._open) > 1:
            self._last = self._open.pop()
            self._open[-1] += self._last
        elif text not in ("*", "?"):
            self._last = 1
            self._open[-1] += len(text)

    def _repeat(self, times: int) -> None:
        repeated = self._last if self._nested else self._open[0]
        self._open[-1] += repeated * (times - 1)
        self._last *= times


def _piece(token: regex.Match[str], pattern: str, *, inside: bool) -> str:
    text, escaped = token[0], token["escaped"]
    if escaped:
        if escaped[0].isalpha() and escaped[0] not in _ESCAPES:
            raise _refused(pattern, f"\\{escaped[0]} is not supported")
        # `\Z` is the very end to the library.
        return {"z": r"\Z", "Z": r"(?=\n?\Z)"}.get(escaped, text) if not inside else text
    if token.lastgroup == "unknown" and not inside:
        excerpt = token.string[token.start() : token.start() + 8]
        raise _refused(pattern, f"{excerpt!r} is not supported; options stand at the very start, or in $options")
    return r"\{" if text == "{" and not inside else text


def _refused(pattern: str, reason: str) -> QueryNotUnderstood:
    return QueryNotUnderstood(f"the regular expression {_shown(pattern)} is not understood: {reason}")


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else f"{pattern[:57]}...")
