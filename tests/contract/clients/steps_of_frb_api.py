"""Steps that `chime-frb-api` takes, run by its own Python; each prints its outcome as JSON on the last line."""

import json
import sys


def contexts(url):
    from chime_frb_api.modules.buckets import Buckets

    return Buckets(base_url=url)


def work(**fields):
    from chime_frb_api.workflow import Work

    return Work(**{"pipeline": "sample", "site": "local", "user": "tester", **fields})


def deposit(url):
    payloads = [work(priority=priority, tags=["t"], event=[priority]).payload for priority in (1, 5, 3)]
    return {"payloads": payloads, "ids": contexts(url).deposit(payloads, return_ids=True)}


def round_trip(url):
    """Deposit, withdraw, update and read back by the methods of Work, as a runner does."""
    from chime_frb_api.workflow import Work

    made = work(event=[12345], tags=["a", "b"], config={"archive": {"results": True}, "parent": "f" * 24})
    deposited = made.deposit(return_ids=True, base_url=url)
    nothing = [Work.withdraw("other", base_url=url), Work.withdraw("sample", tags=["c"], base_url=url)]
    claimed = Work.withdraw("sample", event=[12345], tags=["b"], parent="f" * 24, site="local", base_url=url)
    claimed.status, claimed.results, claimed.stop = "success", {"snr": 9.5}, claimed.start + 1
    updated = claimed.update(base_url=url)
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
        "version": buckets.version()["version"],
    }


def remove(url, ids):
    buckets = contexts(url)
    return [buckets.delete_ids(ids[:1]), buckets.delete_many("sample", status="queued", force=True)]


def audit(url):
    from chime_frb_api.workflow.daemons import audit

    return audit.workflow.main(["--base-url", url, "--test-mode", "True"], standalone_mode=False)


def transfer(url, results):
    from chime_frb_api.workflow.daemons import transfer

    arguments = ["--buckets-base-url", url, "--results-base-url", results, "--test-mode", "True"]
    return transfer.transfer_work.main(arguments, standalone_mode=False)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))) + "\n")
