"""Realistic works for notebooks, demos and tests, as on one day of the queue; the same ones every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from bucketsnb.schema import with_defaults

__all__ = ["sample_works"]

_HOUR, _DAY = 3_600.0, 86_400.0
Maker = Callable[[Random, int], Any]


@dataclass(frozen=True)
class _Pipeline:
    """One pipeline: how frequent it is, and what its works contain."""

    name: str
    weight: float
    sites: Mapping[str, float]
    users: tuple[str, ...]
    function: str | None = None
    parameters: Maker | None = None
    command: Maker | None = None
    tags: Callable[[Random], list[str] | None] = lambda _chance: None
    results: Callable[[Random], dict[str, Any] | None] = lambda _chance: None
    products: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    about_events: bool = True
    minutes: float = 8.0
    timeout: int = 3_600
    retries: int = 2
    ratios: tuple[float, float, float, float] = (30, 6, 52, 12)
    errors: tuple[str, ...] = ("timeout", "killed")
    with_parent: float = 0.0
    archived: bool = True
    organisation: str = "chimefrb"
    channel: str | None = None


_ERRORS: Mapping[str, str] = {
    "timeout": "TimeoutError: work exceeded its timeout of {timeout} s on {site}-node{node:02d}",
    "killed": "CalledProcessError: Command died with <Signals.SIGKILL: 9> (out of memory: {gigabytes:.1f} GB)",
    "missing": "FileNotFoundError: [Errno 2] No such file or directory: '/data/raw/{event}/baseband_{event}_{node}.h5'",
    "certificate": "HTTP 403 for https://{site}.example/minoc/files/{event}_{node}.h5: certificate has expired",
    "checksum": "ValueError: checksum of astro_{event}_{node}.msgpack is {node:08x}, expected {gigabytes:.4f}",
    "calibration": "RuntimeError: no gain solution within {hours} h of event {event}",
    "fit": "OptimizeWarning: fit did not converge after {node}00 iterations (reduced chi2 = {gigabytes:.3f})",
    "database": "pymongo.errors.ServerSelectionTimeoutError: sps-archiver1:27018: timed out after {hours}0 s",
}
"""Kinds of failures; the numbers and paths in their texts differ from work to work."""


def _error_text(chance: Random, pipeline: _Pipeline, work: Mapping[str, Any]) -> str:
    """Return the error text of a failed work."""
    weights = [2.0**-place for place in range(len(pipeline.errors))]
    family = chance.choices(pipeline.errors, weights)[0]
    return _ERRORS[family].format(
        timeout=pipeline.timeout,
        site=work["site"],
        event=work["event"][0] if work["event"] else chance.randrange(10**8, 10**9),
        node=chance.randrange(100),
        gigabytes=chance.uniform(1, 120),
        hours=chance.randrange(2, 9),
    )


def _event_parameters(chance: Random, event: int) -> dict[str, Any]:
    return {"event_number": event, "beam": chance.randrange(1024), "nstreams": chance.choice((256, 512, 1024))}


def _buffer_parameters(chance: Random, event: int) -> dict[str, Any]:
    return {"event": event, "station": chance.choice(("kko", "gbo", "hco")), "dm": round(chance.uniform(90, 1800), 3)}


def _dataset_parameters(chance: Random, event: int) -> dict[str, Any]:
    scope = chance.choice(("chime.event.baseband.raw", "chime.event.intensity.raw", "kko.event.baseband.raw"))
    return {"scope": scope, "dataset": str(event), "files": chance.randrange(1, 1024)}


def _fit_command(chance: Random, event: int) -> list[str]:
    return ["fitburst", "--event", str(event), "--iterations", str(chance.choice((5, 10, 20)))]


def _pointing_command(chance: Random, _event: int) -> list[str]:
    ra, dec = round(chance.uniform(0, 360), 3), round(chance.uniform(-10, 88), 3)
    return ["run-pipeline", "--date", "20261123", "--ra", str(ra), "--dec", str(dec)]


def _tier(chance: Random) -> list[str]:
    return [chance.choices(("small", "medium", "large", "huge"), (50, 30, 15, 5))[0], f"day-{chance.randrange(20, 24)}"]


def _classes(chance: Random) -> list[str]:
    return [chance.choice(("realtime", "backfill")), *(["golden-sample"] if chance.random() < 0.1 else [])]


def _burst(chance: Random) -> dict[str, Any]:
    return {"snr": round(chance.lognormvariate(2.7, 0.4), 2), "dm": round(chance.uniform(90, 1800), 3), "components": 1}


def _position(chance: Random) -> dict[str, Any]:
    ra, dec = chance.uniform(0, 360), chance.uniform(-10, 88)
    return {"ra": round(ra, 5), "dec": round(dec, 5), "error_arcsec": round(chance.uniform(0.02, 40), 3)}


def _counts(chance: Random) -> dict[str, Any]:
    return {"files": chance.randrange(1, 1024), "bytes": chance.randrange(10**6, 10**11)}


def _candidates(chance: Random) -> dict[str, Any]:
    return {"candidates": chance.randrange(0, 40), "max_sigma": round(chance.uniform(4, 30), 2)}


def _datatrail(name: str, weight: float, site: str, *, minutes: float = 3.0) -> _Pipeline:
    return _Pipeline(
        name,
        weight,
        {site: 1.0},
        ("datatrail",),
        function="datatrail.worker.run",
        parameters=_dataset_parameters,
        results=_counts,
        minutes=minutes,
        errors=("certificate", "timeout", "database"),
        archived=False,
    )


_REALTIME = ("frb-l4", "cmilutinovic", "ssiegel")

_PIPELINES: tuple[_Pipeline, ...] = (
    _Pipeline(
        "baseband-converter",
        16,
        {"chime": 0.8, "canfar": 0.2},
        _REALTIME,
        command=lambda _chance, event: ["baseband-convert", "--event", str(event), "--output", f"/data/{event}"],
        tags=_classes,
        products=("converted.h5",),
        minutes=25,
        timeout=14_400,
        errors=("missing", "killed", "timeout"),
        channel="C02BASEBAND",
        results=_counts,
    ),
    _Pipeline(
        "baseband-localizer-outrigger-buffer",
        8,
        {"chime": 0.4, "kko": 0.2, "gbo": 0.2, "hco": 0.2},
        _REALTIME,
        function="outriggers.buffer.localize",
        parameters=_buffer_parameters,
        results=_position,
        plots=("localization.png",),
        minutes=40,
        timeout=10_800,
        retries=3,
        errors=("calibration", "missing", "killed"),
        with_parent=0.7,
    ),
    _Pipeline(
        "baseband-converter-copy-to-canfar",
        5,
        {"chime": 0.7, "canfar": 0.3},
        ("frb-l4",),
        command=lambda _chance, event: ["vcp", f"/data/{event}/converted.h5", f"arc:projects/chime_frb/{event}"],
        results=_counts,
        errors=("certificate", "missing"),
        with_parent=0.9,
    ),
    _datatrail("datatrail-replicator-kko-minoc", 7, "kko"),
    _datatrail("datatrail-replicator-gbo-minoc", 6, "gbo"),
    _datatrail("datatrail-replicator-hco-minoc", 5, "hco"),
    _datatrail("datatrail-deleter-chime", 4, "chime", minutes=0.5),
    _datatrail("datatrail-registration", 6, "chime", minutes=0.2),
    _datatrail("datatrail-state-updater", 3, "chime", minutes=0.2),
    _Pipeline(
        "intensity-ml",
        12,
        {"chime": 1.0},
        ("frb-l4", "l4-databases"),
        function="intensity_ml.classify",
        parameters=_event_parameters,
        tags=_classes,
        results=lambda chance: {"probability": round(chance.random(), 4), "model": "v7"},
        minutes=1.5,
        timeout=900,
        errors=("checksum", "missing"),
    ),
    _Pipeline(
        "fitburst",
        7,
        {"chime": 0.5, "cedar": 0.3, "calcul-quebec": 0.2},
        ("efonseca", "zpleunis", "frb-l4"),
        command=_fit_command,
        results=_burst,
        plots=("fit.png",),
        minutes=12,
        timeout=7_200,
        errors=("fit", "killed", "timeout"),
        with_parent=0.3,
    ),
    _Pipeline(
        "header-localization",
        8,
        {"chime": 1.0},
        ("frb-l4",),
        function="header_localization.run",
        parameters=_event_parameters,
        results=_position,
        minutes=4,
        errors=("fit", "checksum"),
        with_parent=0.4,
    ),
    _Pipeline(
        "champss-processing",
        14,
        {"chime": 1.0},
        ("champss",),
        command=_pointing_command,
        tags=_tier,
        results=_candidates,
        about_events=False,
        minutes=35,
        timeout=43_200,
        retries=1,
        ratios=(48, 8, 36, 8),
        errors=("killed", "database", "timeout"),
        organisation="chime-sps",
    ),
    _Pipeline(
        "champss-stack-search",
        6,
        {"chime": 1.0},
        ("champss", "wfarah"),
        command=_pointing_command,
        tags=_tier,
        results=_candidates,
        about_events=False,
        minutes=90,
        timeout=86_400,
        retries=1,
        ratios=(55, 6, 32, 7),
        errors=("killed", "database"),
        organisation="chime-sps",
    ),
    _Pipeline(
        "notify",
        3,
        {"chime": 1.0},
        ("frb-l4",),
        function="notify.slack",
        parameters=lambda _chance, event: {"text": f"event {event} is ready"},
        minutes=0.1,
        timeout=60,
        errors=("timeout",),
        channel="C02EVENTS",
    ),
)
"""Pipelines of CHIME/FRB and CHAMPSS that public code names, with invented users and errors."""


def sample_works(n: int, *, seed: int = 2026, now: float | None = None) -> list[dict[str, Any]]:
    """Return n works of every kind: queued, running, overdue, successful, failed, exhausted, and weeks old.

    Another seed gives other works. Ages are counted from `now` in epoch seconds, by default the present. Each work has
    all 22 fields, and an id of its own.

    Examples
    --------
    >>> works = sample_works(100, now=1_795_000_000.0)
    >>> works == sample_works(100, now=1_795_000_000.0), len({work["id"] for work in works})
    (True, 100)
    """
    chance = Random(seed)  # noqa: S311 - nothing secret is made here
    moment = time.time() if now is None else now
    weights = [pipeline.weight for pipeline in _PIPELINES]
    events = [chance.randrange(300_000_000, 460_000_000) for _ in range(max(5, n // 25))]
    return [_work(chance, moment, number, chance.choices(_PIPELINES, weights)[0], events) for number in range(n)]


def _work(chance: Random, now: float, number: int, pipeline: _Pipeline, events: list[int]) -> dict[str, Any]:
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
    """Return seconds since creation: mostly hours, sometimes minutes, and rarely weeks."""
    if status == "running":
        return 60.0 + chance.expovariate(1 / (2 * _HOUR))
    tail = 0.06 if status == "queued" else 0.02
    if chance.random() < tail:
        return chance.uniform(7.5, 40) * _DAY
    return 2.0 + min(chance.expovariate(1 / (9 * _HOUR)), 6.5 * _DAY)


def _queued(chance: Random, _now: float, pipeline: _Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    if pipeline.retries < 2 or chance.random() > 0.12:
        return {}
    start = work["creation"] + chance.uniform(0.1, 1.0)  # tried before, and queued again
    attempt = chance.randrange(1, pipeline.retries)
    results = {"error": _error_text(chance, pipeline, work)}
    return {"attempt": attempt, "start": start, "stop": start + 0.5, "results": results}


def _running(chance: Random, now: float, pipeline: _Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    age = now - work["creation"]
    ran = min(age * chance.random(), pipeline.timeout * 0.95)
    overdue = chance.random() < 0.12
    if overdue:  # its worker died unnoticed
        ran = pipeline.timeout * chance.uniform(1.05, 4)
        work["creation"] = round(now - ran - chance.uniform(5, _HOUR), 6)
    return {"attempt": chance.randrange(1, max(pipeline.retries, 1) + 1), "start": now - ran}


def _success(chance: Random, now: float, pipeline: _Pipeline, work: dict[str, Any]) -> dict[str, Any]:
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


def _failure(chance: Random, now: float, pipeline: _Pipeline, work: dict[str, Any]) -> dict[str, Any]:
    start, stop = _ran(chance, now, pipeline, work)
    exhausted = chance.random() < 0.65 or pipeline.retries < 2
    attempt = max(pipeline.retries, 1) if exhausted else chance.randrange(1, pipeline.retries)
    return {"attempt": attempt, "start": start, "stop": stop, "results": {"error": _error_text(chance, pipeline, work)}}


_LIVES = {"queued": _queued, "running": _running, "success": _success, "failure": _failure}


def _ran(chance: Random, now: float, pipeline: _Pipeline, work: dict[str, Any]) -> tuple[float, float]:
    """Return the start and the stop of an attempt: after the creation, within the timeout, before now."""
    age = now - work["creation"]
    waited = min(chance.expovariate(1 / 600), age * 0.5)
    ran = min(chance.lognormvariate(0, 0.6) * pipeline.minutes * 60, pipeline.timeout * 0.98, (age - waited) * 0.98)
    start = round(work["creation"] + waited, 6)
    return start, round(start + ran, 6)


def _config(chance: Random, pipeline: _Pipeline, event: int) -> dict[str, Any]:
    parent = f"{event:08x}{chance.getrandbits(8) % 4:016x}" if chance.random() < pipeline.with_parent else None
    return {"archive": {"results": pipeline.archived}, "parent": parent, "orgs": [pipeline.organisation]}
