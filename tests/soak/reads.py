"""Every call that only reads, compared with what the store holds: an answer is whole and true, or an error."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

from bucketsnb.errors import NotFound, ServiceError

from .asker import Asker, Records

__all__ = ["Reads"]


class Reads(Asker):
    """Someone who reads."""

    def view(self) -> None:
        pipeline = self._pipeline()
        self._read("view", lambda now: self._check_frame(pipeline, now, self._viewed(pipeline)))

    def _viewed(self, pipeline: str) -> Any:
        return self.client.view({"pipeline": pipeline}, limit=None, progress=False, page_size=7)

    def iter_frames(self) -> None:
        pipeline = self._pipeline()

        def all_pages(now: Records) -> None:
            pages = list(self.client.iter_frames({"pipeline": pipeline}, page_size=3, progress=False))
            assert all(0 < len(page) <= 3 for page in pages)
            records = [record for page in pages for record in page.works.to_records()]
            assert len(records) == len({record["id"] for record in records}), "a work came twice"
            assert {record["id"]: record for record in records} == _of(now, pipeline)

        self._read("iter_frames", all_pages)

    @staticmethod
    def _check_frame(pipeline: str, now: Records, frame: Any) -> None:
        meant = _of(now, pipeline)
        assert set(frame["id"]) == set(meant)
        assert {record["id"]: record for record in frame.works.to_records()} == meant
        assert (frame.attrs["matched"], frame.attrs["exact"]) == (len(meant), True)

    def count(self) -> None:
        event = self._event()

        def counted(now: Records) -> None:
            number, there = self.client.count({"event": event}), sum(event in one["event"] for one in now.values())
            moved = "as before" if self.store() == now else "moved"
            assert number == there, f"{number} counted, {there} there; {moved}"

        self._read("count", counted)

    def group_count(self) -> None:
        by = self._random.choice([("pipeline", "status"), ("pipeline", "priority"), ("status",)])

        def counted(now: Records) -> None:
            rows = self.client.group_count(by=by).itertuples(index=False)
            found = {tuple(row[:-1]): row[-1] for row in rows}
            assert found == Counter(tuple(one[name] for name in by) for one in now.values())

        self._read("group_count", counted)

    def status(self) -> None:
        def summed(now: Records) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = self.client.status()
            assert set(frame.index) == {one["pipeline"] for one in now.values()}
            for pipeline in frame.index[frame["total"].notna()]:
                words = Counter(one["status"] for one in _of(now, pipeline).values())
                assert frame.loc[pipeline, "total"] == words.total()
                assert all(frame.loc[pipeline, word] == number for word, number in words.items())

        self._read("status", summed)

    def pipelines(self) -> None:
        def named(now: Records) -> None:
            assert sorted(self.client.pipelines()) == sorted({one["pipeline"] for one in now.values()})

        self._read("pipelines", named)

    def info(self) -> None:
        def asked(_: Records) -> None:
            assert self.client.info()["server"]["version"]

        self._read("info", asked)

    def work(self) -> None:
        id_ = self._random.choice([*self.store(), "f" * 24])

        def whole(now: Records) -> None:
            try:
                found = self.client.work(id_)
            except NotFound:
                assert id_ not in now, "a work that is there was not found"
            else:
                assert dict(found) == now[id_]

        self._read("work", whole)

    def explain(self) -> None:
        pipeline, event = self._pipeline(), self._event()

        def explained(now: Records) -> None:
            frame = self.client.explain({"pipeline": pipeline, "event": event})
            of_pipeline = set(_of(now, pipeline))
            of_event = {id_ for id_, one in now.items() if event in one["event"]}
            assert frame.attrs["matched"] == len(of_pipeline & of_event)
            assert list(frame["alone"]) == [len(of_pipeline), len(of_event)]
            assert list(frame["without"]) == [len(of_event), len(of_pipeline)]

        self._read("explain", explained)

    def events(self) -> None:
        asked = sorted({self._event() for _ in range(3)})

        def told(now: Records) -> None:
            frame = self.client.events(asked)
            found = {(row.event, row.pipeline): row.n_works for row in frame.itertuples()}
            there = {(event, one["pipeline"]) for one in now.values() for event in one["event"] if event in asked}
            assert set(found) == there
            assert all(
                found[event, pipeline] == sum(event in one["event"] for one in _of(now, pipeline).values())
                for event, pipeline in there
            )
            assert frame.attrs["without_works"] == sorted(set(asked) - {event for event, _ in there})

        self._read("events", told)

    def failures(self) -> None:
        def grouped(now: Records) -> None:
            frame = self.client.failures()
            failed = [one["pipeline"] for one in now.values() if one["status"] == "failure"]
            assert frame.groupby("pipeline")["n_works"].sum().to_dict() == Counter(failed)
            assert all(now[id_]["status"] == "failure" for id_ in frame["example"])

        self._read("failures", grouped)

    def stale(self) -> None:
        self._attention("stale", lambda: self.client.stale(days=0), lambda one: one["status"] in ("queued", "running"))

    def overdue(self) -> None:
        self._attention("overdue", self.client.overdue, lambda one: one["status"] == "running" and one["timeout"] < 0)

    def exhausted(self) -> None:
        self._attention(
            "exhausted",
            self.client.exhausted,
            lambda one: one["status"] == "failure" and one["attempt"] >= one["retries"],
        )

    def orphans(self) -> None:
        there = self.store()
        self._attention("orphans", self.client.orphans, lambda one: one["config"]["parent"] not in (None, *there))

    def family(self) -> None:
        parent = self._random.choice(["nobody", *self.store()])

        def below(now: Records) -> None:
            family = {parent} & set(now)
            while more := {id_ for id_, one in now.items() if one["config"]["parent"] in {parent, *family}} - family:
                family |= more
            assert set(self.client.family(parent).frame["id"]) == family

        self._read("family", below)

    def _attention(self, call: str, asked: Callable[[], Any], meant: Callable[[dict[str, Any]], bool]) -> None:
        def listed(now: Records) -> None:
            assert set(asked()["id"]) == {id_ for id_, one in now.items() if meant(one)}

        self._read(call, listed)

    def _read(self, call: str, compare: Callable[[Records], None]) -> None:
        """Let a call be compared with the store, which it leaves as it was."""
        now = self.store()
        try:
            compare(now)
        except ServiceError:
            self._say(f"{call}: error")
        else:
            self._say(f"{call}: done")
        assert self.store() == now, "reading changed works"


def _of(now: Records, pipeline: str) -> Records:
    return {id_: one for id_, one in now.items() if one["pipeline"] == pipeline}
