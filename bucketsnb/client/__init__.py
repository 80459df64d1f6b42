"""The client: the ten methods of the service's own client, and what notebooks need beside them."""

from __future__ import annotations

from bucketsnb.client.changing import Changing
from bucketsnb.client.core import Core
from bucketsnb.client.reporting import Reporting

__all__ = ["Buckets"]


class Buckets(Core, Changing, Reporting):
    """A client of one Buckets service: DataFrames out, guarded changes in.

    Parameters
    ----------
    baseurl
        Address of the service, or several to try in order. Else ``BUCKETSNB_URL`` (several with commas between), else
        ``http.baseurls.buckets`` of the active workspace file. A path prefix and a slash at the end are fine.
    token
        Else ``WORKFLOW_HTTP_TOKEN``, ``WORKFLOW_TOKEN``, or the files of these names in ``/run/secrets``.
    timeout
        Seconds of silence after which a request is given up; else ``WORKFLOW_HTTP_TIMEOUT``, else 15.
    read_only
        Refuse every change; ``BUCKETSNB_READ_ONLY=1`` does so whatever this says.
    github_token
        Whether ``GITHUB_TOKEN`` and ``GITHUB_PAT`` may serve as tokens.
    proxies
        As in requests, ``{"http": "http://proxy.example:3128"}``; ``{}`` uses none. Else ``BUCKETSNB_PROXY``, an
        address or ``off``, else ``http_proxy`` and its kind, which are never used for a service on this machine.
    clock
        What ages are counted by: ``"service"`` or ``"local"``, the clock of this machine. Not given: the service's,
        but no plan goes by ages if the two differ by more than a day.

    Raises
    ------
    ConfigurationError
        No address, or a setting that cannot be what it should be.

    Notes
    -----
    Building a client sends nothing. One client serves any number of threads over connections that are kept alive; it
    shares neither connections nor token with another one.

    Examples
    --------
    >>> Buckets("http://localhost:8004/", token="not shown", read_only=True)
    Buckets('http://localhost:8004', token from token=, read only)
    """
