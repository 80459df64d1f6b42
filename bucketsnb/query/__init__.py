"""Queries as values: in keywords, as MongoDB query documents, and as Python source.

``Query(status="failure", older_than="7d")`` is a value. It can be compared, stored in a set, narrowed
(``query.where(site="kko")``), joined (``one & other``, ``any_of(one, other)``, ``not_(one)``), sent
(``query.to_document()``), and written into a lab book (``query.to_code()``). It has no truth value.

==========================================  ===========================================================================
keyword                                     query document
==========================================  ===========================================================================
``pipeline="dm-pipeline"``                  ``{"pipeline": "dm-pipeline"}``
``site=["kko", "gbo"]``                     ``{"site": {"$in": ["kko", "gbo"]}}``: any of several
``status="failure"``                        ``{"status": "failure"}``; a status that is none is an error
``event=[9385707, 9385708]``                ``{"event": {"$in": [9385707, 9385708]}}``: about any of these events
``tags="low"``                              ``{"tags": "low"}``: has the tag
``all_tags=["low", "kko"]``                 ``{"tags": {"$all": ["low", "kko"]}}``: has both tags
``parent="6b04a88b..."``                    ``{"config.parent": "6b04a88b..."}``
``not_site="kko"``                          ``{"site": {"$ne": "kko"}}``; several: ``$nin``
``has_event=True``                          ``{"event.0": {"$exists": True}}``: at least one event; False: none, or null
``has_parent=False``                        ``{"config.parent": None}``: null or missing; True: ``{"$ne": None}``
``priority=4``                              ``{"priority": 4}``
``priority=">=4"``                          ``{"priority": {"$gte": 4}}``; also ``> < <= != ==``
``attempt="1..3"``                          ``{"attempt": {"$gte": 1, "$lte": 3}}``: both ends belong to it
``attempt=">=retries"``                     ``{"$expr": {"$gte": ["$attempt", "$retries"]}}``: two fields of one work
``older_than="7d"``                         ``{"creation": {"$lt": now - 604800}}``: created more than 7 days ago
``newer_than="36h"``                        ``{"creation": {"$gte": now - 129600}}``: created in the last 36 hours
``since="2026-11-20"``                      ``{"creation": {"$gte": 1795132800.0}}``: then or later
``until="2026-11-21T06:00:00Z"``            ``{"creation": {"$lt": 1795240800.0}}``: before then
``started_since=``, ``started_until=``      the same for ``start``; ``stopped_since=``, ``stopped_until=`` for ``stop``
``started_until="2h ago"``                  ``{"start": {"$lt": now - 7200}}``: any moment may be so long ago
``stop=">start"``                           ``{"$expr": {"$gt": ["$stop", "$start"]}}``
``overdue=True``                            running for longer than its own timeout (``status`` and ``$expr``)
``exhausted=True``                          failed, and ``attempt >= retries``
``retryable=True``                          failed, and ``attempt < retries``
``stale=True``                              queued or running, and created more than 7 days ago
``pipeline={"$regex": "^baseband-"}``       ``{"pipeline": {"$regex": "^baseband-"}}``: any field takes operators
``Query({"results.snr": {"$gt": 9}})``      the document itself, alone or before keywords
==========================================  ===========================================================================

All fields of a work have a keyword, and ``parent`` has one. ``not_`` goes before pipeline, status, event, tags,
site, user, parent, id and function; ``has_`` before the fields that may be null or empty. With False, a flag such as
``overdue`` asks for the other works.

- Spans of time: ``90s``, ``5min``, ``2h``, ``7d``, ``3w``, ``1d12h``, or a timedelta. They stay spans in the value, and
  count back from the moment the query is sent.
- Moments: datetimes and pandas Timestamps (UTC where they have no zone), dates (their first instant in UTC), ISO text,
  epoch seconds, ``"7d ago"``. A period contains its first instant and not its last: ``since=a, until=b`` and
  ``since=b, until=c`` share no work.
- Several conditions must all hold. Two on one field are joined, or both kept under ``$and``; nothing is overwritten.
- None and empty lists are errors; to put no condition on a field, leave its keyword out.
- A raw document is kept as it is, with any operators; probable mistakes in it cause warnings
  (:class:`UnknownField`, :class:`UnknownOperator`, :class:`UnknownValue`).
- One operator in documents belongs to this package: ``{"$ago": "7d"}`` is that long before the query is sent.

The modules, in the order of the data: :mod:`.keywords` makes documents, :mod:`.documents` joins and compares them,
:mod:`.filters` finds the conditions in one, with their words and keywords, :mod:`.source` writes and reads Python, and
:mod:`.explain` says which condition is not met. :mod:`.query` has the value itself; :mod:`.times` reads moments and
spans, and :mod:`.lint` warns of probable mistakes.

Examples
--------
>>> query = Query(pipeline="baseband-converter", status="failure", site="kko") & not_(Query(event=9385707))
>>> query.to_document()["$nor"]
[{'event': 9385707}]
>>> Query(stats="failure")
Traceback (most recent call last):
...
bucketsnb.errors.QueryError: there is no keyword 'stats'; did you mean status?
"""

from __future__ import annotations

from bucketsnb.query.explain import ConditionReport, EmptyReport, Explanation, explain_empty, explain_work
from bucketsnb.query.filters import Filter
from bucketsnb.query.keywords import WORDS, stale_document
from bucketsnb.query.lint import QueryWarning, UnknownField, UnknownOperator, UnknownValue
from bucketsnb.query.query import Query, any_of, not_

__all__ = [
    "WORDS",
    "ConditionReport",
    "EmptyReport",
    "Explanation",
    "Filter",
    "Query",
    "QueryWarning",
    "UnknownField",
    "UnknownOperator",
    "UnknownValue",
    "any_of",
    "explain_empty",
    "explain_work",
    "not_",
    "stale_document",
]
