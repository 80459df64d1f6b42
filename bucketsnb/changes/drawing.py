"""Plans and receipts as text and as HTML, from the same facts, bounded in size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bucketsnb.display.markup import Markup, block, element
from bucketsnb.display.markup import table as html_table
from bucketsnb.display.texts import cell, count_of, printable, table, truncate

__all__ = ["Details", "Drawn", "by_count", "html", "names", "text", "word"]

_PLAIN = re.compile(r"[\w.…-]+")
ROWS_MAX = 20
ROWS_OPEN = 5
FACT_MAX = 600


@dataclass(frozen=True)
class Details:
    """A small table below the facts. Only its first rows are drawn; its caption then gives the total number.

    In HTML a table with more than `ROWS_OPEN` rows is collapsed, unless it reports a problem (`trouble`).
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]
    trouble: bool = False

    @property
    def open(self) -> bool:
        """Whether the table is expanded at first."""
        return self.trouble or len(self.rows) <= ROWS_OPEN

    @property
    def caption(self) -> str:
        """The title, and how many rows are drawn if not all are."""
        if len(self.rows) <= ROWS_MAX:
            return self.title
        return f"{self.title} (the first {ROWS_MAX} of {count_of(len(self.rows), 'row')})"

    @property
    def drawn(self) -> list[list[str]]:
        """The rows that are drawn, each value as printable text of at most 160 characters."""
        return [[truncate(cell(value), 160) for value in row] for row in self.rows[:ROWS_MAX]]


Facts = Sequence[tuple[str, str]]
Self = TypeVar("Self")


def text(title: str, facts: Facts, rows: Details | None = None) -> str:
    """Draw a title, facts and rows as plain text."""
    width = max((len(label) for label, _ in facts), default=0)
    lines = [printable(title), *(f"  {label:<{width}}  {truncate(fact, FACT_MAX)}" for label, fact in facts)]
    if rows is not None and rows.rows:
        lines += ["", table(rows.headers, rows.drawn, caption=rows.caption)]
    return "\n".join(lines)


def html(title: str, facts: Facts, rows: Details | None = None) -> Markup:
    """Draw a title, facts and rows as HTML that can be read without a kernel and without CSS."""
    table = html_table(["", ""], [(label, truncate(fact, FACT_MAX)) for label, fact in facts])
    parts = [table] if facts else []
    if rows is not None and rows.rows:
        caption = element("summary", rows.caption, style="cursor: pointer; margin: 0.3em 0")
        drawn = html_table(rows.headers, rows.drawn)
        parts.append(element("details", caption, drawn, open="" if rows.open else None))
    return block(title, *parts)


class Drawn:
    """A value that draws itself, as text and as HTML, from its summary, its facts and its rows.

    It is immutable, so a copy of it is the same object.
    """

    @property
    def summary(self) -> str:
        """What the value is, on one line."""
        raise NotImplementedError

    def _facts(self) -> Facts:
        raise NotImplementedError

    def _rows(self) -> Details | None:
        return None

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"

    def __str__(self) -> str:
        return text(self.summary, self._facts(), self._rows())

    def _repr_html_(self) -> str:
        return html(self.summary, self._facts(), self._rows())


def word(value: Any) -> str:
    """Return a value as text of at most 80 characters, whatever its type is; ``"(none)"`` for None."""
    return "(none)" if value is None else truncate(value, 80)


def names(values: Iterable[Any]) -> list[str]:
    """Return the names of pipelines, sorted and without repeats.

    A name with spaces or other special characters is quoted: it could be read as a part of the sentence around it.

    Examples
    --------
    >>> names(["b", "a", "b", None, "fitburst on frb-vsop:8004? 0"])
    ['"fitburst on frb-vsop:8004? 0"', '(none)', 'a', 'b']
    """
    words = set(map(word, values))
    plain = {text for text in words if text == word(None) or _PLAIN.fullmatch(text)}
    return sorted([*plain, *('"' + text.replace('"', "'") + '"' for text in words - plain)])


def by_count(values: Iterable[Any], most: int = 6) -> str:
    """Return how often each value occurs, as text: the `most` most frequent ones, and how many more there are.

    Examples
    --------
    >>> by_count(["b", "a", "b"])
    'b 2, a 1'
    """
    counted = sorted(Counter(map(word, values)).items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{name} {number:,}" for name, number in counted[:most]]
    if len(counted) > most:
        left = counted[most:]
        parts.append(f"and {len(left):,} more with {sum(number for _, number in left):,}")
    return ", ".join(parts)
