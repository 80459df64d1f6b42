"""Which fields of a work an answer carries, by the rules of MongoDB's ``find``; ``_id`` never leaves the backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .limits import DEFAULT_LIMITS, QueryNotUnderstood, name_of_type, plain

__all__ = ["Projector", "compile_projection", "project"]

Projector = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes a work and returns the part of it that is asked for, as a new dict that shares its values."""

_Tree = dict[str, Any]  # name -> None at the end of a path, or the tree of what is below


def project(record: Mapping[str, Any], projection: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the part of `record` that `projection` asks for; see `compile_projection`.

    Examples
    --------
    >>> project({"id": "a", "status": "queued", "results": {"snr": 9, "dm": 300}}, {"id": 1, "results.snr": True})
    {'id': 'a', 'results': {'snr': 9}}
    """
    return compile_projection(projection)(record)


def compile_projection(projection: Mapping[str, Any] | None) -> Projector:
    """Compile a projection, once, for many works.

    Parameters
    ----------
    projection
        Paths to true or 1 (only these), or to false or 0 (all but these). Empty, None, or only ``_id`` to false: the
        whole work. A path leads through lists, into each of their objects. Fields keep the order they have in the work.

    Raises
    ------
    QueryNotUnderstood
        Inclusion and exclusion are mixed, a value is neither true nor false, or paths are malformed or overlap.
    """
    if projection is not None and not isinstance(projection, Mapping):
        raise QueryNotUnderstood(f"a projection is an object, not {name_of_type(projection)}")
    paths = {path: _switch(path, value) for path, value in plain(projection or {}).items()}
    identity = paths.pop("_id", None)
    if not paths:
        return (lambda _: {}) if identity else _whole
    if len(set(paths.values())) > 1:
        wrong = next(path for path, on in paths.items() if on is not next(iter(paths.values())))
        raise QueryNotUnderstood(f"a projection either includes or excludes fields; {wrong!r} mixes the two")
    including = next(iter(paths.values()))
    if identity and not including:
        raise QueryNotUnderstood("a projection either includes or excludes fields; '_id' mixes the two")
    if including:
        wanted = _tree(paths)
        return lambda record: _include(record, wanted)
    unwanted = _tree({**paths, "_id": False})
    return lambda record: _exclude(record, unwanted)


def _switch(path: str, value: Any) -> bool:
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise QueryNotUnderstood(f"the projection of {path!r} is true, false, 1 or 0, not {str(value)[:40]!r}")


def _tree(paths: Mapping[str, bool]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        parts = path.split(".")
        if not all(parts) or any(part.startswith("$") for part in parts) or len(parts) > DEFAULT_LIMITS.path_parts:
            raise QueryNotUnderstood(f"the projection's path {path[:60]!r} is malformed")
        _plant(tree, parts, path)
    return tree


def _plant(tree: _Tree, parts: list[str], path: str) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
        if tree is None:
            raise QueryNotUnderstood(f"the projection names {path!r} and also what it is part of; leave out one")
    if parts[-1] in tree:
        raise QueryNotUnderstood(f"the projection names {path!r} and also a part of it; leave out one")
    tree[parts[-1]] = None


def _whole(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "_id"}


def _include(record: Mapping[str, Any], tree: _Tree) -> dict[str, Any]:
    kept = {}
    for name, value in record.items():
        if name in tree:
            below = tree[name]
            if below is None:
                kept[name] = value
            elif isinstance(value, dict):
                kept[name] = _include(value, below)
            elif isinstance(value, list):
                kept[name] = _include_list(value, below)
    return kept


def _include_list(values: list[Any], tree: _Tree) -> list[Any]:
    return [
        _include(value, tree) if isinstance(value, dict) else _include_list(value, tree)
        for value in values
        if isinstance(value, (dict, list))
    ]


def _exclude(record: Mapping[str, Any], tree: _Tree) -> dict[str, Any]:
    return {
        name: value if name not in tree else _without(value, tree[name])
        for name, value in record.items()
        if name not in tree or tree[name] is not None
    }


def _without(value: Any, tree: _Tree) -> Any:
    if isinstance(value, dict):
        return _exclude(value, tree)
    return [_without(element, tree) for element in value] if isinstance(value, list) else value
