"""Find out whether an entry of the journal is of this service: by its address and, if that is not enough, its works."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bucketsnb.addresses import leads_to_this_machine, without_login
from bucketsnb.api import chunks
from bucketsnb.changes.journal import Entry
from bucketsnb.changes.targets import READ_CHUNK
from bucketsnb.display.texts import count_of, host_of, place_of
from bucketsnb.errors import BadAnswer, Cure, PlanError, Refused

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["evidence", "refuse_other_service", "same_service"]

_PORTS = {"http": 80, "https": 443}
_LOOKED_AT = 100


def same_service(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host, port and path, in whatever form they are written.

    Examples
    --------
    >>> same_service("http://GW:80/prod/", "http://gw/prod"), same_service("http://gw/prod", "http://gw/staging")
    (True, False)
    """
    return _parts(one) == _parts(other)


def _parts(url: str) -> tuple[object, ...]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # from a damaged line of the journal: equal to no other address
        return (url,)
    path = posixpath.normpath("/" + parts.path.strip("/"))  # "/a/../b" is sent as "/b"
    return parts.scheme, (parts.hostname or "").rstrip("."), port, path


def refuse_other_service(api: Api, entry: Entry, ids: Iterable[str]) -> None:
    """Raise PlanError if an entry was made with another address, or if the service has none of the works `ids`.

    The works are looked for only if the address is of this machine, and not if the service says that it is the same
    instance: a tunnel or a practice queue at such an address may be another one tomorrow.
    """
    there, host = str(entry.head.get("url") or ""), str(entry.head.get("host") or "")
    if not (same_service(there, api.url) if there else host == host_of(api.url)):
        raise PlanError(
            f"{entry.id} changed works on {without_login(there) or host}, and this client speaks to "
            f"{without_login(api.url)}. Undo it with a client of the same service.",
            cure=Cure.ALLOW_OTHER_HOST,
        )
    known = list(dict.fromkeys(ids))
    instance = entry.head.get("instance")
    if not known or not _may_be_another(api.url) or (instance is not None and instance == _instance(api)):
        return
    if not any(api.view({"id": {"$in": chunk}}, {"id": True}, limit=1) for chunk in chunks(known, READ_CHUNK)):
        raise PlanError(
            f"{entry.id} cannot be undone here: of {count_of(len(known), 'work')} that should be on "
            f"{place_of(api.url)} none is. Another service may answer at this address by now (another tunnel, another "
            "practice queue): connect to the one that was changed.",
            cure=Cure.ALLOW_OTHER_HOST,
        )


def evidence(api: Api, deleted: Iterable[str]) -> dict[str, Any]:
    """Return what an undo can recognise the service by after these works are deleted; empty if its address is enough.

    ``instance`` is the id of the running service if it tells one (our own backend does), and ``witnesses`` are ids of
    some works that are not deleted.
    """
    if not _may_be_another(api.url):
        return {}
    going = set(deleted)
    ids = (record.get("id") for record in api.view({}, {"id": True}, limit=_LOOKED_AT))
    stay = [work_id for work_id in ids if isinstance(work_id, str) and work_id not in going]
    return {"instance": _instance(api), "witnesses": stay}


def _instance(api: Api) -> Any:
    try:
        return api.version().get("instance")
    except (BadAnswer, Refused):  # a service need not tell its version; then only its works are looked for
        return None


def _may_be_another(url: str) -> bool:
    """Return whether an address is of this machine, where another service may answer at another time."""
    return leads_to_this_machine(urlsplit(url).hostname or "")
