"""``bucketsnb status``: how many works each pipeline has, by status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bucketsnb.cli.exits import DONE, PARTLY_DONE, READING
from bucketsnb.cli.options import HELP, json_option, pipeline_option, url_option
from bucketsnb.cli.output import as_json, emit, fitted
from bucketsnb.cli.pipeline_names import say_unknown_pipelines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["command"]


@click.command(
    context_settings=HELP, epilog=f"{READING}\n  {PARTLY_DONE}  some pipelines could not be read; the others are shown"
)
@url_option
@pipeline_option
@json_option('{"pipelines": {name: {status: count}}, "total": {...}}')
def command(*, url: str | None, pipeline: tuple[str, ...], as_json_: bool) -> None:
    """Show one row a pipeline, and a total."""
    from bucketsnb.client import Buckets

    with Buckets(url) as buckets:
        frame = buckets.status(list(pipeline) or None)
        emit(as_json(_counts(frame)) if as_json_ else fitted(repr(frame)))
        say_unknown_pipelines(buckets, [name for name in pipeline if name in frame.index[frame["total"].eq(0)]])
    sys.exit(PARTLY_DONE if frame.attrs["problems"] else DONE)


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the counts as JSON; null where a pipeline could not be read."""
    plain = frame.astype(object).where(frame.notna(), None)
    return {
        "pipelines": {name: dict(row) for name, row in plain.iterrows()},
        "total": {name: int(number) for name, number in frame.sum().items()},
        "problems": dict(frame.attrs["problems"]),
    }
