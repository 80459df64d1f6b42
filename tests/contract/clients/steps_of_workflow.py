"""Steps that `workflow.core` takes, run by its own Python; each prints its outcome as JSON on the last line."""

import json
import sys


def contexts(url):
    from workflow.http.buckets import Buckets

    return Buckets(baseurl=url)


def work(**fields):
    from workflow.definitions.work import Work

    return Work(**{"pipeline": "sample", "site": "local", "user": "tester", **fields})


def deposit(url):
    payloads = [work(priority=priority, tags=["t"], event=[priority]).payload for priority in (1, 5, 3)]
    return {"payloads": payloads, "ids": contexts(url).deposit(payloads, return_ids=True)}


def round_trip(url):
    """Deposit, withdraw, update and read back by the methods of Work, as a runner does."""
    from workflow.definitions.work import Work

    made = work(event=[12345], tags=["a", "b"], config={"archive": {"results": True}, "parent": "f" * 24})
    deposited = made.deposit(return_ids=True)
    nothing = [Work.withdraw("other"), Work.withdraw("sample", tags=["c"]), Work.withdraw("sample", event=[1])]
    claimed = Work.withdraw(["sample", "other"], event=[12345], tags=["b"], parent=["f" * 24], site="local")
    claimed.status, claimed.results, claimed.stop = "success", {"snr": 9.5}, claimed.start + 1
    updated = claimed.update()
    return {"deposited": deposited, "nothing": nothing, "claimed": claimed.payload, "updated": updated}


def look(url):
    """Every reading method."""
    buckets = contexts(url)
    return {
        "status": buckets.status(),
        "details": buckets.status("sample"),
        "unknown": buckets.status("unknown"),
        "pipelines": buckets.pipelines(),
        "newest": buckets.view({"pipeline": "sample"}, {"priority": True}, skip=1, limit=1),
        "version": buckets.info()["server"]["version"],
    }


def remove(url, ids):
    buckets = contexts(url)
    return [buckets.delete_ids(ids[:1]), buckets.delete_many("sample", status="queued", force=True)]


def audit(url):
    from workflow.daemons import audit

    return audit.audit.main(["--test-mode"], standalone_mode=False)


def transfer(url, results):
    """Run one pass of the daemon; it finds both services in the workspace file."""
    from workflow.daemons import transfer

    return transfer.transfer.main(["--test-mode"], standalone_mode=False)


def perform(url, results, passes=1):
    """Run passes of the daemon as it does itself: an error ends the pass, and is logged."""
    from workflow.daemons import transfer
    from workflow.http.context import HTTPContext

    outcomes = []
    for _ in range(passes):
        try:
            outcomes.append(transfer.perform(True, 50, 604_800, HTTPContext(backends=["buckets", "results"])))
        except Exception as error:  # noqa: PERF203 - the pass after it is of interest too
            outcomes.append({"error": repr(error)})
    return outcomes


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))) + "\n")
