"""Ask a person before a plan is applied: by typing in a terminal, by buttons in a notebook, and nowhere else.

Only ``delete_many`` and the panels ask; every other method does what it is told.
"""

from __future__ import annotations

import sys

from bucketsnb.changes.plan import Plan
from bucketsnb.confirm.question import Confirmation, is_typed, is_yes, question, what_to_type, word_to_type
from bucketsnb.errors import ConfirmationNeeded

__all__ = ["Confirmation", "ask", "is_typed", "is_yes", "question", "what_to_type", "word_to_type"]


def ask(plan: Plan) -> bool | Confirmation:
    """Ask whether to apply a plan; nothing is applied here, and nothing is sent.

    Returns
    -------
    bool or Confirmation
        The answer, in a terminal. In a notebook, the question: it stands below the cell, and applies the plan itself.

    Raises
    ------
    ConfirmationNeeded
        If there is neither.
    """
    if in_notebook():
        # ipywidgets costs half a second to import, and only a notebook's question needs it
        from bucketsnb.confirm.notebook import show

        confirmation = Confirmation(plan)
        show(confirmation)
        return confirmation
    if in_terminal():
        return _ask_in_terminal(plan)
    raise ConfirmationNeeded(
        f"“{plan.summary}” needs a yes, and there is neither a notebook nor a terminal to ask in; nothing was sent. "
        "In a script, pass force=True."
    )


def in_notebook() -> bool:
    """Tell whether this runs in a kernel, whose front end can show a question."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def in_terminal() -> bool:
    """Tell whether a person can type an answer, and see the question."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _ask_in_terminal(plan: Plan) -> bool:
    """Show a plan and read the answer; anything but a clear yes is a no, also an interrupt and the end of input."""
    print(plan)  # noqa: T201 - the question is for the person at this terminal
    try:
        answer = input(f"\n{question(plan)}\n{what_to_type(plan)}, anything else to leave all as it is: ")
    except (EOFError, KeyboardInterrupt):
        print()  # noqa: T201 - so that the shell's prompt does not stand behind the question
        return False
    return is_yes(plan, answer)
