"""One clock a session: ages, questions, columns and plans go by the same, and a clock that is far off is said."""

from __future__ import annotations

import json
import time
from email.utils import formatdate

import pytest

from bucketsnb import Buckets, Query
from bucketsnb.api import ClockSkew
from bucketsnb.cli import main
from bucketsnb.errors import ConfigurationError, Cure, ScopeRefused
from bucketsnb.matching import compile_projection, compile_query
from tests.factory import make_work
from tests.stub import Stub, answer, polite

HOUR, DAY = 3600.0, 86_400.0


class Service(Stub):
    """A service whose clock is ahead of this machine's by seconds that can be changed; None: it says no time."""

    def __init__(self, works, ahead=0.0):
        super().__init__(default=self.act)
        self.works, self.ahead = works, ahead

    def act(self, exchange):
        date = "" if self.ahead is None else formatdate(time.time() + self.ahead, usegmt=True)
        seen = exchange.request
        if seen.path == "/version":
            answer({"version": "2.6.1"}, date=date)(exchange)
        elif seen.path == "/view":
            body = seen.json
            matches = compile_query(body["query"])
            found = [work for work in self.works if matches(work)][body["skip"] :][: body["limit"] or None]
            answer(list(map(compile_projection(body["projection"]), found)), date=date)(exchange)
        else:
            polite(exchange)


def works(*ages):
    return [
        {**make_work(creation=time.time() - age, status="failure"), "id": f"{place:024}"}
        for place, age in enumerate(ages)
    ]


AGED = [{"older_than": "2h"}, Query(older_than="2h"), {"$nor": [{"creation": {"$gte": {"$ago": "2h"}}}]}]


@pytest.mark.filterwarnings("ignore::bucketsnb.api.ClockSkew")
@pytest.mark.parametrize("ahead", [3 * HOUR, -3 * HOUR, 40.0])
def test_the_first_question_goes_by_the_same_clock_as_all_others(ahead):
    fresh = works(*((hours + 0.5) * HOUR for hours in range(8)))
    with Service(fresh, ahead) as service, Buckets(service.url) as buckets:
        counts = {buckets.count(Query(older_than="2h")) for _ in range(3)}
        counts.add(len(buckets.view(Query(older_than="2h"))))
        counts.add(buckets.plan_delete(older_than="2h", allow_all=True).count)
        service.ahead = 0.0
        counts.add(buckets.count(Query(older_than="2h")))
        ages = buckets.view()["age"].dt.total_seconds()
    assert counts == {sum((hours + 0.5) * HOUR + ahead > 2 * HOUR for hours in range(8))}
    assert (ages > 2 * HOUR).sum() == counts.pop()


def test_a_clock_that_is_off_by_hours_stands_on_every_plan():
    for ahead, text in [(3.01 * HOUR, "3 h ahead of"), (-2.01 * HOUR, "2 h behind")]:
        with Service(works(9 * HOUR), ahead) as service, Buckets(service.url) as buckets:
            plans = [buckets.plan_delete(older_than="2h", allow_all=True), buckets.plan_requeue([f"{0:024}"])]
        for plan in plans:
            assert f"The service's clock is {text} this machine's; ages are by the service's." in plan.notes
            assert f"{text} this machine's" in str(plan)
    with Service(works(9 * HOUR), 60.0) as service, Buckets(service.url) as buckets:
        assert not any("clock" in note for note in buckets.plan_delete(older_than="2h", allow_all=True).notes)


@pytest.mark.filterwarnings("ignore::bucketsnb.api.ClockSkew")
@pytest.mark.parametrize("ahead", [60.01 * DAY, -40 * DAY, 1.5 * DAY])
def test_with_a_clock_that_is_off_by_days_no_plan_goes_by_ages(ahead):
    with Service(works(HOUR), ahead) as service, Buckets(service.url) as buckets:
        for plan in (
            lambda: buckets.plan_delete(older_than="30d", allow_all=True),
            lambda: buckets.plan_requeue(Query({"pipeline": "baseband-converter"}, stale=True)),
            lambda: buckets.plan_delete(buckets.view(Query(newer_than="30d") | Query(older_than="30d"))),
            lambda: buckets.plan_delete(buckets.stale(status="failure", days=1) if ahead < 0 else buckets.overdue()),
            buckets.plan_audit,
        ):
            with pytest.raises(ScopeRefused, match=r'clock="service".* or .*clock="local"') as refused:
                plan()
            assert refused.value.cure is Cure.CHOOSE_CLOCK
        assert buckets.plan_delete([f"{0:024}"]).count == 1


@pytest.mark.parametrize(("clock", "matched"), [("service", 1), ("local", 0)])
def test_who_says_which_clock_counts_gets_plans_by_it(clock, matched):
    with Service(works(HOUR), 60.01 * DAY) as service, Buckets(service.url, clock=clock) as buckets:
        plan = buckets.plan_delete(older_than="30d", allow_all=True)
        assert plan.count == matched
        assert any("60 d ahead" in note for note in plan.notes) or clock == "local"
        with pytest.warns(ClockSkew, match="by the service's" if clock == "service" else "by this machine's"):
            assert len(buckets.view(Query(older_than="30d"))) == matched


def test_a_clock_that_jumps_during_the_session_is_noticed():
    with Service(works(HOUR), 0.0) as service, Buckets(service.url) as buckets:
        assert buckets.count(Query(older_than="2h")) == 0
        service.ahead = 60.01 * DAY
        assert buckets.count(Query(older_than="2h")) == 0
        with pytest.raises(ScopeRefused, match="60 d ahead"):
            buckets.plan_delete(older_than="2h", allow_all=True)


def test_a_service_that_says_no_time_leaves_this_machines_clock(recwarn):
    with Service(works(HOUR, 3 * HOUR), None) as service, Buckets(service.url) as buckets:
        assert buckets.plan_delete(older_than="2h", allow_all=True).count == 1
        service.ahead = 90.0 * 60
        assert buckets.plan_delete(older_than="2h", allow_all=True).count == 1


def test_a_plan_that_asks_nothing_settles_no_clock():
    with Service(works(HOUR), 3 * HOUR) as service, Buckets(service.url) as buckets:
        buckets.plan_deposit([make_work(id=None)])
        assert buckets.count(Query(older_than="2h")) == 1


def test_a_question_without_ages_asks_for_no_time():
    with Service(works(HOUR)) as service, Buckets(service.url) as buckets:
        buckets.view({"status": "failure"}, limit=1)
        assert set(service.routes) == {"POST /view"}


@pytest.mark.parametrize("clock", ["utc", "Service", True, ""])
def test_a_clock_that_is_none_is_refused(clock):
    with pytest.raises(ConfigurationError, match='"service" or "local"'):
        Buckets("http://127.0.0.1:1", clock=clock)


def test_the_command_line_names_the_option(capsys, monkeypatch):
    with Service(works(HOUR), 60.01 * DAY) as service:
        base = ["delete", "--url", service.url, "-p", "baseband-converter", "--older-than", "30d", "--yes"]
        with pytest.raises(SystemExit) as refused:
            main(base, standalone_mode=True)
        assert refused.value.code == 4
        assert "--clock service or --clock local" in capsys.readouterr().err
        with pytest.raises(SystemExit) as nothing:
            main([*base, "--clock", "local", "--json"], standalone_mode=True)
        assert nothing.value.code == 3
        assert json.loads(capsys.readouterr().out)["works"] == []
