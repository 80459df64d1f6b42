"""Does this work satisfy this query document? MongoDB's answer, for every operator that is supported.

A query is compiled once and asked about many works. What is not supported is refused when it is compiled, by name;
nothing is guessed. The backend decides by it which works it answers, and a query explains itself by it.

Supported on fields: ``$eq $ne $gt $gte $lt $lte $in $nin $not $exists $type $size $all $elemMatch $mod $regex`` (with
``$options``); around them ``$and $or $nor $expr $comment``. See `patterns` for regular expressions, `expressions` for
``$expr``, `ordering` for how values compare, and `paths` for dotted paths.
"""

from .compiler import compile_query
from .limits import DEFAULT_LIMITS, Limits, QueryNotUnderstood, QueryTooSlow
from .ordering import MISSING, order_key
from .paths import RecordTest as Matcher
from .paths import values_at
from .projection import Projector, compile_projection, project

__all__ = [
    "DEFAULT_LIMITS",
    "MISSING",
    "Limits",
    "Matcher",
    "Projector",
    "QueryNotUnderstood",
    "QueryTooSlow",
    "compile_projection",
    "compile_query",
    "order_key",
    "project",
    "values_at",
]
