"""What every part of the client stands on: the endpoints and the settings, and nothing else."""

from __future__ import annotations

from bucketsnb.api import Api
from bucketsnb.settings import Settings

__all__ = ["ClientBase"]


class ClientBase:
    """The attributes that the parts of :class:`~bucketsnb.client.Buckets` share.

    Attributes
    ----------
    api
        The service's endpoints as plain JSON.
    settings
        Addresses, timeout, and where the token came from.
    """

    api: Api
    settings: Settings
