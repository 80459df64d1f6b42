"""What the README shows runs, in its order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bucketsnb.backend.samples import sample_works

README = Path(__file__).parents[1] / "README.md"


def test_the_code_of_the_readme_runs_from_top_to_bottom(backend, monkeypatch):
    backend.store.load(sample_works(500))
    monkeypatch.setenv("BUCKETSNB_URL", backend.url)
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), flags=re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["receipt"].ok
    assert names["buckets"].count({}) == 500, "what was deleted came back"
    names["buckets"].close()
