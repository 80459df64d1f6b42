"""The modules of the package, for what holds of every one of them."""

from __future__ import annotations

import pkgutil

import bucketsnb

MODULES = [
    module.name
    for module in pkgutil.walk_packages(bucketsnb.__path__, "bucketsnb.")
    if not module.name.endswith("__main__")
]
"""All but those that run as programs."""
