"""Decide whether an answer to a view is complete, and read the rest if it is not.

A service may send fewer works than were asked for, by a cap of its own, without saying so. That cap cannot be below the
longest answer so far: a shorter answer is taken as complete, and after any other one a second request looks for more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["LongestAnswer", "read_rest"]

_OVERLAP = 16
"""Most works of a page that the next one repeats: they show that nothing moved between the two requests."""

_BARREN = 3
"""Pages in a row without a new work after which the service is assumed to ignore ``skip``."""

T = TypeVar("T")


class LongestAnswer:
    """The largest answer of a service so far, in works and in bytes: a cap cannot be below it."""

    def __init__(self) -> None:
        self.works = 0
        self.size = 0

    def may_be_cut(self, works: int, size: int, asked: int | None) -> bool:
        """Return whether more works may match than an answer has, and remember how long the answer was.

        `size` is in bytes; `asked` is how many works were asked for, None for all.

        Examples
        --------
        >>> longest = LongestAnswer()
        >>> longest.may_be_cut(50, 30_000, 101), longest.may_be_cut(49, 29_000, None), longest.may_be_cut(9, 5_000, 9)
        (True, False, False)
        """
        is_full = asked is not None and works >= asked
        cut = works > 0 and not is_full and (works >= self.works or size >= self.size)
        self.works, self.size = max(works, self.works), max(size, self.size)
        return cut

    def was_cut(self, works: int, size: int) -> None:
        """Note that an answer of so many works and bytes was not complete, although a longer one came before."""
        self.works, self.size = min(works, self.works), min(size, self.size)


def read_rest(
    first: Sequence[T], read: Callable[[int, int | None], Sequence[T]], key: Callable[[T], str | None], most: int | None
) -> list[T]:
    """Return the works of the first answer to a view and, page by page, those that follow, at most `most` in all.

    Every page repeats some works that are known. If it repeats none, works were removed meanwhile and the others moved
    up, so the read goes back until a page has a known one.

    Parameters
    ----------
    read
        Reads a page: how many works to skip, counted from the first of that answer, and how many to read at most.
    key
        The id of a work; None where it has none.
    """
    works = list(first)
    known = {key(work) for work in works}
    overlap = min(_OVERLAP, len(first) // 2)
    position = furthest = len(first)
    previous, barren = first, 0
    while (most is None or len(works) < most) and barren < _BARREN:
        start = max(position - overlap, 0)
        page = read(start, None if most is None else most - start)
        beyond = position - start  # from this place on, works without an id are new
        fresh = [
            work
            for place, work in enumerate(page)
            if (place >= beyond if key(work) is None else key(work) not in known)
        ]
        fresh = [] if page == previous else fresh  # a service that ignores skip sends works without ids again
        previous = page
        if start and overlap and len(fresh) == len(page) and barren < _BARREN:
            position = max(start - len(first), 0)
            continue
        works += fresh
        known.update(map(key, fresh))
        if len(page) <= beyond:
            break
        position = start + len(page)
        barren = 0 if fresh or position <= furthest else barren + 1
        furthest = max(furthest, position)
    return works if most is None else works[:most]
