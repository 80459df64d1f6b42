"""Text views say what they mean, and hide nothing."""

import datetime
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketsnb.display import texts as f


@given(st.text())
def test_printable_text_has_no_character_that_cannot_be_seen(text):
    shown = f.printable(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize("letter", "\u3164\u115f\u1160\uffa0\u2800\u034f")
def test_letters_that_are_drawn_as_nothing_are_spelt_out(letter):
    assert f.printable(f"a{letter}") == f"a\\u{ord(letter):04x}"


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_printable_leaves_ordinary_text_alone(text):
    assert f.printable(text) == text


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3661, "1 h 1 min"),
        (86400 * 400, "400 d"),
        (-7200, "-2 h"),
        (float("nan"), ""),
        (None, ""),
        (datetime.timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
    ],
)
def test_age_says_the_two_largest_units(span, said):
    assert f.age(span) == said


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (1795477200, "2026-11-23 23:40 UTC"),
        (datetime.datetime(2026, 11, 23, 23, 40), "2026-11-23 23:40 UTC"),
        (
            datetime.datetime(2026, 11, 24, 0, 40, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            "2026-11-23 23:40 UTC",
        ),
        (float("nan"), ""),
        (1e30, "1e+30 s since 1970"),
    ],
)
def test_when_is_in_utc_whatever_the_zone(time, said):
    assert f.format_time(time) == said


def test_elided_lists_say_how_many_they_leave_out():
    assert f.join_truncated(range(2000), most=2) == "0, 1 ... and 1,998 more"


def test_an_excerpt_is_bounded_and_on_one_line():
    shown = f.truncate("a\n" * 10_000, most=50)
    assert (len(shown), shown[-1], "\n" in shown) == (50, "…", False)


def test_a_host_never_shows_a_password():
    assert f.host_of("http://user:pass@host:8004/x") == "host:8004"
    assert "pass" not in f.host_of("http://user:p/ass@host:8004/x@y")


def test_near_misses_ignore_case():
    assert f.close_matches("PIPLINE", ["pipeline", "site"]) == ["pipeline"]


def test_counts_agree_in_number():
    assert [f.count_of(n, "work") for n in (0, 1, 2)] == ["0 works", "1 work", "2 works"]


@pytest.mark.parametrize(
    "text", ["caf\u00e9", "a\u202eb\x9b\x7f", "\ud800", "\U000e0001 \U0010fffd", "\u3164\\u3164", "a\nb"]
)
def test_json_text_reads_back_the_same_and_hides_nothing(text):
    written = f.json_text({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert f.printable(written, keep="\n") == written
