"""The command as the tests call it, without the waits between tries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from bucketsnb.cli import main
from tests.client.conftest import naps

__all__ = ["naps"]

Run = Callable[..., tuple[int, str, str]]
"""Runs a command; returns its exit code, what it wrote to stdout, and what to stderr."""


def invoke(*arguments: str, said: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments), input=said)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def run() -> Run:
    return invoke
