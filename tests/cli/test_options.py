"""Options that several commands share: what a query has of those that were given, and of those that were not."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from bucketsnb import Query
from bucketsnb.cli.options import query_from, query_options, works_from


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ([], Query()),
        (["--overdue"], Query(overdue=True)),
        (["--site", "kko"], Query(site="kko")),
        (["--priority", "1", "--overdue"], Query(priority=1, overdue=True)),
    ],
)
def test_a_flag_among_the_filters_asks_nothing_where_it_is_not_given(given: list[str], query: Query) -> None:
    assert _asked(given, query_from) == query


def test_ids_with_flags_that_were_not_given_are_ids_alone() -> None:
    one, other = "6b04a88bcce5d83e4c9bf3fc", "6b04a88bcce5d83e4c9bf3fd"
    assert _asked(["--id", one, "--id", other], lambda given: works_from(given, allow_all=False)) == (
        [one, other],
        True,
    )
    which, _ = _asked(["--id", one, "--overdue"], lambda given: works_from(given, allow_all=False))
    assert which == Query(id=one, overdue=True)


def _asked(arguments: list[str], made: Any) -> Any:
    """Return what is made of the options of a command that has a flag beside the shared ones."""
    asked = []

    @click.command()
    @query_options
    @click.option("--overdue", is_flag=True)
    def command(*, clock: str | None, **given: Any) -> None:
        del clock
        asked.append(made(given))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return asked[0]
