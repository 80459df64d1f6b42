"""Five sentences say what a period of the queue came to, and nothing that nobody knows."""

from __future__ import annotations

import html
import re
import time

import pandas as pd

from bucketsnb import Buckets, LocalBackend
from bucketsnb.display.texts import format_time
from bucketsnb.schema import STATUS_KEYS
from bucketsnb.summaries import digest_of
from tests.factory import make_work

NO_WORKS = pd.DataFrame({"pipeline": [], "status": []}, dtype="str")
DAY = 86_400.0


def status(rows: dict[str, tuple[int | None, ...]], **about: object) -> pd.DataFrame:
    columns = {key: pd.array([row[i] for row in rows.values()], dtype="Int64") for i, key in enumerate(STATUS_KEYS)}
    frame = pd.DataFrame(columns, index=pd.Index(list(rows), dtype="str", name="pipeline"))
    frame.attrs.update(about)
    return frame


def ended(**numbers: dict[str, int]) -> pd.DataFrame:
    rows = [(name, word) for word, of in numbers.items() for name, number in of.items() for _ in range(number)]
    return pd.DataFrame(rows, columns=["pipeline", "status"])


def test_a_digest_of_a_real_queue_says_what_its_numbers_say(backend: LocalBackend, buckets: Buckets) -> None:
    now = time.time()
    backend.store.load(
        [
            make_work(id="1" * 24, pipeline="a", status="queued", creation=now - 40 * DAY - 1_800),
            make_work(id="2" * 24, pipeline="b", status="queued", creation=now - 9 * DAY),
            make_work(id="3" * 24, pipeline="b", status="failure", start=now - 60, stop=now - 50, attempt=2),
            make_work(id="4" * 24, pipeline="b", status="success", start=now - 60, stop=now - 50, attempt=1),
        ]
    )
    history = buckets.history()
    history.record(buckets.status(), at=now - 7 * DAY)
    backend.store.load([make_work(id="5" * 24, pipeline="c", status="queued", creation=now - 5)])
    found = digest_of(
        buckets.status(),
        buckets.view({"stop": {"$gt": 0}}, limit=None),
        {"stale": buckets.stale(), "exhausted": buckets.exhausted()},
        history.at(now),
    ).sentences
    assert found == {
        "Done": "1 work ended in success.",
        "Failed": "1 work ended in failure (50 %), most in b (1).",
        "Waiting": "3 queued and 0 running now; 2 stale, 1 exhausted.",
        "Oldest": "a queued work of a, 40 d old.",
        "Changed": f"total +1, queued +1, running +0, success +0, failure +0, since {format_time(now - 7 * DAY)}.",
    }


def test_failures_are_named_by_the_pipeline_with_most() -> None:
    found = digest_of(status({}), ended(failure={"a": 1, "b": 3}, success={"a": 4}), {}).sentences
    assert found["Failed"] == "4 works ended in failure (50 %), most in b (3)."


def test_a_pipeline_that_could_not_be_read_is_said_and_is_no_change() -> None:
    now = status({"a": (5, 5, 0, 0, 0), "b": (None,) * 5})
    before = status({"a": (2, 2, 0, 0, 0), "b": (9, 9, 0, 0, 0)}, read_at=0.0, pipelines=2)
    found = digest_of(now, NO_WORKS, {}, before).sentences
    assert found["Waiting"] == "5 queued and 0 running now; 1 pipeline could not be read."
    assert found["Changed"].startswith("total +3, queued +3,")


def test_a_pipeline_that_has_left_counts_as_a_change_and_one_that_was_not_asked_for_does_not() -> None:
    now = status({"a": (1, 1, 0, 0, 0), "new": (4, 4, 0, 0, 0)})
    before = status({"a": (1, 1, 0, 0, 0), "old": (2, 0, 0, 2, 0)}, read_at=0.0, pipelines=2)
    assert (
        digest_of(now, NO_WORKS, {}, before)
        .sentences["Changed"]
        .startswith("total +2, queued +4, running +0, success -2")
    )
    before.attrs["pipelines"] = None
    assert digest_of(now, NO_WORKS, {}, before).sentences["Changed"].startswith("total -2, queued +0")


def test_text_and_html_of_a_digest_have_the_same_words_and_none_is_markup() -> None:
    shown = digest_of(status({}), ended(failure={"<img src=x>\u202e": 2}), {})
    markup = shown._repr_html_()
    assert html.unescape(re.sub("<[^>]*>", " ", markup)).replace(" :", ":").split() == repr(shown).split()
    assert "<img" not in markup
    assert "\u202e" not in markup + repr(shown)
