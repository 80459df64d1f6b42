"""``bucketsnb update``: give works that match new values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from bucketsnb.cli.changing import change_options, change_works, selection_options
from bucketsnb.cli.exits import TABLE
from bucketsnb.cli.options import HELP

__all__ = ["command"]


@click.command(context_settings=HELP, epilog=TABLE)
@selection_options
@click.option(
    "--set",
    "values",
    metavar="FIELD=VALUE",
    multiple=True,
    required=True,
    help="A new value, such as priority=5 or config.parent=6b04a88b; nothing after = is null. May be given several"
    " times.",
)
@change_options
def command(*, values: tuple[str, ...], **given: Any) -> None:
    """Give works that match new values: --set priority=5.

    A value is read as its field asks: a number, a text, a list such as event=9385707,9385708, or JSON. Other fields
    stay as they are, and works that have the values already are left out.
    """
    change_works(lambda buckets: buckets.plan_update, given, set=_values(values))


def _values(given: Iterable[str]) -> dict[str, Any]:
    from bucketsnb.encoding.cells import path_of, read_cell
    from bucketsnb.encoding.values import UnfitError

    values: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        path = path_of(name.strip())
        if not sign or not path:
            raise click.BadParameter(f"{text!r}: write FIELD=VALUE, such as priority=5", param_hint="--set")
        if path in values:
            raise click.BadParameter(f"{path} is given twice", param_hint="--set")
        try:
            values[path] = read_cell(path, value)
        except UnfitError as error:
            raise click.BadParameter(f"{error.path} {error.reason}", param_hint="--set") from error
    return values
