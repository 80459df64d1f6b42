"""No column of a frame of ours hides behind what every DataFrame has, so that ``frame.name`` is the column."""

import pandas as pd
import pytest

from tests.factory import make_work

FRAMES = {
    "view": lambda buckets: buckets.view(),
    "status": lambda buckets: buckets.status(),
    "failures": lambda buckets: buckets.failures(),
    "journal": lambda buckets: buckets.journal(),
    "group_count": lambda buckets: buckets.group_count(),
    "events": lambda buckets: buckets.events([7]),
    "explain": lambda buckets: buckets.explain({"site": "nowhere"}),
    "plan": lambda buckets: buckets.plan_delete(pipeline="baseband-converter").frame,
    "receipt": lambda buckets: buckets.plan_delete(pipeline="baseband-converter").apply().frame,
    "stale": lambda buckets: buckets.stale(),
}
OF_OLDER_PANDAS = {"first", "last", "append", "iteritems", "lookup", "mad", "swapaxes", "applymap", "pad", "backfill"}


@pytest.mark.parametrize("read", FRAMES.values(), ids=FRAMES)
def test_every_column_is_had_by_its_name(backend, buckets, read):
    backend.store.load([make_work(status="failure", event=[7], results={"error": "boom"}), make_work(status="queued")])
    frame = read(buckets)
    plain = pd.DataFrame(index=[0])
    assert [name for name in frame if hasattr(plain, str(name)) or name in OF_OLDER_PANDAS or name == "works"] == []
    assert all(getattr(frame, str(name)).name == name for name in frame)
