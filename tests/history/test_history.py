"""Snapshots are kept, bounded and compared; a gap stays a gap."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from bucketsnb.errors import ConfigurationError
from bucketsnb.history import History
from bucketsnb.schema import STATUS_KEYS

T0 = 1_790_000_000.0
URL = "http://127.0.0.1:8004"


def status(**rows: tuple[int | None, ...]) -> pd.DataFrame:
    index = pd.Index(list(rows), dtype=pd.StringDtype("python"), name="pipeline")
    columns = {key: pd.array([row[i] for row in rows.values()], dtype="Int64") for i, key in enumerate(STATUS_KEYS)}
    return pd.DataFrame(columns, index=index)


def queue(queued: int, done: int = 0) -> tuple[int, ...]:
    return (queued + done, queued, 0, done, 0)


@pytest.fixture
def history(tmp_path):
    return History(URL, tmp_path / "deep" / "history.db")


def test_an_empty_history_has_the_columns_of_a_full_one(history):
    history_of_one = History(URL, history.path.with_name("one.db"))
    history_of_one.record(status(a=queue(1)), at=T0)
    assert history.frame().dtypes.to_dict() == history_of_one.frame().dtypes.to_dict()
    assert "0 snapshots" in repr(history)
    assert not history.path.exists(), "looking makes no file"


def test_the_snapshot_at_a_time_is_the_last_before_it(history):
    history.record(status(a=queue(5)), at=T0)
    history.record(status(a=queue(3)), at=T0 + 60)
    assert history.at(T0 + 59)["queued"]["a"] == 5
    assert history.at(pd.Timestamp(T0 + 60, unit="s", tz="UTC"))["queued"]["a"] == 3
    with pytest.raises(LookupError, match="the oldest is of 2026-"):
        history.at(T0 - 1)


def test_services_do_not_mix(history):
    history.record(status(a=queue(5)), at=T0)
    other = History("http://elsewhere", history.path)
    assert other.frame().empty
    other.record(status(b=queue(1)), at=T0)
    other.clear()
    assert list(history.frame()["pipeline"]) == ["a"]


def test_a_difference_counts_absent_pipelines_as_zero_and_unread_ones_as_unknown(history):
    history.record(status(a=queue(5), gone=queue(2), broken=(None,) * 5), at=T0)
    history.record(status(a=queue(9), new=queue(4), broken=queue(1)), at=T0 + 60)
    difference = history.diff(T0, T0 + 60)["queued"]
    assert difference.drop("broken").to_dict() == {"a": 4, "gone": -2, "new": 4}
    assert pd.isna(difference["broken"])


def test_a_silence_much_longer_than_the_interval_is_a_gap(history):
    for second in (0, 30, 60, 600, 630):
        history.record(status(a=queue(1)), at=T0 + second, every=30)
    frame = history.frame(gaps=True)
    assert frame["queued"].isna().tolist() == [False, False, False, True, False, False]
    assert frame["time"].is_monotonic_increasing
    assert history.frame()["queued"].notna().all()


def test_rates_leave_out_what_nobody_saw(history):
    for hour, queued, done in ((0, 10, 0), (1, 8, 2), (20, 100, 50), (21, 98, 56)):
        history.record(status(a=queue(queued, done)), at=T0 + hour * 3600, every=3600)
    rates = history.rates().loc["a"]
    assert rates.to_dict() == {"arrived": 2.0, "finished": 4.0, "left": 0.0, "queued": -2.0, "hours": 2.0}


def test_a_pipeline_that_a_snapshot_does_not_have_counts_zero_in_it(history):
    for minute, seen in enumerate((3, None, None, 3)):
        rows = {} if seen is None else {"a": queue(seen)}
        history.record(status(**rows), at=T0 + minute * 60, every=60)
    assert history.frame(gaps=True)["queued"].tolist() == [3, 0, 0, 3]
    assert history.frame().dtypes.to_dict() == history.frame(until=T0).dtypes.to_dict()
    rates = history.rates().loc["a"]
    assert (rates["arrived"], rates["left"], rates["hours"]) == pytest.approx((60, 60, 0.05))


def test_a_pipeline_that_came_anew_counts_as_arrived_and_one_that_went_is_drained(history):
    for minute, old, new in ((0, 20, 0), (30, 10, 0), (60, 0, 8), (90, 0, 6), (120, 0, 4)):
        rows = {name: queue(number) for name, number in (("old", old), ("new", new)) if number}
        history.record(status(**rows), at=T0 + minute * 60, every=1800)
    assert history.rates()["arrived"].to_dict() == {"new": 4.0, "old": 0.0}
    assert str(history.drain("old")).endswith(": nothing is queued")
    assert history.drain("new").per_hour == pytest.approx(-4.0), "the line begins when it came"


def test_a_gap_of_the_snapshots_is_one_of_a_pipeline_that_went(history):
    for minute, rows in ((0, {"a": queue(3)}), (1, {}), (20, {}), (21, {"a": queue(3)})):
        history.record(status(**rows), at=T0 + minute * 60, every=60)
    assert history.frame(gaps=True)["queued"].tolist() == [3, 0, pd.NA, 0, 3]


def test_a_snapshot_of_some_pipelines_says_nothing_of_the_others(history):
    whole = status(a=queue(5), b=queue(7))
    for minute, part in enumerate((whole, status(a=queue(4)), whole)):
        part.attrs["pipelines"] = 2
        history.record(part, at=T0 + minute * 60, every=60)
    table = history.frame(gaps=True)
    assert table.loc[table["pipeline"] == "b", "queued"].tolist() == [7, 7]
    difference = history.diff(T0, T0 + 60)["queued"]
    assert difference["a"] == -1
    assert pd.isna(difference["b"])
    history.record(history.at(T0 + 60), at=T0 + 240, every=60)
    assert pd.isna(history.diff(T0, T0 + 240)["queued"]["b"]), "what was of some pipelines stays so"


def test_rates_of_one_snapshot_are_unknown(history):
    history.record(status(a=queue(1)), at=T0)
    rates = history.rates().loc["a"]
    assert rates["hours"] == 0
    assert rates.drop("hours").isna().all()


def test_a_steady_queue_drains_when_the_line_says(history):
    for hour in range(5):
        history.record(status(a=queue(100 - 10 * hour)), at=T0 + hour * 3600)
    drain = history.drain("a")
    assert drain.hours == pytest.approx(6.0)
    assert drain.earliest == pytest.approx(6.0)
    assert drain.latest == pytest.approx(6.0)
    assert str(drain) == "a, as of 2026-09-21 18:13 UTC: 60 queued, empty in about 6 h (6 h to 6 h)"
    assert drain.as_of.timestamp() == T0 + 4 * 3600


def test_a_noisy_queue_drains_within_a_span(history):
    for hour, queued in enumerate((100, 80, 85, 60, 62, 40)):
        history.record(status(a=queue(queued)), at=T0 + hour * 3600)
    drain = history.drain("a")
    assert drain.earliest < drain.hours < drain.latest


def test_a_growing_queue_does_not_drain(history):
    for hour in range(4):
        history.record(status(a=queue(10 + hour)), at=T0 + hour * 3600)
    assert history.drain("a").hours is None
    assert "not draining" in str(history.drain("a"))


def test_two_snapshots_are_no_estimate(history):
    history.record(status(a=queue(2)), at=T0)
    history.record(status(a=queue(1)), at=T0 + 60)
    with pytest.raises(LookupError, match="needs 3"):
        history.drain("a")


def test_the_store_stays_bounded(history):
    day = 86_400
    for before in range(100, 10, -1):
        history.record(status(a=queue(1)), at=T0 - before * day)
    for minute in range(0, 120, 10):
        history.record(status(a=queue(1)), at=T0 - 10 * day + minute * 60)
    for before in range(9, -1, -1):
        history.record(status(a=queue(1)), at=T0 - before * day)
    times = history.times()
    assert T0 - 92 * day < times[0].timestamp() < T0 - 89 * day
    tenth = [time for time in times if 0 <= time.timestamp() - (T0 - 10 * day) < 7200]
    assert 2 <= len(tenth) <= 3, "one an hour beyond three days"


@pytest.mark.slow
def test_what_was_thinned_is_no_gap_and_counts_as_seen(history):
    start, hour = T0 - 5 * 24 * 3600, 3600
    for minute in range(0, 5 * 24 * 60 + 1, 20):
        history.record(status(a=queue(100)), at=start + minute * 60, every=1200)
    assert history.frame(gaps=True)["queued"].notna().all()
    assert history.rates().loc["a", "hours"] == pytest.approx(5 * 24)
    silent = History(URL, history.path.with_name("silent.db"))
    for since in (0, 20 * 60, 5 * hour, 6 * hour, *(days * 24 * hour for days in range(1, 6))):
        silent.record(status(a=queue(100)), at=start + since, every=1200)
    missing = silent.frame(gaps=True)["queued"].isna().tolist()
    assert missing == [False, True, False, False, *[True, False] * 5]


def test_a_queue_without_pipelines_is_a_snapshot_too(history):
    history.record(status(), at=T0)
    assert len(history.times()) == 1
    assert history.at(T0).empty


def test_a_file_that_is_no_history_is_named(tmp_path):
    (tmp_path / "history.db").write_text("not a database, and long enough to be read as one" * 100)
    with pytest.raises(ConfigurationError, match="BUCKETSNB_HISTORY"):
        History(URL, tmp_path / "history.db").record(status(a=queue(1)), at=T0)


def test_now_is_now_wherever_this_machine_is(history, monkeypatch):
    now = time.time()
    history.record(status(a=queue(1)), at=now - 9 * 3600)
    history.record(status(a=queue(50)), at=now - 60)
    monkeypatch.setenv("TZ", "America/Vancouver")
    time.tzset()
    try:
        assert [history.at(word)["queued"]["a"] for word in ("now", "today")] == [50, 50]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_seconds_of_numpy_are_seconds(history):
    history.record(status(a=queue(5)), at=T0)
    assert history.at(np.int64(T0 + 1))["queued"]["a"] == 5
    assert history.at(np.float32(T0 + 1000))["queued"]["a"] == 5
    assert history.at(np.datetime64("2027-01-01"))["queued"]["a"] == 5


DAY = 86_400


@pytest.fixture
def kept(history):
    """Return the times of a history of three days, each with some snapshots in one hour."""
    for day in (3, 2, 1):
        start = (time.time() - day * DAY) // 3600 * 3600
        for minute in (0, 10, 20, 30):
            history.record(status(a=queue(1)), at=start + minute * 60)
    return set(history.times())


@pytest.mark.parametrize("off", [400 * DAY, 30 * 365 * DAY, 91 * DAY, 4 * DAY, -400 * DAY, -50 * 365 * DAY])
def test_a_snapshot_whose_clock_is_far_off_erases_no_others(history, kept, off):
    for more in (0, 1, 2):
        history.record(status(a=queue(9)), at=time.time() + off + more * DAY)
    history.record(status(a=queue(2)), at=time.time())
    assert kept <= set(history.times())


@pytest.mark.parametrize("off", [400 * DAY, 91 * DAY, 30 * 365 * DAY])
def test_a_machine_whose_clock_is_far_off_erases_no_snapshots(history, kept, monkeypatch, off):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + off)
    for _ in range(3):
        history.record(status(a=queue(9)), every=60)
    monkeypatch.undo()
    history.record(status(a=queue(2)))
    assert kept <= set(history.times())


def test_a_status_that_was_read_far_off_erases_no_others(history, kept):
    odd = status(a=queue(9))
    odd.attrs["read_at"] = time.time() + 1000 * DAY
    history.record(odd)
    assert kept <= set(history.times())


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_snapshot_of_no_time_is_refused_by_name(history, at):
    with pytest.raises(ConfigurationError, match="epoch seconds"):
        history.record(status(a=queue(1)), at=at)


def test_a_relative_file_stays_where_it_was_when_the_working_folder_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("BUCKETSNB_HISTORY", "the-history-of-a-test.db")
    monkeypatch.chdir(tmp_path)
    History(URL).record(status(a=queue(1)), at=T0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(History(URL).times()) == 1
