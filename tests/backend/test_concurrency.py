"""One queue and many who claim from it: threads, processes, servers. Every work is claimed once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from bucketsnb.backend.stores.base import Store
from bucketsnb.backend.stores.open import open_store
from tests.backend.serving import HERE, served_often
from tests.factory import make_work, make_works

pytestmark = pytest.mark.slow

THREADS, PROCESSES = 8, 4
QUERIES = [{"pipeline": "baseband-converter"}, {"pipeline": "baseband-converter", "parameters.snr": {"$gt": 8}}]
"""One that SQL decides by itself, and one that takes a search."""


@pytest.fixture(params=["sqlite", "mongodb"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/works.db"
    found: str = request.getfixturevalue("mongodb_store")
    store = open_store(found)
    store.clear()
    store.close()
    return found


@pytest.mark.parametrize(("query", "works"), list(zip(QUERIES, (240, 90), strict=True)), ids=["plain", "searched"])
def test_eight_threads_and_four_processes_claim_every_work_once(
    address: str, query: dict[str, Any], works: int
) -> None:
    store = open_store(address)
    ids = store.deposit(make_works(works, parameters={"snr": 9}))
    script = (
        "import json, sys; from bucketsnb.backend.stores.open import open_store; store = open_store(sys.argv[1]);"
        "query = json.loads(sys.argv[2]); sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline();"
        "print(json.dumps([json.loads(work)['id'] for work in iter(lambda: store.withdraw(query), None)]));"
    )
    command = [sys.executable, "-c", script, address, json.dumps(query)]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": HERE}
    processes = [subprocess.Popen(command, **options) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(THREADS + PROCESSES) as pool:
        others = [pool.submit(process.communicate, "go\n") for process in processes]
        mine = [pool.submit(claims, store, query) for _ in range(THREADS)]
    claimed = [one for answer in mine for one in answer.result()]
    claimed += [one for answer in others for one in json.loads(answer.result()[0])]
    assert sorted(ids) == sorted(claimed)
    assert store.status()["running"] == works
    store.close()


def claims(store: Store, query: dict[str, Any]) -> list[str]:
    return [json.loads(work)["id"] for work in iter(lambda: store.withdraw(query), None)]


def test_several_servers_on_one_store_are_one_queue(address: str) -> None:
    with served_often(address, 3) as urls:
        works = [make_work(user=str(number)) for number in range(60)]
        ids = [
            one
            for place, url in enumerate(urls)
            for one in asked("POST", f"{url}/work?return_ids=True", works[place::3])
        ]
        with ThreadPoolExecutor(9) as pool:
            found = list(pool.map(all_claims, urls * 3))
        assert sorted(ids) == sorted(one for claimed in found for one in claimed)
        for url in urls:
            assert asked("GET", f"{url}/status")["running"] == 60
        assert asked("DELETE", f"{urls[0]}/work", {"ids": ids}) is True
        assert asked("POST", f"{urls[1]}/view", {"query": {}}) == []


def all_claims(url: str) -> list[str]:
    claimed = []
    while (work := asked("POST", f"{url}/work/withdraw", {"pipeline": "baseband-converter"})) is not None:
        claimed.append(work["id"])
    return claimed


def asked(method: str, url: str, body: Any = None) -> Any:
    answer = requests.request(method, url, json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_claims_and_updates_of_one_work_do_not_undo_each_other(address: str) -> None:
    store = open_store(address)
    ids = store.deposit(make_works(30))
    with ThreadPoolExecutor(4) as pool:
        noting = [pool.submit(store.update, [{"id": one, "user": "noted"}]) for one in ids]
        claimed = [pool.submit(claims, store, QUERIES[0]) for _ in range(2)]
    for note in noting:
        note.result()
    works = json.loads(b"".join(store.view({})))
    assert sorted(ids) == sorted(one for answer in claimed for one in answer.result())
    assert {("noted", "running", 1)} == {(work["user"], work["status"], work["attempt"]) for work in works}
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_ids_of_its_own() -> None:
    script = """if True:
        import os
        from bucketsnb.backend.works import new_id
        new_id()
        reading, writing = os.pipe()
        child = os.fork()
        ids = [new_id() for _ in range(100)]
        if not child:
            os.write(writing, " ".join(ids).encode())
            os._exit(0)
        os.waitpid(child, 0)
        print(len({*ids, *os.read(reading, 65536).decode().split()}))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=HERE, check=True)
    assert done.stdout.split() == ["200"], done.stderr
