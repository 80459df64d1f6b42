"""The pipelines of the sample works: who runs them where, what they ask for, what they find, how they fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["PIPELINES", "Pipeline", "error_text"]

Maker = Callable[[Random, int], Any]


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: how often it is seen, and what its works hold."""

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


ERRORS: Mapping[str, str] = {
    "timeout": "TimeoutError: work exceeded its timeout of {timeout} s on {site}-node{node:02d}",
    "killed": "CalledProcessError: Command died with <Signals.SIGKILL: 9> (out of memory: {gigabytes:.1f} GB)",
    "missing": "FileNotFoundError: [Errno 2] No such file or directory: '/data/raw/{event}/baseband_{event}_{node}.h5'",
    "certificate": "HTTP 403 for https://{site}.example/minoc/files/{event}_{node}.h5: certificate has expired",
    "checksum": "ValueError: checksum of astro_{event}_{node}.msgpack is {node:08x}, expected {gigabytes:.4f}",
    "calibration": "RuntimeError: no gain solution within {hours} h of event {event}",
    "fit": "OptimizeWarning: fit did not converge after {node}00 iterations (reduced chi2 = {gigabytes:.3f})",
    "database": "pymongo.errors.ServerSelectionTimeoutError: sps-archiver1:27018: timed out after {hours}0 s",
}
"""Families of failures; the numbers and paths in them differ from work to work."""


def error_text(chance: Random, pipeline: Pipeline, work: Mapping[str, Any]) -> str:
    """Write the message a failed work leaves behind."""
    weights = [2.0**-place for place in range(len(pipeline.errors))]
    family = chance.choices(pipeline.errors, weights)[0]
    return ERRORS[family].format(
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


def _datatrail(name: str, weight: float, site: str, *, minutes: float = 3.0) -> Pipeline:
    return Pipeline(
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

PIPELINES: tuple[Pipeline, ...] = (
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
    Pipeline(
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
"""The pipelines of CHIME/FRB and CHAMPSS that public code names, with made-up users and made-up errors."""
