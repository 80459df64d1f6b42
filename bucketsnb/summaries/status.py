"""How many works of each status every pipeline has: one frame, one row a pipeline.

The service answers one pipeline a request, so the requests run side by side, a few at a time. A backend of our own has
an answer for all pipelines; it is asked for where they are more than can be asked about side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bucketsnb.api import AT_ONCE, ask_together
from bucketsnb.display import markup, texts
from bucketsnb.display.markup import STATUS_COLOURS, Markup, element
from bucketsnb.display.texts import count_of, format_time, host_of, printable
from bucketsnb.errors import BucketsError, QueryError, ServiceError, warn_caller
from bucketsnb.schema import STATUS_KEYS

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["IncompleteStatus", "StatusDiffers", "StatusFrame", "read_status"]

_SHARES = STATUS_KEYS[1:]
_BAR = "display: flex; width: 12em; width: clamp(3em, 20vw - 100px, 12em); line-height: 0.8em"
"""Style of a bar: as flex, its parts stay on one line on paper too; a narrow screen has room for a short one."""

Answers = dict[str, Mapping[str, int] | BucketsError]


class IncompleteStatus(UserWarning):
    """Some pipelines could not be read; their rows are empty and ``frame.attrs["problems"]`` says why."""


class StatusDiffers(UserWarning):
    """The service's own totals are not the sums of its pipelines: works moved meanwhile, or its counts are off."""


class StatusFrame(pd.DataFrame):
    """A DataFrame of statuses that shows itself with a total and bars.

    The index is ``pipeline`` (text); the columns are ``total, queued, running, success, failure`` (``Int64``, missing
    where a pipeline could not be read). The total is drawn, not a row, so that sums over the rows stay right.
    Its ``attrs`` have ``problems`` (why a pipeline's row is empty), ``read_at`` (epoch seconds), ``url``, ``pipelines``
    (how many there were, or None if only named ones were read), and after ``status(compare=True)`` also ``service``
    (the service's own totals).
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return _status_or_plain

    @property
    def totals(self) -> pd.Series:
        """Sum of each column over the pipelines that could be read."""
        return pd.DataFrame(self)[list(STATUS_KEYS)].sum().astype("Int64")

    def __repr__(self) -> str:
        """Draw every pipeline and the total as plain text; as pandas does, where it was made into something else."""
        if not _holds_counts(self):
            return repr(pd.DataFrame(self))
        rows = [[*line, self._problem(line[0])] for line in self._lines()]
        drawn = texts.table(["pipeline", *STATUS_KEYS, ""], rows)
        return f"{self._heading()}\n{drawn}"

    def _repr_html_(self) -> str:
        if not _holds_counts(self):
            return str(pd.DataFrame(self)._repr_html_())  # type: ignore[operator]  # the stubs do not know it
        rows = [[*line, self._problem(line[0]) or self._bar(line)] for line in self._lines()]
        return str(markup.table(["pipeline", *STATUS_KEYS, "share"], rows, caption=self._heading()))

    def _heading(self) -> str:
        place = f" on {host_of(self.attrs['url'])}" if self.attrs.get("url") else ""
        read = f", read {format_time(self.attrs['read_at'])}" if self.attrs.get("read_at") else ""
        return f"{count_of(len(self), 'pipeline')}{place}{read}"

    def _lines(self) -> list[list[Any]]:
        numbers = pd.DataFrame(self)[list(STATUS_KEYS)]
        lines = [[name, *row] for name, row in zip(numbers.index, numbers.itertuples(index=False), strict=True)]
        return [*lines, ["(all)", *self.totals]] if len(lines) != 1 else lines

    def _problem(self, pipeline: str) -> str:
        return str(self.attrs.get("problems", {}).get(pipeline, ""))

    @staticmethod
    def _bar(line: Sequence[Any]) -> Markup:
        """Draw the shares of the statuses side by side; the row itself has the words and numbers."""
        if any(number is pd.NA or number < 0 for number in line[2:]):
            return Markup("")  # negative or missing numbers have no shares
        total = sum(int(number) for number in line[2:])
        parts = [
            element(
                "span",
                style=f"display: inline-block; height: 0.8em; width: {100 * int(number) / total:.1f}%; "
                f"background: {STATUS_COLOURS[status]}",
                title=f"{status}: {number}",
            )
            for status, number in zip(_SHARES, line[2:], strict=True)
            if number
        ]
        return element("div", *parts, style=_BAR) if total else Markup("")


def _status_or_plain(*args: Any, **kwargs: Any) -> pd.DataFrame:
    """Return a StatusFrame if it holds counts, one row per pipeline; otherwise an ordinary frame."""
    made = pd.DataFrame(*args, **kwargs)
    return StatusFrame(made) if _holds_counts(made) else made


def _holds_counts(frame: pd.DataFrame) -> bool:
    counts = list(frame.columns) == list(STATUS_KEYS) and all(dtype == pd.Int64Dtype() for dtype in frame.dtypes)
    return counts and frame.index.nlevels == 1 and frame.index.is_unique


NAMELESS = "(no pipeline)"
"""Stands for works without a pipeline among those that could not be read."""


def read_status(
    api: Api,
    pipelines: str | Sequence[str] | None = None,
    *,
    compare: bool = False,
    warn: bool = True,
    at_once: int = AT_ONCE,
) -> StatusFrame:
    """Read the status of every pipeline, or of those named; see ``Buckets.status``.

    Costs one request a pipeline, and one more for their names where none are given; of a backend of our own with many
    pipelines, two requests at first, and then one; one at first too, if an earlier answer showed which backend it is.

    Parameters
    ----------
    compare
        Read the service's own totals too (one more request) and warn where they differ from ours. They are of all
        pipelines, so it goes without names only.
    warn
        Say aloud which pipelines could not be read; ``attrs["problems"]`` has them either way.
    at_once
        How many requests may be under way together.
    """
    if compare and pipelines is not None:
        raise QueryError(
            "compare=True compares with the service's totals, which are of all pipelines: leave the pipeline out"
        )
    answers = _answers(api, pipelines, at_once)
    errors = {name: answer for name, answer in answers.items() if isinstance(answer, BucketsError)}
    if errors and len(errors) == len(answers):
        raise next(iter(errors.values()))
    problems = {name: str(error) for name, error in errors.items()}
    if pipelines is None and api.have_nameless:
        problems[NAMELESS] = (
            "no request counts works that have no pipeline; buckets.view({'pipeline': None}) reads them"
        )
    frame = _frame_of(answers)
    whole = len(frame) if pipelines is None else None
    frame.attrs.update(problems=problems, read_at=time.time(), url=api.url, pipelines=whole)
    if problems and warn:
        text = printable("; ".join(f"{name}: {reason}" for name, reason in problems.items()))
        warn_caller(f"{count_of(len(problems), 'pipeline')} could not be read: {text}", IncompleteStatus)
    if compare:
        _compare(api, frame)
    return frame


def _answers(api: Api, pipelines: str | Sequence[str] | None, at_once: int) -> Answers:
    """Return the counts of each pipeline, or the error where they could not be read."""
    if pipelines is not None:
        names = [pipelines] if isinstance(pipelines, str) else list(dict.fromkeys(pipelines))
        return _ask_all(api, names, at_once, ServiceError)  # a name that no path can hold is the caller's error
    names = [] if api.counts_at_once else sorted(api.pipelines())
    if api.counts_at_once:  # this may be known only now, from the answer that has the names
        return dict(api.statuses())
    return _ask_all(api, names, at_once, BucketsError)  # here it must not hide the other pipelines


def _ask_all(api: Api, names: Sequence[str], at_once: int, caught: type[BucketsError]) -> Answers:
    def ask(name: str) -> Mapping[str, int] | BucketsError:
        try:
            return api.status(name)
        except caught as error:
            return error

    return dict(zip(names, ask_together(ask, names, at_once), strict=True))


def _frame_of(answers: Answers) -> StatusFrame:
    unread = dict.fromkeys(STATUS_KEYS)
    rows = [unread if isinstance(answer, BucketsError) else answer for answer in answers.values()]
    columns = {key: pd.array([row[key] for row in rows], dtype="Int64") for key in STATUS_KEYS}
    index = pd.Index(list(answers), dtype=pd.StringDtype("python"), name="pipeline")
    return StatusFrame(columns, index=index, copy=False)


def _compare(api: Api, frame: StatusFrame) -> None:
    service = dict(api.status())
    frame.attrs["service"] = service
    ours = frame.totals
    off = [f"{key} {service[key]:,} against {int(ours[key]):,}" for key in STATUS_KEYS if service[key] != ours[key]]
    if off:
        text = f"the service's own totals differ from the sums of its pipelines: {', '.join(off)}"
        warn_caller(text, StatusDiffers)
