"""Make works as a real day of the queue holds them, the same ones every time: for notebooks, demos and tests."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from bucketsnb.backend.samples.pipelines import PIPELINES, Pipeline, error_text
from bucketsnb.schema import with_defaults

__all__ = ["sample_works"]

_HOUR, _DAY = 3_600.0, 86_400.0


def sample_works(n: int, *, seed: int = 2026, now: float | None = None) -> list[dict[str, Any]]:
    """Make works in all their states: waiting, running, overdue, done, failed, exhausted, forgotten for weeks.

    Parameters
    ----------
    n
        How many.
    seed
        Another seed makes another day.
    now
        Epoch seconds that their ages are counted from; None is the present.

    Returns
    -------
    list of dict
        Records with all 22 fields; ids differ, and `creation` differs too.

    Examples
    --------
    >>> works = sample_works(100, now=1_795_000_000.0)
    >>> works == sample_works(100, now=1_795_000_000.0), len({work["id"] for work in works})
    (True, 100)
    """
    chance = Random(seed)  # noqa: S311 - nothing secret is made here
    moment = time.time() if now is None else now
    weights = [pipeline.weight for pipeline in PIPELINES]
    events = [chance.randrange(300_000_000, 460_000_000) for _ in range(max(5, n // 25))]
    return [_work(chance, moment, number, chance.choices(PIPELINES, weights)[0], events) for number in range(n)]


def _work(chance: Random, now: float, number: int, pipeline: Pipeline, events: list[int]) -> dict[str, Any]:
    status = chance.choices(("queued", "running", "success", "failure"), pipeline.ratios)[0]
    event = chance.choice(events)
    creation = now - _age(chance, status)
    given: dict[str, Any] = {
        "pipeline": pipeline.name,
        "site": chance.choices(list(pipeline.sites), list(pipeline.sites.values()))[0],
        "user": chance.choice(pipeline.users),
        "function": pipeline.function,
        "parameters": pipeline.parameters(chance, event) if pipeline.parameters else None,
        "command": pipeline.command(chance, event) if pipeline.command else None,
        "tags": pipeline.tags(chance),
        "event": [event] if pipeline.about_events else None,
        "id": f"{int(creation):08x}{chance.getrandbits(40):010x}{number & 0xFFFFFF:06x}",
        "creation": round(creation, 6),
        "status": status,
        "timeout": pipeline.timeout,
        "retries": pipeline.retries,
        "priority": chance.choices((1, 2, 3, 4, 5), (2, 6, 70, 15, 7))[0],
        "config": _config(chance, pipeline, event),
        "notify": {"slack": {"channel_id": pipeline.channel}},
    }
    work = with_defaults(given)
    work.update(_LIVES[status](chance, now, pipeline, work))
    return work


def _age(chance: Random, status: str) -> float:
    """Seconds since creation: mostly hours, some minutes, and a tail of forgotten weeks."""
    if status == "running":
        return 60.0 + chance.expovariate(1 / (2 * _HOUR))
    tail = 0.06 if status == "queued" else 0.02
    if chance.random() < tail:
        return chance.uniform(7.5, 40) * _DAY
    return 2.0 + min(chance.expovariate(1 / (9 * _HOUR)), 6.5 * _DAY)


def _queued(chance: Random, _now: float, pipeline: Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    if pipeline.retries < 2 or chance.random() > 0.12:
        return {}
    start = work["creation"] + chance.uniform(0.1, 1.0)  # tried before, and queued again
    attempt = chance.randrange(1, pipeline.retries)
    results = {"error": error_text(chance, pipeline, work)}
    return {"attempt": attempt, "start": start, "stop": start + 0.5, "results": results}


def _running(chance: Random, now: float, pipeline: Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    age = now - work["creation"]
    ran = min(age * chance.random(), pipeline.timeout * 0.95)
    overdue = chance.random() < 0.12
    if overdue:  # its worker died; nobody has said so yet
        ran = pipeline.timeout * chance.uniform(1.05, 4)
        work["creation"] = round(now - ran - chance.uniform(5, _HOUR), 6)
    return {"attempt": chance.randrange(1, max(pipeline.retries, 1) + 1), "start": now - ran}


def _success(chance: Random, now: float, pipeline: Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    start, stop = _ran(chance, now, pipeline, work)
    attempt = 1 if chance.random() < 0.9 else max(pipeline.retries, 1)
    event = work["event"][0] if work["event"] else None
    return {
        "attempt": attempt,
        "start": start,
        "stop": stop,
        "results": pipeline.results(chance),
        "products": [f"/data/{pipeline.name}/{event}/{name}" for name in pipeline.products] or None,
        "plots": [f"/data/{pipeline.name}/{event}/{name}" for name in pipeline.plots] or None,
    }


def _failure(chance: Random, now: float, pipeline: Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    start, stop = _ran(chance, now, pipeline, work)
    exhausted = chance.random() < 0.65 or pipeline.retries < 2
    attempt = max(pipeline.retries, 1) if exhausted else chance.randrange(1, pipeline.retries)
    return {"attempt": attempt, "start": start, "stop": stop, "results": {"error": error_text(chance, pipeline, work)}}


_LIVES = {"queued": _queued, "running": _running, "success": _success, "failure": _failure}


def _ran(chance: Random, now: float, pipeline: Pipeline, work: dict[str, Any]) -> tuple[float, float]:
    """Give when it was started and stopped: after its creation, within its timeout, before now."""
    age = now - work["creation"]
    waited = min(chance.expovariate(1 / 600), age * 0.5)
    ran = min(chance.lognormvariate(0, 0.6) * pipeline.minutes * 60, pipeline.timeout * 0.98, (age - waited) * 0.98)
    start = round(work["creation"] + waited, 6)
    return start, round(start + ran, 6)


def _config(chance: Random, pipeline: Pipeline, event: int) -> dict[str, Any]:
    parent = f"{event:08x}{chance.getrandbits(8) % 4:016x}" if chance.random() < pipeline.with_parent else None
    return {"archive": {"results": pipeline.archived}, "parent": parent, "orgs": [pipeline.organisation]}
