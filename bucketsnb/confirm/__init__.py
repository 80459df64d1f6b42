"""Ask a person before a plan is applied: by typing in a terminal, by buttons in a notebook, and nowhere else.

Only ``delete_many`` and the panels ask; every other method does what it is told.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from bucketsnb.changes.plan import Plan
from bucketsnb.confirm.confirmation import Confirmation
from bucketsnb.confirm.terminal import ask_in_terminal
from bucketsnb.confirm.wording import TYPED_ABOVE, is_typed, is_yes, question, word_to_type
from bucketsnb.errors import ConfirmationNeeded

__all__ = ["TYPED_ABOVE", "Confirmation", "ask", "is_typed", "is_yes", "question", "word_to_type"]


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
        notebook: Any = import_module("bucketsnb.confirm.notebook")
        confirmation = Confirmation(plan)
        notebook.show(confirmation)
        return confirmation
    if in_terminal():
        return ask_in_terminal(plan)
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
