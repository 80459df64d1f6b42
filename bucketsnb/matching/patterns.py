r"""Regular expressions as MongoDB reads them (PCRE2, UTF-8), run by the `regex` library under a time limit.

What the two engines read differently is translated, or refused, never passed over:

- Classes such as ``\d \w \s \b [:alpha:]`` are ASCII, unless the pattern begins with ``(*UCP)``. One difference stays:
  they are Unicode in a pattern with ``\p{...}``, and in one that ignores case and has letters outside ASCII.
- ``$`` without ``m`` also matches before a newline that ends the text; so does ``\Z``; ``\z`` does not.
- ``{`` that starts no count is a plain character (the library would read a fuzzy match); ``\Q...\E``, ``\x{...}`` and
  ``\v`` are translated.
- ``(?i)`` in mid-pattern, and groups and escapes that are the library's own, are refused.
- Options are ``i`` (ignore case), ``m`` (``^`` and ``$`` at each line), ``s`` (``.`` takes newlines), ``x`` (spaces and
  comments are skipped); ``u`` is accepted and changes nothing.

Two differences are kept: with ``m``, ``^`` also matches after a newline that ends the text, and a lookbehind may have
any length.
"""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

import regex

from .limits import Budget, QueryNotUnderstood, QueryTooSlow

__all__ = ["searcher"]

_FLAGS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE, "u": 0}
_START = regex.compile(r"\(\*(UTF8?|UCP)\)")
_INLINE = regex.compile(r"\(\?([imsx]+)\)")
_VERTICAL = r"\n\x0b\f\r\x85\u2028\u2029"

_TOKEN = regex.compile(
    r"""
      \\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\x\{(?P<code>[0-9A-Fa-f]{1,6})\}
    | \\(?P<escaped>[pP]\{\^?\w+\}|.)
    | (?P<posix>\[:\^?[a-z]+:\])
    | (?P<count>\{\d+(?:,\d*)?\})
    | \(\*(?P<verb>)
    | \(\?(?P<group>[:=!>|\#]|<[=!]|P?<\w+>|P=\w+\)|P>\w+\)|&\w+\)|R\)|\d+\)|\(\w+\)|[imsx]*(?:-[imsx]+)?[:)])
    | \(\?(?P<unknown>)
    | (?P<other>.)
    """,
    regex.VERBOSE | regex.DOTALL,
)
_LEAST = regex.compile(r"\d+")
_PLAIN_ESCAPES = frozenset("afnrtxdDwWsSbBAGKRXhz")
_QUICK = frozenset("*+?{(")


def searcher(pattern: str, options: str, budget: Budget) -> Callable[[str], bool]:
    """Compile `pattern` and return the test of a text, which says whether there is a match anywhere in it.

    Raises
    ------
    QueryNotUnderstood
        The pattern or an option is not understood.
    """
    compiled = _compile(pattern, options, budget)
    if _QUICK.isdisjoint(pattern):
        return lambda text: compiled.search(text) is not None  # nothing to repeat or to try again: linear in the text

    def search(text: str) -> bool:
        started = thread_time()
        try:
            found = compiled.search(text, timeout=budget.limits.match_seconds)
        except (TimeoutError, MemoryError):
            raise QueryTooSlow(
                f"the regular expression {_shown(pattern)} takes too long on one value "
                f"(over {1000 * budget.limits.match_seconds:g} ms); avoid repeats within repeats"
            ) from None
        budget.charge(thread_time() - started)
        return found is not None

    return search


def _compile(pattern: str, options: str, budget: Budget) -> regex.Pattern[str]:
    if len(pattern) > budget.limits.pattern_letters:
        raise QueryNotUnderstood(f"a regular expression has at most {budget.limits.pattern_letters:,} characters")
    if "\0" in pattern:
        raise QueryNotUnderstood("a regular expression holds no null character")
    wrong = next((letter for letter in options if letter not in _FLAGS), None)
    if wrong is not None:
        raise QueryNotUnderstood(f"$options holds {wrong!r}, and only i, m, s and x are supported")
    body, unicode, letters = _opening(pattern)
    flags = regex.VERSION0
    for letter in options + letters:
        flags |= _FLAGS[letter]
    ignores_case = bool(flags & regex.IGNORECASE) or "(?i" in body
    unicode = unicode or "\\p{" in body.lower() or (ignores_case and not pattern.isascii())
    flags |= regex.UNICODE if unicode else regex.ASCII
    translated, parts = _translated(body, pattern)
    budget.admit(parts)
    try:
        return regex.compile(translated, flags, cache_pattern=False)  # a cache of the largest would be a gigabyte
    except (regex.error, ValueError, OverflowError, RecursionError, MemoryError) as problem:
        if isinstance(problem, QueryNotUnderstood):
            raise
        reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise QueryNotUnderstood(f"the regular expression {_shown(pattern)} is not understood: {reason}") from None


def _opening(pattern: str) -> tuple[str, bool, str]:
    """Take what stands before the pattern proper: whether ``(*UCP)`` does, and the letters of a leading ``(?i)``."""
    unicode, place, letters = False, 0, ""
    while found := _START.match(pattern, place):
        unicode, place = unicode or found[1] == "UCP", found.end()
    if inline := _INLINE.match(pattern, place):
        letters, place = inline[1], inline.end()
    return pattern[place:], unicode, letters


def _translated(body: str, pattern: str) -> tuple[str, int]:
    pieces: list[str] = []
    parts = _Parts(nested="#" not in body)  # a comment may hold brackets that are none
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
            self._repeat(2 if text == "+" else int(_LEAST.findall(text)[0]) + 1)
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
    kind = token.lastgroup
    if kind == "quoted":
        return regex.escape(token["quoted"], special_only=False)
    if kind == "code":
        return _character(token["code"], pattern)
    if kind == "escaped":
        return _escape(token["escaped"], pattern, inside=inside)
    if inside or kind in ("posix", "count"):
        return token[0]
    if kind in ("verb", "unknown") or (kind == "group" and token[0].endswith(")") and token["group"][0] in "imsx-)"):
        raise _refused(
            pattern, f"{_excerpt(token)!r} is not supported; options stand at the very start, or in $options"
        )
    return r"\{" if token[0] == "{" else token[0]


def _excerpt(token: regex.Match[str]) -> str:
    """Show the part of a pattern that is refused, with a little of what follows."""
    return token.string[token.start() : token.start() + 8]


def _character(code: str, pattern: str) -> str:
    number = int(code, 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        raise _refused(pattern, f"\\x{{{code}}} is no character")
    return regex.escape(chr(number), special_only=False)


def _escape(escaped: str, pattern: str, *, inside: bool) -> str:
    if escaped == "v":
        return _VERTICAL if inside else f"[{_VERTICAL}]"
    if escaped in ("z", "Z") and not inside:
        return r"\Z" if escaped == "z" else r"(?=\n?\Z)"  # `\Z` is the very end to the module regex
    letter = escaped[0]
    known = letter in _PLAIN_ESCAPES or letter in "pP" or letter.isdigit() or not letter.isalpha()
    if not known:
        raise _refused(pattern, f"\\{letter} is not supported")
    return f"\\{escaped}"


def _refused(pattern: str, reason: str) -> QueryNotUnderstood:
    return QueryNotUnderstood(f"the regular expression {_shown(pattern)} is not understood: {reason}")


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else f"{pattern[:57]}...")
