"""Regular expressions mean what they mean to MongoDB (PCRE2), and cannot hold the service up."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from bucketsnb.matching import QueryNotUnderstood, QueryTooSlow, compile_query

MEANINGS = [
    ("digits are ASCII", r"\d", "", "٣", False),
    ("digits", r"^\d+$", "", "123", True),
    ("letters are ASCII", r"^\w$", "", "é", False),
    ("spaces are ASCII", r"\s", "", "\u2003", False),
    ("word ends are ASCII", r"\bx", "", "éx", True),
    ("a class of POSIX", "^[[:digit:]]+$", "", "12", True),
    ("a class of POSIX is ASCII", "[[:alpha:]]", "", "é", False),
    ("a property of Unicode", r"^\p{Lu}$", "", "É", True),
    ("the end, before a last newline", "a$", "", "a\n", True),
    ("the end is not before two newlines", "a$", "", "a\n\n", False),
    (r"\Z is before a last newline", r"a\Z", "", "a\n", True),
    (r"\z is not before a last newline", r"a\z", "", "a\n", False),
    ("the ends of lines", "a$", "m", "a\nb", True),
    ("the ends of lines are not the rule", "a$", "", "a\nb", False),
    ("case is ignored", "ÉA", "i", "éa", True),
    ("case is ignored from the start of the pattern", "(?i)ab", "", "AB", True),
    ("case is ignored in a group", "a(?i:b)", "", "aB", True),
    ("case is minded outside of the group", "a(?i:b)", "", "AB", False),
    ("spaces are skipped", " a b ", "x", "ab", True),
    ("spaces count", "a b", "", "ab", False),
    ("u changes nothing", "a", "u", "a", True),
    ("a brace that starts no count", "a{x}", "", "a{x}", True),
    ("a brace is no fuzzy match", "(?:abc){e<=1}", "", "abd", False),
    ("a count without a start is plain text", "a{,2}", "", "a{,2}", True),
    ("a count", "^a{2,3}$", "", "aaa", True),
    ("level space", r"^\h$", "", "\t", True),
    ("brackets in a class are letters", "^[[a]$", "", "[", True),
    ("a class takes no difference of sets", "^[a&&b]$", "", "&", True),
    ("a bracket that begins a class", "^[]a]$", "", "]", True),
    ("a bracket that begins a class of others", "^[^]a]$", "", "b", True),
    ("braces in a class", "^[{}]$", "", "{", True),
    ("looking ahead", "a(?=b)", "", "ab", True),
    ("looking behind", "(?<!a)b", "", "ab", False),
    ("referring back", r"^(a|b)\1$", "", "ab", False),
    ("a named group", r"^(?P<x>a|b)(?P=x)$", "", "bb", True),
    ("a greedy group keeps what it has", "^(?>a+)a", "", "aaa", False),
    ("a greedy repeat keeps what it has", "^a++a", "", "aaa", False),
    ("a comment", "^a(?#no b)$", "", "a", True),
    ("the empty pattern", "", "", "x", True),
]


@pytest.mark.parametrize(
    ("pattern", "options", "text", "found"), [case[1:] for case in MEANINGS], ids=[case[0] for case in MEANINGS]
)
def test_a_pattern_means_what_it_means_to_mongodb(pattern: str, options: str, text: str, found: bool) -> None:
    assert compile_query({"a": {"$regex": pattern, "$options": options}})({"a": text}) is found


REFUSED = [
    ("an open group", "(a", "missing )"),
    ("a repeat of nothing", "*", "nothing to repeat"),
    ("an open class", "[a", "set"),
    ("an option in the middle", "a(?i)b", "'(?i)b' is not supported; options stand at the very start"),
    ("an option of the library", "(?b)a", "is not supported"),
    ("a version of the library", "(?V1)a", "is not supported"),
    ("a named list", r"\L<x>", r"\L is not supported"),
    ("a word start", r"\mx", r"\m is not supported"),
    ("a control verb", "a(*COMMIT)b", "'(*COMMIT' is not supported"),
    ("classes of Unicode", r"(*UCP)^\w$", "'(*UCP)^"),
    ("quoted letters", r"\Qa.b\E", r"\Q is not supported"),
    ("upright space", r"[\v]", r"\v is not supported"),
    ("a character by its code", r"\x{e9}", "is not understood"),
    ("an unknown property", r"\p{Nonsense}", "unknown property"),
    ("a huge repeat", "x{5000000000}", "repeat"),
    ("repeats within repeats", "(" * 30 + "a" + ")+" * 30, "more than 10,000 parts"),
    ("counts within counts", "(?:" * 10 + "a" + "{50})" * 10, "more than 10,000 parts"),
    ("repeats after brackets in a comment", "(" * 30 + "a(?#((()" + ")+" * 30, "more than 10,000 parts"),
    ("too deep", "(" * 900 + ")" * 900, "nested too deeply"),
    ("too long", "a" * 2_001, "at most 2,000 characters"),
    ("a null character", "a\0", "no null character"),
    ("a backslash at the end", "a\\", "is not understood"),
]


@pytest.mark.parametrize(("pattern", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_pattern_that_mongodb_refuses_is_refused_with_the_reason(pattern: str, message: str) -> None:
    with pytest.raises(QueryNotUnderstood) as refusal:
        compile_query({"a": {"$regex": pattern}})
    assert message in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_repeats_that_stand_side_by_side_are_not_multiplied() -> None:
    pattern = r"^(\d{4})-(\d{2})T[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-([a-z]+_)+(\w+\s*){1,20}(a|b+)?[(+]{1000}$"
    assert compile_query({"a": {"$regex": pattern}})({"a": "x"}) is False


def test_the_patterns_of_a_query_are_not_many_and_large() -> None:
    with pytest.raises(QueryNotUnderstood, match="more than 10,000 parts"):
        compile_query({"$or": [{"a": {"$regex": f"a{number}" + "b" * 1_000}} for number in range(11)]})


EXPLODING = [
    ("a repeat within a repeat", "(a+)+$", "a" * 40 + "b"),
    ("two ways a letter", "(a|a)*b", "a" * 40),
    ("two ways, without a repeat", "(a|a)" * 30 + "b", "a" * 40),
    ("repeats side by side", "(x+x+)+y", "x" * 3_000),
    ("optional letters", "(?:a?){1000}a{1000}b", "a" * 1_000),
    ("words and spaces", r"(\w+\s?)*$", "aaa " * 1_000 + "!"),
    ("counts of counts", "(?:(?:a{1,100}){1,100}){1,100}b", "a" * 50),
    ("recursion", "(a(?R)?b)", "a" * 100_000),
    ("case folding", "(?i)(?:ß|ss)+$", "s" * 30_000 + "x"),
]


@pytest.mark.parametrize(("pattern", "text"), [case[1:] for case in EXPLODING], ids=[case[0] for case in EXPLODING])
def test_an_exploding_pattern_ends_soon(pattern: str, text: str) -> None:
    matches = compile_query({"a": {"$regex": pattern}})
    started = time.thread_time()
    with suppress(QueryTooSlow):
        assert not matches({"a": text})
    assert time.thread_time() - started < 15, "that is a hang"


def test_a_pattern_that_takes_too_long_on_one_value_is_cut_off() -> None:
    matches = compile_query({"a": {"$regex": "(x+x+)+y"}})
    with pytest.raises(QueryTooSlow, match=r"'\(x\+x\+\)\+y' takes too long on one value \(over 50 ms\)"):
        matches({"a": "x" * 3_000})


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("bucketsnb.matching.patterns._MATCH_SECONDS", 5)
    return monkeypatch


def test_many_slow_values_are_cut_off_together(patient: pytest.MonkeyPatch) -> None:
    patient.setattr("bucketsnb.matching.patterns._QUERY_SECONDS", 0.02)
    matches = compile_query({"a": {"$regex": "(x+x+)+y"}})
    with pytest.raises(QueryTooSlow, match=r"took more than 0.02 s in all"):
        [matches({"a": "x" * 20}) for _ in range(10_000)]


def test_the_patterns_of_a_query_share_its_time(patient: pytest.MonkeyPatch) -> None:
    patient.setattr("bucketsnb.matching.patterns._QUERY_SECONDS", 0.1)
    both = {"$or": [{"a": {"$regex": "(x+x+)+y"}}, {"b": {"$regex": "(x+x+)+z"}}]}
    matches = compile_query(both)
    with pytest.raises(QueryTooSlow, match="in all"):
        [matches({key: "x" * 20}) for _ in range(10_000) for key in "ab"]


def test_many_quick_values_are_not_taken_for_slow_ones(patient: pytest.MonkeyPatch) -> None:
    patient.setattr("bucketsnb.matching.patterns._QUERY_SECONDS", 0.001)
    patient.setattr("bucketsnb.matching.patterns._LOOK_SECONDS", 0.01)
    matches = compile_query({"a": {"$regex": "b(a+)"}})
    assert sum(matches({"a": "baseband"}) for _ in range(5_000)) == 5_000
