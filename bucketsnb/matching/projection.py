"""Which fields of a work an answer carries, by the rules of MongoDB's ``find``; ``_id`` never leaves the backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .limits import QueryNotUnderstood, name_of_type, plain
from .values import PATH_PARTS_MAX

__all__ = ["compile_projection"]

_Tree = dict[str, Any]  # name -> None at the end of a path, or the tree of what is below


def compile_projection(projection: Mapping[str, Any] | None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Compile a projection, once, for many works.

    Parameters
    ----------
    projection
        Paths to true or 1 (only these), or to false or 0 (all but these). Empty, None, or only ``_id`` to false: the
        whole work. A path leads through lists, into each of their objects. Fields keep the order they have in the work.

    Returns
    -------
    Callable
        Takes a work and gives the part of it that is asked for, as a new dict that shares its values.

    Raises
    ------
    QueryNotUnderstood
        Inclusion and exclusion are mixed, a value is neither true nor false, or paths are malformed or overlap.

    Examples
    --------
    >>> part = compile_projection({"id": 1, "results.snr": True})
    >>> part({"id": "a", "status": "queued", "results": {"snr": 9, "dm": 300}})
    {'id': 'a', 'results': {'snr': 9}}
    """
    if projection is not None and not isinstance(projection, Mapping):
        raise QueryNotUnderstood(f"a projection is an object, not {name_of_type(projection)}")
    paths = {path: _switch(path, value) for path, value in plain(projection or {}).items()}
    identity = paths.pop("_id", False)
    including = next(iter(paths.values()), identity)
    wrong = next((path for path, on in paths.items() if on is not including), None)
    if identity and not including:
        wrong = "_id"
    if wrong is not None:
        raise QueryNotUnderstood(f"a projection either includes or excludes fields; {wrong!r} mixes the two")
    tree = _tree(paths)
    return lambda record: _part({name: record[name] for name in record if name != "_id"}, tree, including=including)


def _switch(path: str, value: Any) -> bool:
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise QueryNotUnderstood(f"the projection of {path!r} is true, false, 1 or 0, not {str(value)[:40]!r}")


def _tree(paths: Mapping[str, bool]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        parts = path.split(".")
        if not all(parts) or any(part.startswith("$") for part in parts) or len(parts) > PATH_PARTS_MAX:
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


def _part(value: Any, tree: _Tree, *, including: bool) -> Any:
    """Return the fields in the tree, or all others; for a list, those of each object in it."""
    if isinstance(value, list):
        inner = [element for element in value if not including or isinstance(element, (dict, list))]
        return [_part(element, tree, including=including) for element in inner]
    if not isinstance(value, dict):
        return value
    part = {}
    for name, inner in value.items():
        below = tree.get(name)
        if below is None:
            if (name in tree) is including:
                part[name] = inner
        elif not including or isinstance(inner, (dict, list)):
            part[name] = _part(inner, below, including=including)
    return part
