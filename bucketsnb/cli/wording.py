"""What errors advise, in the words of the command line: its options and commands."""

from __future__ import annotations

from collections.abc import Mapping

from bucketsnb.errors import BucketsError, Cure

__all__ = ["in_shell_words"]

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


def in_shell_words(error: Exception) -> str:
    """Say what is wrong, and what lets the command through.

    Examples
    --------
    >>> in_shell_words(BucketsError("Some are running.", cure=Cure.ALLOW_RUNNING))
    'Some are running. Leave them out, or pass --allow-running.'
    """
    if not isinstance(error, BucketsError) or error.cure is None:
        return str(error)
    return f"{error.problem} {_IN_SHELL[error.cure].format(error.value)}"
