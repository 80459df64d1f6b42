"""View: as the service's client, as frames; pages that neither double nor lose works; and what is not shown is said."""

import itertools
import json
import threading
import warnings

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets, Query
from bucketsnb.backend.samples import sample_works
from bucketsnb.client.reading import MovedDuringRead, ReadCancelled
from bucketsnb.errors import NotFound, QueryError
from bucketsnb.frames import DTYPES, LIGHT
from bucketsnb.query import UnknownField
from tests.client.shelf import Shelf
from tests.factory import make_work, make_works
from tests.frames.jsonish import OLD_SHAPES
from tests.stub import Stub, answer


def reader(works, between=lambda shelf, request: None):
    made = object.__new__(Buckets)
    made.api = Shelf(works, between)
    return made


def numbered(count):
    return [make_work(id=f"{number:05}", status="queued") for number in range(count)]


def posts(backend):
    return [json.loads(request.body) for request in backend.requests if request.path == "/view"]


class TestAsTheServicesClient:
    def test_the_newest_hundred_and_at_least_one_more(self, backend, buckets):
        ids = backend.store.load(make_works(105))
        frame = buckets.view({})
        assert frame.id.tolist() == ids[:4:-1]
        assert (frame.works.shown, frame.works.matched, frame.works.exact) == (100, 105, True)
        assert [request.path for request in backend.requests] == ["/view", "/status"]

    def test_what_only_a_read_of_all_could_count_is_at_least_one_more(self, backend, buckets):
        backend.store.load(make_works(105))
        for words in ({"site": "chime"}, {"pipeline": ["baseband-converter", "fitburst"]}, {"priority": ">=1"}):
            frame = buckets.view(**words)
            assert (frame.works.shown, frame.works.matched, frame.works.exact) == (100, 101, False)
        assert len(backend.requests) == 3

    def test_a_status_that_cannot_be_read_takes_no_works_away(self, backend, buckets):
        backend.store.load(make_works(105))
        backend.faults.add("GET /status*", status=404, times=None)
        frame = buckets.view(pipeline="baseband-converter")
        assert (frame.works.shown, frame.works.matched, frame.works.exact) == (100, 101, False)

    def test_all_there_is_when_that_is_less(self, backend, buckets):
        backend.store.load(make_works(5))
        frame = buckets.view({"pipeline": "baseband-converter"}, {}, 2, 10)
        assert (len(frame), frame.works.matched, frame.works.exact) == (3, 5, True)
        assert frame.works.query == {"pipeline": "baseband-converter"}

    def test_a_projection_is_sent_with_the_id_and_left_as_it_was(self, backend, buckets):
        backend.store.load(make_works(2))
        projection = {"pipeline": True, "_id": False}
        frame = buckets.view({}, projection)
        assert projection == {"pipeline": True, "_id": False}
        assert posts(backend)[0]["projection"] == {"id": True, "pipeline": True, "_id": False}
        assert frame.id.notna().all()
        assert frame.site.isna().all()
        assert frame.attrs["columns"] == ["id", "pipeline"]

    def test_a_projection_that_leaves_fields_out(self, backend, buckets):
        backend.store.load(make_works(1))
        frame = buckets.view({}, {"results": False, "config": False, "id": False})
        assert frame.config.isna().all()
        assert frame.id.notna().all()
        assert "config" not in frame.attrs["columns"]

    def test_queries_and_documents_and_nothing_are_questions(self, backend, buckets):
        backend.store.load([make_work(site="kko"), make_work(site="gbo")])
        assert len(buckets.view(Query(site="kko"))) == 1
        assert len(buckets.view({"site": "kko"})) == 1
        assert len(buckets.view()) == 2

    @pytest.mark.parametrize("limit", [None, 0, -1])
    def test_without_a_limit_all_come(self, backend, buckets, limit):
        backend.store.load(make_works(150))
        frame = buckets.view({}, limit=limit)
        assert (len(frame), frame.works.matched, frame.works.exact) == (150, 150, True)
        assert [(body["skip"], body["limit"]) for body in posts(backend)] == [(0, 10_001), (149, 2)]

    @pytest.mark.parametrize("arguments", [{"limit": "ten"}, {"limit": 1.5}, {"page_size": 0}, {"skip": -1}])
    def test_numbers_that_cannot_be_meant_are_refused(self, buckets, backend, arguments):
        with pytest.raises(QueryError):
            buckets.view({}, **arguments)
        assert not posts(backend)


class TestPages:
    def test_all_works_once_each_in_order(self, backend, buckets):
        ids = backend.store.load(make_works(95))
        frame = buckets.view({}, limit=None, page_size=10, progress=False)
        assert frame.id.tolist() == ids[::-1]
        assert (frame.works.matched, frame.works.exact, frame.attrs["moved"]) == (95, True, 0)
        assert len(posts(backend)) == 1 + 2 + 9
        assert dict(frame.dtypes) == dict(DTYPES)

    @pytest.mark.parametrize("limit", [None, 40])
    @pytest.mark.parametrize("arrive", [1, 5, 25], ids=lambda number: f"{number} arrive")
    @pytest.mark.parametrize("skip", [0, 3])
    def test_works_that_arrive_during_the_read_keep_the_newest_first(self, arrive, skip, limit):
        def add(shelf, request):
            if request == 1:  # after the first page, before it is said what there is
                shelf.works[:0] = [{"id": f"new{number:02}"} for number in range(arrive)]

        read = reader(numbered(50), add)
        frame = read.view(skip=skip, limit=limit, page_size=10, progress=False)
        order = [work["id"] for work in read.api.works]
        assert frame.id.tolist() == sorted(frame.id, key=order.index)

    def test_what_comes_back_is_what_the_service_holds(self):
        works = [{**work, "id": f"{number:05}"} for number, work in enumerate([*OLD_SHAPES.values(), *make_works(9)])]
        frame = reader(works).view(limit=None, page_size=3, progress=False)
        assert repr(frame.works.to_records()) == repr(works)

    def test_a_limit_beyond_a_page_is_kept_and_the_rest_is_counted(self):
        read = reader(numbered(50))
        frame = read.view(limit=25, skip=5, page_size=10, progress=False)
        assert frame.id.tolist() == [f"{number:05}" for number in range(5, 30)]
        assert (frame.works.matched, frame.works.exact) == (50, True)
        assert read.api.largest == 11

    @pytest.mark.parametrize("page_size", [1, 10])
    def test_leaving_out_more_than_there_are_invents_none(self, backend, buckets, page_size):
        backend.store.load(make_works(3))
        frame = buckets.view(skip=10, page_size=page_size)
        assert (frame.works.shown, frame.works.matched, frame.works.exact) == (0, 3, True)

    @pytest.mark.parametrize("skip", [0, 3, 60])
    @pytest.mark.parametrize("limit", [None, 1, 10, 11, 30, 200])
    def test_skip_and_limit_mean_what_they_mean_in_a_list(self, skip, limit):
        works = numbered(50)
        frame = reader(works).view(skip=skip, limit=limit, page_size=10, progress=False)
        assert frame.id.tolist() == [work["id"] for work in works[skip:][:limit]]

    def test_works_without_an_id_come_once_each(self):
        works = numbered(30)
        for place in (0, 5, 12, 29):
            works[place]["id"] = None
        del works[20]["id"]
        frame = reader(works).view(limit=None, page_size=7, progress=False)
        assert sorted(frame.id.dropna()) == sorted(work["id"] for work in works if work.get("id"))
        assert (frame.id.isna().sum(), len(frame), frame.attrs["moved"]) == (5, 30, 0)

    @pytest.mark.parametrize("odd", [7, 1.5, True, [], ["a"], ["00005"], {"$oid": "x"}, ""], ids=repr)
    @pytest.mark.parametrize("places", [(0, 12), (3, 4), (20, 29)], ids=repr)
    def test_works_whose_id_is_no_text_or_not_their_own_come_once_each(self, odd, places):
        works = numbered(30)
        for place in places:
            works[place]["id"] = odd
        works[8]["id"] = works[27]["id"] = "00008"
        works[9]["user"] = "one-of-two"
        works[10] = {**works[9], "user": "the-other"}
        frame = reader(works).view(limit=None, page_size=7, progress=False)
        assert sorted(map(repr, frame.works.to_records())) == sorted(map(repr, works))
        assert (frame.works.matched, frame.attrs["moved"]) == (30, 0)

    @pytest.mark.parametrize("skip", [1, 2, 5])
    @pytest.mark.parametrize("limit", [None, 2, 4])
    def test_works_that_no_id_tells_apart_are_those_after_the_ones_left_out(self, skip, limit):
        works = [
            make_work(id=one, function=f"f{place}")
            for place, one in enumerate((None, "a", "twice", None, "twice", "b", None, "c", "twice"))
        ]
        frame = reader(works).view(skip=skip, limit=limit, page_size=1, progress=False)
        assert sorted(frame.function) == [work["function"] for work in works[skip:][:limit]]

    def test_a_service_that_ignores_the_limit_has_sent_all(self):
        with Stub(answer(numbered(30))) as stub:
            from bucketsnb import Buckets

            with Buckets(stub.url) as buckets:
                frame = buckets.view({}, limit=None, page_size=10)
        assert (len(frame), frame.works.matched, frame.works.exact) == (30, 30, True)
        assert stub.routes.count("POST /view") == 1

    def test_what_moved_during_the_read_is_said(self):
        def between(shelf, request):
            if request == 2:
                del shelf.works[25]
                shelf.works[26]["status"] = "running"
                shelf.works.insert(0, make_work(id="new", status="queued"))

        read = reader(numbered(40), between)
        with pytest.warns(MovedDuringRead, match="2 works moved during the read"):
            frame = read.view({"status": "queued"}, limit=None, page_size=10, progress=False)
        assert (len(frame), frame.works.matched, frame.attrs["moved"]) == (38, 40, 2)
        assert not frame.id.duplicated().any()

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(0, 40),
        st.integers(1, 9),
        st.lists(st.tuples(st.sampled_from(["add", "delete", "change", "shuffle"]), st.integers(0, 60)), max_size=30),
    )
    def test_whatever_comes_and_goes_none_is_doubled_and_those_that_stay_are_all_there(self, count, size, events):
        works = numbered(count)
        staying = {work["id"] for work in works}
        script, fresh = iter(events), itertools.count()

        def between(shelf, request):
            for (what, place), _ in zip(script, range(3), strict=False):
                if what == "add":
                    shelf.works.insert(place, make_work(id=f"new{next(fresh)}", status="queued"))
                elif shelf.works:
                    place %= len(shelf.works)
                    if what == "shuffle":
                        shelf.works.append(shelf.works.pop(place))
                        continue
                    staying.discard(shelf.works[place]["id"])
                    if what == "delete":
                        del shelf.works[place]
                    else:
                        shelf.works[place]["status"] = "running"

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MovedDuringRead)
            frame = reader(works, between).view({"status": "queued"}, limit=None, page_size=size, progress=False)
        assert not frame.id.duplicated().any()
        assert staying <= set(frame.id)
        assert len(frame) == frame.attrs["shown"]
        assert len(frame) <= frame.works.matched + frame.attrs["moved"]


class TestProgressAndCancel:
    def test_progress_is_told_at_once_and_after_every_page_and_ends_at_the_end(self):
        told = []
        reader(numbered(35)).view(limit=None, page_size=10, progress=lambda done, total: told.append((done, total)))
        assert told == [(0, 35), (10, 35), (20, 35), (30, 35), (35, 35)]

    @pytest.mark.parametrize(("size", "bars"), [(100, 0), (10, 1)], ids=["one page", "several pages"])
    def test_only_long_reads_show_a_bar(self, monkeypatch, size, bars):
        import tqdm.auto

        made = []

        class Bar(tqdm.auto.tqdm):
            def __init__(self, **options):
                super().__init__(**{**options, "disable": True})
                made.append(options["desc"])

        monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
        reader(numbered(50)).view(limit=None, page_size=size)
        reader(numbered(50)).view(limit=None, page_size=size, progress=False)
        assert made == ["reading"] * bars

    def test_a_read_that_is_cancelled_gives_what_was_read_and_says_so(self):
        cancel = threading.Event()
        read = reader(numbered(50))
        with pytest.warns(ReadCancelled, match="stopped after 20 works, of 50"):
            frame = read.view(
                limit=None, page_size=10, cancel=cancel, progress=lambda done, _: cancel.set() if done >= 20 else None
            )
        assert (len(frame), frame.works.exact, frame.attrs["cancelled"]) == (20, False, True)
        assert "stopped before the end" in repr(frame)
        assert len(read.api.requests) == 4

    def test_a_read_that_is_cancelled_during_its_first_page_asks_for_no_more(self):
        read = reader(numbered(50))
        cancel = threading.Event()
        ask = read.api.view_bytes
        read.api.view_bytes = lambda *args, **options: (cancel.set(), ask(*args, **options))[1]
        with pytest.warns(ReadCancelled, match="stopped after 10 works, of 10"):
            frame = read.view(limit=None, page_size=10, cancel=cancel)
        assert (len(frame), frame.works.exact, len(read.api.requests)) == (10, False, 1)

    def test_a_read_that_is_cancelled_beforehand_sends_nothing(self):
        cancel = threading.Event()
        cancel.set()
        read = reader(numbered(5))
        with pytest.warns(ReadCancelled):
            frame = read.view(cancel=cancel)
        assert (len(frame), dict(frame.dtypes), read.api.requests) == (0, dict(DTYPES), [])

    def test_an_interrupt_leaves_a_client_that_works(self, backend, buckets):
        backend.store.load(make_works(30))

        def interrupt(done, total):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            buckets.view({}, limit=None, page_size=10, progress=interrupt)
        assert len(buckets.view({}, limit=None)) == 30


class TestColumns:
    def test_light_sends_less_than_a_third(self):
        works = sample_works(300)
        whole, light = reader(works), reader(works)
        frame = light.view(limit=None, columns="light")
        assert 3 * len(light.api.view_bytes({}, light.api.requests[0]["projection"], limit=None)) <= len(
            whole.api.view_bytes({}, limit=None)
        )
        assert all(frame[name].notna().any() for name in LIGHT)
        assert frame.attrs["columns"] == list(LIGHT)

    @pytest.mark.parametrize("columns", ["all", "light", ["id"], ["parent", "results"], "event", ["overdue", "wait"]])
    @pytest.mark.parametrize(
        "works",
        [[], make_works(1), make_works(40), [dict(work, id=None) for work in OLD_SHAPES.values()]],
        ids=["none", "one", "many", "odd"],
    )
    def test_columns_and_dtypes_are_always_the_same(self, columns, works):
        frame = reader(works).view(limit=None, columns=columns, page_size=25, progress=False)
        assert (dict(frame.dtypes), len(frame)) == (dict(DTYPES), len(works))

    def test_only_what_is_asked_for_travels(self):
        read = reader([make_work(id="a", config={"parent": "run"}, results={"snr": 3})])
        frame = read.view(columns=["parent", "age"])
        assert read.api.requests[0]["projection"] == {"id": True, "config.parent": True, "creation": True}
        assert frame.parent.tolist() == ["run"]
        assert frame.age.notna().all()
        assert frame.works.to_records(partial=True)[0]["config"] == {"parent": "run"}

    @pytest.mark.parametrize(
        ("asked", "held"),
        [
            ({"columns": ["config.archive"]}, {"config"}),
            ({"columns": ["config"]}, {"config", "parent"}),
            ({"projection": {"config.parent": True}}, {"parent"}),
            ({"projection": {"results": False}}, {"config", "parent"}),
            ({"projection": {"config": False}}, set()),
            ({"projection": {"config.parent": False}}, set()),
        ],
        ids=lambda given: repr(given) if isinstance(given, dict) else " and ".join(sorted(given)) or "neither",
    )
    def test_a_parent_is_said_to_be_read_where_it_is(self, backend, buckets, asked, held):
        config = make_work()["config"]
        backend.store.load([make_work(config={**config, "parent": "run"})])
        frame = buckets.view(**asked)
        assert held == {"config", "parent"}.intersection(frame.attrs["columns"])
        assert frame.parent.tolist() == (["run"] if "parent" in held else [pd.NA])

    def test_a_slip_in_a_column_is_said(self):
        with pytest.warns(UnknownField, match="no column 'stats'; did you mean 'status'"):
            reader([]).view(columns=["stats"])

    def test_fields_that_the_schema_does_not_know_can_be_read(self):
        frame = reader([make_work(id="a", group="old")]).view(columns=["group"])
        assert frame.works.extra().group.tolist() == ["old"]
        assert reader([make_work(id="a")]).view(columns=["group"]).works.extra().empty

    @pytest.mark.parametrize(
        "arguments", [{"columns": []}, {"columns": [1]}, {"columns": "light", "projection": {"id": 1}}]
    )
    def test_what_cannot_be_meant_is_refused(self, arguments):
        with pytest.raises(QueryError):
            reader([]).view(**arguments)


class TestIterFrames:
    def test_frames_of_at_most_a_page_hold_all_works_once(self):
        frames = list(reader(numbered(35)).iter_frames(page_size=10, progress=False))
        assert [len(frame) for frame in frames] == [10, 10, 10, 5]
        assert [one for frame in frames for one in frame.id] == [work["id"] for work in numbered(35)]
        assert [frame.works.matched for frame in frames] == [35] * 4

    def test_pages_are_read_when_they_are_asked_for(self):
        read = reader(numbered(35))
        next(read.iter_frames(page_size=10, progress=False))
        assert len(read.api.requests) == 3

    def test_nothing_gives_no_frames(self):
        assert list(reader([]).iter_frames()) == []


class TestOneWork:
    def test_it_is_a_mapping_that_shows_itself(self, backend, buckets):
        (one,) = backend.store.load([make_work(results={"snr": 12.5})])
        work = buckets.work(one)
        assert (work["id"], work["results"]) == (one, {"snr": 12.5})
        assert "12.5" in repr(work)

    def test_one_that_is_gone_is_not_found(self, buckets):
        with pytest.raises(NotFound, match="no work has the id 6b04a88bcce5d83e4c9bf3fc on 127"):
            buckets.work("6b04a88bcce5d83e4c9bf3fc")

    def test_an_id_is_text(self, buckets):
        with pytest.raises(QueryError, match="text"):
            buckets.work(7)
