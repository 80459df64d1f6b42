"""The examples in the documentation of the package, run."""

from __future__ import annotations

import doctest
import importlib

from tests.modules import MODULES


def test_the_examples_of_every_module_hold(capsys):
    failed = {name: doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS) for name in MODULES}

    wrong = [name for name, result in failed.items() if result.failed]
    assert not wrong, f"in {', '.join(wrong)}:\n{capsys.readouterr().out}"
