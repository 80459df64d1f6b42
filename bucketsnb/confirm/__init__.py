"""Ask a person before a plan is applied: by typing in a terminal, or by buttons in a notebook.

Only ``delete_many``, the panels and the command line ask; all other methods act without a question.
"""

from __future__ import annotations

import sys

from bucketsnb.changes.plan import Plan
from bucketsnb.confirm.question import Confirmation, is_typed, is_yes, question, what_to_type, word_to_type
from bucketsnb.errors import ConfirmationNeeded

__all__ = ["Confirmation", "ask", "is_typed", "is_yes", "question", "what_to_type", "word_to_type"]


def ask(plan: Plan) -> bool | Confirmation:
    """Ask whether to apply a plan; this function applies and sends nothing itself.

    Returns
    -------
    bool or Confirmation
        In a terminal, the answer. In a notebook, the question: it is shown below the cell, and applies the plan after
        a yes.

    Raises
    ------
    ConfirmationNeeded
        If there is neither a terminal nor a notebook.
    """
    if in_notebook():
        # The import of ipywidgets takes half a second, and only a question in a notebook needs it.
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
    """Return whether this runs in a kernel, whose front end can show a question."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def in_terminal() -> bool:
    """Return whether stdin and stdout are a terminal, where a person sees the question and can type an answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _ask_in_terminal(plan: Plan) -> bool:
    """Show a plan and return whether the answer is yes; any other answer, an interrupt or the end of input is a no."""
    print(plan)  # noqa: T201 - the question is for the person at this terminal
    try:
        answer = input(f"\n{question(plan)}\n{what_to_type(plan)}, anything else to leave all as it is: ")
    except (EOFError, KeyboardInterrupt):
        print()  # noqa: T201 - so that the prompt of the shell begins on a new line
        return False
    return is_yes(plan, answer)
