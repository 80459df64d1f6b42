"""Does this work satisfy this query document? MongoDB's answer, for every operator that is supported.

A query is compiled once and asked about many works. What is not supported is refused when it is compiled, by name;
nothing is guessed. The backend decides by it which works it answers, and a query explains itself by it.

Supported on fields: ``$eq $ne $gt $gte $lt $lte $in $nin $not $exists $type $size $all $elemMatch $mod $regex`` (with
``$options``); around them ``$and $or $nor $expr $comment``. See `patterns` for regular expressions, `expressions` for
``$expr``, and `values` for how values compare and for dotted paths.
"""

from .compiler import Matcher, compile_query
from .limits import QueryNotUnderstood, QueryTooSlow
from .projection import compile_projection
from .values import MISSING, order_key, values_at

__all__ = [
    "MISSING",
    "Matcher",
    "QueryNotUnderstood",
    "QueryTooSlow",
    "compile_projection",
    "compile_query",
    "order_key",
    "values_at",
]
