"""The command group: subcommands loaded on demand, and errors reported in one line."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from bucketsnb import __version__
from bucketsnb.cli.exits import FAILED, INTERRUPTED, REFUSED
from bucketsnb.cli.output import say
from bucketsnb.cli.wording import in_shell_words
from bucketsnb.display.texts import printable
from bucketsnb.errors import BucketsError, ConfirmationNeeded, PlanError, QueryError, WorkError

__all__ = ["LazyGroup", "main"]


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called.

    Parameters
    ----------
    homes
        For each subcommand the module that defines it, as an attribute ``command``, and its line in the list.
    """

    def __init__(self, *args: Any, homes: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands in the order they are meant to be read."""
        return list(self.homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand."""
        if cmd_name not in self.homes:
            return None
        command: click.Command = import_module(self.homes[cmd_name][0]).command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of subcommands without importing them, and the options."""
        names = [
            CompletionItem(name, help=line) for name, (_, line) in self.homes.items() if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.homes.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; every error ends as one line on stderr, and with ``--debug`` as a traceback before it."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", UserWarning)
                warnings.showwarning = _say_warning  # restored, like the filters, at the end of the block
                _escape_what_cannot_be_encoded(sys.stdout)
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):  # `| head` has what it wants
            raise
        except (KeyboardInterrupt, click.Abort) as stop:
            _say_and_exit(": ".join(filter(None, ["stopped", _one_line(stop)])), INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the outermost frame: every error is reported
            if ctx.params.get("debug"):
                traceback.print_exc()
            _say_and_exit(_message_of(error), _exit_code(error))


def _say_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"bucketsnb: {_one_line(message)}")


def _one_line(text: object) -> str:
    return " ".join(printable(line).strip() for line in str(text).splitlines())


def _message_of(error: Exception) -> str:
    words = _one_line(in_shell_words(error))
    if isinstance(error, (BucketsError, OSError)):
        return words
    return f"{type(error).__name__}: {words} (bucketsnb --debug ... shows where)"


def _escape_what_cannot_be_encoded(stream: Any) -> None:
    """Write escapes for characters that the encoding of a terminal or file lacks, instead of stopping half way."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _exit_code(error: Exception) -> int:
    if isinstance(error, (QueryError, WorkError)):
        return click.UsageError.exit_code
    return REFUSED if isinstance(error, (PlanError, ConfirmationNeeded)) else FAILED


def _say_and_exit(words: str, code: int) -> None:
    say(f"bucketsnb: {words}")
    sys.exit(code)


_HOMES = {
    "lab": ("bucketsnb.cli.lab", "JupyterLab on the notebooks, with a practice queue or your service."),
    "app": ("bucketsnb.cli.app", "The panels alone, in a browser."),
    "serve": ("bucketsnb.cli.serve", "A Buckets service of your own."),
    "status": ("bucketsnb.cli.status", "How many works each pipeline has, by status."),
    "pipelines": ("bucketsnb.cli.pipelines", "The pipelines that have works."),
    "view": ("bucketsnb.cli.view", "Works that match a query."),
    "count": ("bucketsnb.cli.count", "How many works match a query."),
    "explain": ("bucketsnb.cli.explain", "Which condition leaves a query without an answer."),
    "failures": ("bucketsnb.cli.failures", "Why works failed, like errors together."),
    "events": ("bucketsnb.cli.events", "How far the pipelines have come with events."),
    "watch": ("bucketsnb.cli.watch", "Record snapshots of the status."),
    "history": ("bucketsnb.cli.history", "Rates, drain and differences, from the snapshots."),
    "delete": ("bucketsnb.cli.delete", "Delete works that match, after asking."),
    "update": ("bucketsnb.cli.update", "Give works that match new values, after asking."),
    "requeue": ("bucketsnb.cli.requeue", "Queue works again that match, after asking."),
    "deposit": ("bucketsnb.cli.deposit", "Put new works into their queues, after asking."),
    "withdraw": ("bucketsnb.cli.withdraw", "Claim one queued work, or give one back."),
    "audit": ("bucketsnb.cli.audit", "Have the service check for late and stale works, after asking."),
    "show": ("bucketsnb.cli.show", "Show a plan that --plan-out wrote."),
    "apply": ("bucketsnb.cli.apply", "Carry out a plan that --plan-out wrote, after asking."),
    "journal": ("bucketsnb.cli.journal", "What was changed from this account."),
    "undo": ("bucketsnb.cli.undo", "Put back what an entry of the journal changed."),
    "report": ("bucketsnb.cli.report", "The weekly report as one HTML file."),
}


@click.command(cls=LazyGroup, homes=_HOMES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(*, debug: bool) -> None:
    """Look after a CHIME/FRB Buckets work queue.

    Where the queue is: --url of each command, else the variable BUCKETSNB_URL, else the active workspace file
    (~/.config/workflow/workspace.yml).
    """
    del debug  # read from the context, where an error is reported
