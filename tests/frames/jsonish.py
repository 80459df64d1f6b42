"""Works of any shape that a service may hold: regular ones, old payloads, and whatever JSON can say."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from bucketsnb.schema import FIELD_NAMES, FIELDS, STATUSES, Kind
from tests.factory import make_work

text = st.text(max_size=8)
numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1795467403, 1795467403.02, 0.1 + 0.2, -0.0, 1e300, 2**63, 2.0]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, text)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=6,
)

_REGULAR = {
    Kind.TEXT: st.one_of(st.none(), text),
    Kind.STATUS: st.sampled_from(STATUSES),
    Kind.INTEGER: st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    Kind.TIME: st.one_of(st.none(), st.floats(1.0e9, 2.0e9)),
}

regular_works = st.fixed_dictionaries({name: _REGULAR.get(field.kind, values) for name, field in FIELDS.items()})
"""Works with the 22 fields, each of its kind."""

odd_works = st.builds(
    lambda work, changes, gone: {key: value for key, value in {**work, **changes}.items() if key not in gone},
    regular_works,
    st.dictionaries(st.one_of(st.sampled_from(FIELD_NAMES), text), values, max_size=4),
    st.sets(st.sampled_from(FIELD_NAMES), max_size=4),
)
"""Works with unknown fields, missing fields, and values of any other kind."""

works = st.one_of(regular_works, odd_works, st.dictionaries(text, values, max_size=4))

OLD_SHAPES: dict[str, dict[str, Any]] = {
    "flat": {
        "pipeline": "Some_Pipeline v1",
        "path": ".",
        "group": None,
        "archive": True,
        "config": "a: 1",
        "precursors": [{"a": "b"}],
        "creation": 1650000000,
        "attempt": 1,
        "id": None,
        "status": "queued",
    },
    "without notify": {key: value for key, value in make_work().items() if key != "notify"},
    "numbers as text": make_work(priority="high", creation="2022-01-01T00:00:00", timeout="3600", event="123"),
    "times as whole numbers": make_work(creation=1795467403, start=1795467404, stop=1795467405),
    "unknown status": make_work(status="paused"),
    "far away": make_work(creation=1e18, start=-1e18, stop=253402300800.5),
    "nan and surrogates": make_work(results={"snr": math.nan, "far": -math.inf, "text": "\ud800"}, user="\udfff"),
    "surrogates for numbers": make_work(status="\ud800", creation="\ud800", attempt="\udfff", timeout="a\udc00"),
    "big numbers": make_work(attempt=2**80, results={"big": 2**80}, creation=10**400),
    "nothing": {},
}
