"""The question in a terminal."""

from __future__ import annotations

from bucketsnb.changes.plan import Plan
from bucketsnb.confirm.wording import is_yes, question, word_to_type

__all__ = ["ask_in_terminal"]


def ask_in_terminal(plan: Plan) -> bool:
    """Show a plan and read the answer; anything but a clear yes is a no, also an interrupt and the end of input."""
    print(plan)  # noqa: T201 - the question is for the person at this terminal
    word = word_to_type(plan)
    wanted = f"Type {word} to go on" if word else "Type yes to go on"
    try:
        answer = input(f"\n{question(plan)}\n{wanted}, anything else to leave all as it is: ")
    except (EOFError, KeyboardInterrupt):
        print()  # noqa: T201 - so that the shell's prompt does not stand behind the question
        return False
    return is_yes(plan, answer)
