"""Servers on SQLite are killed under load: what was acknowledged is there, and what was under way is whole or not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.hardening.kill import Killing

pytestmark = pytest.mark.slow

KINDS = ("deposit", "update", "delete", "claim")


def test_what_was_acknowledged_outlives_five_kills_of_one_or_two_servers(tmp_path: Path) -> None:
    killing = Killing(tmp_path / "works.db", seed=1)
    for servers in (1, 2, 1, 2, 1):
        killing.round(servers)
    assert min(killing.done[kind] for kind in KINDS) > 10
    assert killing.done["under way"] > 0, "no kill met a request that was under way"


def test_the_one_who_looks_notices_a_work_that_is_gone_and_one_that_is_old(tmp_path: Path) -> None:
    killing = Killing(tmp_path / "works.db", seed=2)
    killing.round()
    for change in (
        "DELETE FROM works WHERE rowid = (SELECT max(rowid) FROM works)",
        "UPDATE works SET body = json_set(body, '$.user', 'another')",
    ):
        with sqlite3.connect(killing.file) as connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(AssertionError, match="acknowledged and not there"):
            killing.check()
