"""The pandas dtype ``"json"``: a column of JSON values that are decoded one by one, when someone looks.

Most nested cells of most works are never looked at, so reading a large answer costs no more than finding where they
start and end: a cell is the JSON text as it came, in whatever form a service may have let in. A missing cell is JSON's
``null``.
"""

from __future__ import annotations

import builtins
import importlib
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import eq
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype
from pandas.api.indexers import check_array_indexer

from bucketsnb.display.texts import truncate
from bucketsnb.encoding import DEEPEST, decode
from bucketsnb.encoding.values import UnfitError, plain
from bucketsnb.errors import BucketsError
from bucketsnb.matching import order_key

__all__ = ["Edited", "JSONArray", "JSONDtype", "Text", "encode_json", "objects", "on_one_line"]

Text: TypeAlias = "bytes | msgspec.Raw"
"""One JSON value as it was written. A ``Raw`` is a window into the answer it came in, and keeps all of that alive."""

Objects: TypeAlias = npt.NDArray[np.object_]

_NULL = msgspec.Raw(b"null")
_AT_ONCE = 1000
_KEPT_SHARE = 4  # a selection of less than one in four stops keeping the whole answer alive
_SHOWN = 80


class Edited(bytes):
    """A JSON value that was set in a cell, rather than read from the service."""

    __slots__ = ()


@register_extension_dtype
class JSONDtype(ExtensionDtype):
    """The dtype of :class:`JSONArray`.

    Examples
    --------
    >>> pd.Series([[1, 2], {"a": None}, None], dtype="json").isna().tolist()
    [False, False, True]
    """

    name = "json"
    type = object
    na_value = None
    base = "string"  # used by pandas' infer_dtype; series.str is refused for columns of an unknown kind

    @classmethod
    def construct_array_type(cls) -> builtins.type[JSONArray]:
        """Return the array type of this dtype."""
        return JSONArray


class JSONArray(ExtensionArray):
    """JSON values held as bytes.

    A value that is taken out is a fresh list or mapping: changing it changes nothing here. Put it back with
    ``series.at[label] = value``.

    Parameters
    ----------
    texts
        One-dimensional array of JSON texts, with ``None`` or a window on ``null`` for null; not copied.
    """

    def __init__(self, texts: Objects) -> None:
        self._texts = texts
        self._normalized = False  # whether each null is None: a window on the text ``null`` keeps an answer alive
        self._readonly = False  # pandas 3 sets it on what must not be changed

    @classmethod
    def nulls(cls, count: int) -> JSONArray:
        """Return an array of so many nulls, which takes no memory until a cell is set."""
        made = cls(np.broadcast_to(np.array([None], dtype=object), count))
        made._normalized = True
        return made

    # -- made from values ------------------------------------------------------------------------------------------

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> JSONArray:
        if isinstance(scalars, JSONArray):
            return scalars.copy() if copy else scalars
        values = list(scalars)
        return cls(objects((_written(value) for value in values), len(values)))

    @classmethod
    def _from_scalars(cls, scalars: Any, *, dtype: Any) -> JSONArray:
        if not any(isinstance(value, list | dict) for value in scalars):
            raise ValueError("plain values have dtypes of their own")
        return cls._from_sequence(scalars, dtype=dtype)

    def _cast_pointwise_result(self, values: Any) -> Any:
        """Keep nested results of an operation as JSON; plain ones get the dtype they would have anywhere."""
        try:
            return JSONArray._from_scalars(values, dtype=self.dtype)
        except (TypeError, ValueError):
            return pd.Series(list(values)).array

    @classmethod
    def _from_factorized(cls, values: Objects, original: JSONArray) -> JSONArray:
        return cls(values)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[JSONArray]) -> JSONArray:
        return cls(np.concatenate([array._texts for array in to_concat]))

    # -- what pandas asks of every array ---------------------------------------------------------------------------

    @property
    def dtype(self) -> JSONDtype:
        """The dtype ``"json"``."""
        return JSONDtype()

    @property
    def nbytes(self) -> int:
        """Bytes of the JSON and of the places where it is kept."""
        return int(self._texts.nbytes) + sum(len(bytes(text)) for text in self.texts if text is not None)

    @property
    def texts(self) -> Objects:
        """The JSON texts, with None for null; not to be changed."""
        if not self._normalized:
            self._texts[np.fromiter(map(eq, self._texts, repeat(_NULL)), dtype=bool, count=len(self))] = None
            self._normalized = True
        return self._texts

    def decoded(self) -> list[Any]:
        """Return all values, decoded a thousand at a time: each call costs as much as a small value."""
        values: list[Any] = []
        for start in range(0, len(self), _AT_ONCE):
            some = [_NULL if text is None else text for text in self.texts[start : start + _AT_ONCE]]
            try:
                values += msgspec.json.decode(b"[" + b",".join(some) + b"]")
            except (msgspec.DecodeError, RecursionError):
                values += map(decode, some)
        return values

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            text = self._texts[item]
            return None if text is None else decode(text)
        if isinstance(item, tuple) and len(item) == 2 and item[0] is Ellipsis:
            return self[item[1]]
        item = slice(None) if item is Ellipsis else check_array_indexer(self, item)
        some = self._some(self._texts[item])
        some._readonly = self._readonly and isinstance(item, slice)
        return some

    def _some(self, texts: Objects) -> JSONArray:
        """Return an array of some of these texts; a small part does not keep the whole answer in memory."""
        some = JSONArray(_detached(texts) if len(texts) * _KEPT_SHARE < len(self) else texts)
        some._normalized = self._normalized
        return some

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        if not self._texts.flags.writeable:
            self._texts = self._texts.copy()
        if isinstance(key, int | np.integer):
            self._texts[key] = _edited(value)
            return
        key = check_array_indexer(self, key)
        if _is_one_value(value):
            self._texts[key] = _edited(value)
        else:
            self._texts[key] = JSONArray._from_sequence(value).texts

    def isna(self) -> npt.NDArray[np.bool_]:
        """Return which cells are null."""
        missing: npt.NDArray[np.bool_] = pd.isna(self.texts)
        return missing

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> JSONArray:
        """Return the cells at these places; with `allow_fill`, -1 stands for `fill_value`."""
        places = np.asarray(indices, dtype=np.intp)
        if not len(self) and (places >= 0).any():
            raise IndexError("cannot do a non-empty take from an empty axes.")
        if not allow_fill:
            return self._some(self._texts[places])
        if (places < -1).any():
            raise ValueError("with allow_fill, indices are places from 0, or -1 for the fill value")
        texts = objects([_written(fill_value)] * len(places), len(places))
        texts[places >= 0] = self._texts[places[places >= 0]]
        return self._some(texts)

    def copy(self) -> JSONArray:
        """Return an array that can be changed without changing this one."""
        copy = JSONArray(self._texts.copy() if self._texts.flags.writeable else self._texts)
        copy._normalized = self._normalized
        return copy

    def astype(self, dtype: Any, copy: Any = True) -> Any:  # noqa: FBT002 - the signature of pandas
        """Return the decoded values as objects, or the JSON as text."""
        dtype = pd.api.types.pandas_dtype(dtype)
        if isinstance(dtype, JSONDtype):
            return self.copy() if copy else self
        if isinstance(dtype, pd.StringDtype):
            return pd.array(self._as_texts(), dtype=dtype)
        if isinstance(dtype, np.dtype) and dtype.kind == "U":
            return objects(self._as_texts(), len(self))
        return super().astype(dtype, copy=copy)

    def _as_texts(self) -> list[str | None]:
        return [None if text is None else bytes(text).decode() for text in self.texts]

    def __arrow_array__(self, type: Any = None) -> Any:  # noqa: A002 - the signature of pyarrow
        """Return the JSON as an Arrow array of text."""
        pyarrow = importlib.import_module("pyarrow")  # pyarrow calls this method, so it is installed
        return pyarrow.array(self._as_texts(), type=type or pyarrow.string())

    def __getattr__(self, name: str) -> Any:
        """Provide for ``series.str`` the methods that it needs from an array, as for a column of plain lists."""
        if name.startswith("_str_"):
            return getattr(pd.arrays.NumpyExtensionArray(objects(self.decoded(), len(self))), name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("JSON is decoded into a new array each time, so it cannot be had without a copy")
        values = objects(self.decoded(), len(self))
        return values if dtype is None or dtype is object or dtype == np.dtype(object) else values.astype(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._texts.flags.writeable:  # in place: views share it, and a pickle has the texts once
            self._texts[:] = _detached(self._texts)
        return JSONArray, (self._texts,)

    # -- comparing, grouping, sorting: by value, not by how it was written -----------------------------------------

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        if not _is_one_value(other):
            theirs = JSONArray._from_sequence(other)._canonical()
            if len(theirs) != len(self):
                raise ValueError(f"Lengths must match to compare: {len(self)} and {len(theirs)}")
        else:
            theirs = objects([_canonical(_written(other))] * len(self), len(self))
        pairs = zip(self._canonical(), theirs, strict=True)
        return np.fromiter((a is not None and a == b for a, b in pairs), dtype=bool, count=len(self))

    def _canonical(self) -> Objects:
        return objects((_canonical(text) for text in self.texts), len(self))

    def _values_for_factorize(self) -> tuple[Objects, Any]:
        return self._canonical(), None

    def _values_for_argsort(self) -> npt.NDArray[np.float64]:
        """Return the rank of each value, as MongoDB orders them; NaN for null."""
        texts = self._canonical()
        known = {text: order_key(decode(text)) for text in set(texts) - {None}}
        order = {text: rank for rank, text in enumerate(sorted(known, key=known.__getitem__))}
        return np.array([order.get(text, np.nan) for text in texts], dtype=np.float64)

    def unique(self) -> JSONArray:
        """Return each value once, in the order of first appearance."""
        once: JSONArray = self[~self.duplicated()]
        return once

    def duplicated(self, keep: Any = "first") -> npt.NDArray[np.bool_]:
        """Return which cells repeat another."""
        return pd.Series(self.factorize(use_na_sentinel=False)[0]).duplicated(keep=keep).to_numpy()

    def value_counts(self, dropna: bool = True) -> pd.Series:  # noqa: FBT001, FBT002 - pandas' own signature
        """Count how often each value occurs."""
        codes, values = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        order = np.argsort(-counts, kind="stable")
        return pd.Series(counts[order], index=pd.Index(values[order], dtype="json"), name="count")

    def _explode(self) -> tuple[Any, npt.NDArray[np.uint64]]:
        lists = [value if isinstance(value, list) and value else [None if value == [] else value] for value in self]
        counts = np.fromiter((len(values) for values in lists), dtype=np.uint64, count=len(lists))
        return _typed([value for values in lists for value in values]), counts

    # -- shown -----------------------------------------------------------------------------------------------------

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:  # noqa: FBT001, FBT002 - pandas' own signature
        return on_one_line


def encode_json(value: Any) -> bytes:
    """Write one JSON value; numpy and pandas scalars and arrays become plain numbers and lists.

    Raises
    ------
    TypeError
        If the value is not JSON, such as a set or a datetime; it says what to use.

    Examples
    --------
    >>> encode_json({"event": np.array([1, 2]), "snr": np.float32(0.5)})
    b'{"event":[1,2],"snr":0.5}'
    """
    return json.dumps(value, separators=(",", ":"), default=_to_json).encode()


def _to_json(value: Any) -> Any:
    try:
        return plain(value, "", DEEPEST)
    except UnfitError as error:
        raise TypeError(f"{type(value).__name__} is not JSON: it {error.reason}") from None


def objects(values: Iterable[Any], count: int) -> Objects:
    """Return an array of these objects; numpy alone would look inside a ``Raw``."""
    return np.fromiter(values, dtype=object, count=count)


def _detached(texts: Objects) -> Objects:
    """Return the same JSON values as bytes of their own, so that the answers they came in can be freed."""
    own = (bytes(text) if type(text) is msgspec.Raw else text for text in texts)
    return objects((None if text == b"null" else text for text in own), len(texts))


def on_one_line(value: Any, most: int = _SHOWN) -> str:
    """Return a JSON value as bounded text on one line, such as ``{"a": [1, "é"]}``; null as empty text."""
    return truncate("" if value is None else json.dumps(value, ensure_ascii=False), most=most)


def _written(value: Any) -> Edited | None:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    written = Edited(encode_json(value))
    return None if written == b"null" else written  # numpy has other missing values


def _edited(value: Any) -> Edited | None:
    try:
        return _written(value)
    except (TypeError, ValueError) as error:  # after either, pandas would try to spread the value over rows
        raise BucketsError(f"a cell of this column cannot be set: {error}") from error


def _canonical(text: Any) -> bytes | None:
    return None if text is None else json.dumps(decode(text), sort_keys=True, separators=(",", ":")).encode()


def _is_one_value(value: Any) -> bool:
    return not isinstance(value, Iterable) or isinstance(value, str | bytes | dict)


def _typed(values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pd.array(values, dtype="Int64")
    if kinds == {str}:
        return pd.array(values, dtype=pd.StringDtype("python"))
    return JSONArray._from_sequence(values)
