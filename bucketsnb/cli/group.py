"""The ``bucketsnb`` command: the list of its subcommands, and errors as one line, worded for the command line."""

from __future__ import annotations

import io
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import Any

import click

from bucketsnb import __version__
from bucketsnb.cli import change, jupyter, read, record, serve
from bucketsnb.cli.exits import FAILED, INTERRUPTED, REFUSED
from bucketsnb.cli.output import say
from bucketsnb.display.texts import printable
from bucketsnb.errors import BucketsError, ConfirmationNeeded, Cure, PlanError, QueryError, WorkError

__all__ = ["in_shell_words", "main"]

_IN_SHELL: Mapping[Cure, str] = {
    Cure.NAME_PIPELINES: "Name the pipelines (--pipeline ...), or pass --allow-all.",
    Cure.RAISE_MAXIMUM: "Narrow the query, or pass --max-affected {}.",
    Cure.ALLOW_RUNNING: "Leave them out, or pass --allow-running.",
    Cure.CHOOSE_CLOCK: "Say which clock counts: --clock service or --clock local.",
    Cure.ALLOW_OTHER_HOST: "If it is the same service, undo with --allow-other-host.",
    Cure.LIST_ENTRIES: "`bucketsnb journal` lists the entries.",
    Cure.UNDO_ENTRY: "`bucketsnb undo {}` takes it back.",
    Cure.GIVE_ADDRESS: "Pass one, such as --url http://localhost:8004.",
    Cure.ALLOW_CHANGES: "Leave BUCKETSNB_READ_ONLY out to change works.",
    Cure.RESET_ATTEMPTS: "To start the count anew, pass --reset-attempt.",
    Cure.DEPOSIT_FRESH: "With --fresh, they are new works: created now, no attempts, no results.",
    Cure.LOOK_FIRST: "Look with `bucketsnb view` before depositing them again.",
}


class _Group(click.Group):
    """A group that lists its subcommands in the order they are meant to be read, and reports errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; report every error as one line on stderr, with ``--debug`` after its traceback."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                # The end of the block restores this and the filters.
                warnings.showwarning = lambda message, *_, **__: say(f"bucketsnb: {_one_line(message)}")
                if isinstance(sys.stdout, io.TextIOWrapper):  # characters that its encoding lacks become escapes
                    sys.stdout.reconfigure(errors="backslashreplace")
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):  # `| head` has closed the pipe
            raise
        except (KeyboardInterrupt, click.Abort) as stop:
            say(": ".join(filter(None, ["bucketsnb: stopped", _one_line(stop)])))
            sys.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the outermost frame: every error is reported
            if ctx.params.get("debug"):
                traceback.print_exc()
            words = _one_line(in_shell_words(error))
            if not isinstance(error, (BucketsError, OSError)):
                words = f"{type(error).__name__}: {words} (bucketsnb --debug ... shows where)"
            say(f"bucketsnb: {words}")
            sys.exit(_exit_code(error))


def _one_line(text: object) -> str:
    return " ".join(printable(line).strip() for line in str(text).splitlines())


def in_shell_words(error: Exception) -> str:
    """Return the message of an error, with the option or command that helps in place of the cure for Python.

    Examples
    --------
    >>> in_shell_words(BucketsError("Some are running.", cure=Cure.ALLOW_RUNNING))
    'Some are running. Leave them out, or pass --allow-running.'
    """
    if not isinstance(error, BucketsError) or error.cure is None:
        return str(error)
    return f"{error.problem} {_IN_SHELL[error.cure].format(error.value)}"


def _exit_code(error: Exception) -> int:
    if isinstance(error, (QueryError, WorkError)):
        return click.UsageError.exit_code
    return REFUSED if isinstance(error, (PlanError, ConfirmationNeeded)) else FAILED


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Look after a CHIME/FRB Buckets work queue.

    Where the queue is: --url of each command, else the variable BUCKETSNB_URL, else the active workspace file
    (~/.config/workflow/workspace.yml).
    """
    del debug  # the report of an error reads it from the context


for _command in (
    *(jupyter.lab, jupyter.app, serve.serve),
    *(read.status, read.pipelines, read.view, read.count, read.explain, read.failures, read.events),
    *(record.watch, record.history),
    *(change.delete, change.update, change.requeue, change.deposit, change.withdraw, change.audit),
    *(change.show, change.apply, change.journal, change.undo),
    record.report,
):
    main.add_command(_command)
