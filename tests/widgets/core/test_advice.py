from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator

import pytest

from bucketsnb import errors
from bucketsnb.errors import BucketsError, Cure, Note, QueryError, ReadOnly
from bucketsnb.widgets.core.advice import advice, in_page_words
from bucketsnb.widgets.core.error_boundary import message_of

PYTHON = re.compile(r"\w=|\(\)|``|\bNone\b|\bTrue\b|allow_|plan_|max_affected|buckets\.|client\.|receipt\.")
"""What only those who write Python understand."""


def _kinds(kind: type[BucketsError] = BucketsError) -> Iterator[type[BucketsError]]:
    yield kind
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from _kinds(one)


@pytest.mark.parametrize("kind", sorted(set(_kinds()), key=lambda kind: kind.__name__))
def test_every_error_advises_in_words_of_the_page(kind: type[BucketsError]):
    error = kind.__new__(kind)
    BucketsError.__init__(error, "something")
    assert advice(error)
    assert not PYTHON.search(advice(error))


@pytest.mark.parametrize("cure", list(Cure), ids=lambda cure: cure.name)
def test_every_cure_is_said_in_words_of_the_page_and_in_python_elsewhere(cure: Cure):
    error, note = BucketsError("It is too wide.", cure=cure, value=5), Note("It is too wide.", cure)
    assert str(error).startswith("It is too wide. ")
    for said in (message_of(error).text + message_of(error).advice, in_page_words(note)):
        assert not PYTHON.search(said)
    assert in_page_words(note).startswith("It is too wide. ")


def test_what_is_no_error_of_ours_is_called_a_fault():
    assert "fault in the panel" in advice(KeyError("x"))
    assert advice(QueryError("no field 'stats'")).startswith("Correct the filters")
    assert "client" in advice(ReadOnly("It only reads.", cure=Cure.ALLOW_CHANGES))


def test_a_note_stays_itself_in_copies_and_pickles():
    note = Note("2 works had all of their attempts.", Cure.RESET_ATTEMPTS)
    for again in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (again, again.problem, again.cure) == (note, note.problem, note.cure)
    assert "reset_attempt=True" in note
