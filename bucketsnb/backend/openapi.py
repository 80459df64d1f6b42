"""A description of the service in OpenAPI 3.1: every route, what it reads and what it answers."""

from __future__ import annotations

from typing import Any

from bucketsnb import __version__
from bucketsnb.schema import (
    ATTEMPT_MIN,
    PIPELINE_MAX,
    PRIORITY_MAX,
    PRIORITY_MIN,
    RETRIES_MAX,
    STATUS_KEYS,
    STATUSES,
    TIMEOUT_MAX,
    TIMEOUT_MIN,
)

__all__ = ["description"]

_OBJECT: dict[str, Any] = {"type": "object"}
_IDS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_NUMBER_OR_NULL: dict[str, Any] = {"type": ["number", "null"]}
_COUNTS = {
    "type": "object",
    "properties": {key: {"type": "integer"} for key in STATUS_KEYS},
    "required": list(STATUS_KEYS),
    "additionalProperties": False,
}
_FIELDS: dict[str, Any] = {
    "pipeline": {"type": "string", "minLength": 1, "maxLength": PIPELINE_MAX},
    "status": {"enum": list(STATUSES)},
    "priority": {"type": "integer", "minimum": PRIORITY_MIN, "maximum": PRIORITY_MAX},
    "timeout": {"type": "integer", "minimum": TIMEOUT_MIN, "maximum": TIMEOUT_MAX},
    "retries": {"type": "integer", "maximum": RETRIES_MAX},
    "attempt": {"type": "integer", "minimum": ATTEMPT_MIN},
    "creation": {"type": "number", "description": "Epoch seconds."},
    "start": _NUMBER_OR_NULL,
    "stop": _NUMBER_OR_NULL,
}
_WORK = {
    "description": "Other fields than these are kept as they are.",
    "type": "object",
    "properties": _FIELDS,
    "required": ["pipeline"],
}
_CHANGE = {"type": "object", "properties": {"id": {"type": "string"}, **_FIELDS}, "required": ["id"]}
_VIEW = {
    "type": "object",
    "properties": {
        "query": {"type": ["object", "null"], "description": "A MongoDB filter."},
        "projection": {"type": ["object", "null"]},
        "skip": {"type": ["integer", "null"], "minimum": 0},
        "limit": {"type": ["integer", "null"], "description": "Null, 0 and less mean all."},
    },
}
_WITHDRAWAL = {
    "type": "object",
    "properties": {"pipeline": {"description": "A name, or several with $in."}},
    "required": ["pipeline"],
}
_PROBLEM = {
    "type": "object",
    "properties": {
        "description": {"type": "string"},
        "status": {"type": "integer"},
        "message": {"type": "string"},
    },
    "required": ["description", "status", "message"],
}


def description() -> dict[str, Any]:
    """Describe the service.

    Examples
    --------
    >>> sorted(description()["paths"]["/work"])
    ['delete', 'post', 'put']
    """
    count = _get("Act on works, and count them.", {"type": "integer"})
    work = {
        "post": _with_body(
            "Deposit works, all or none.", _array(_WORK), {"anyOf": [{"const": True}, _IDS]}, "return_ids"
        ),
        "put": _with_body("Set fields of works by id, all or none.", _array(_CHANGE), {"const": True}),
        "delete": _operation("Delete works by id; true if all were there.", {"type": "boolean"}, [_query("ids", _IDS)]),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Buckets", "version": __version__},
        "paths": {
            "/": {"get": _get("Say that the service is there.", _OBJECT)},
            "/version": {"get": _get("Say which version it is.", _OBJECT)},
            "/__health__": {"get": _get("Say that the store can be read.", _OBJECT)},
            "/openapi.json": {"get": _get("Describe the service.", _OBJECT)},
            "/work": work,
            "/work/withdraw": {
                "post": _with_body("Claim one work, or null.", _WITHDRAWAL, {"type": ["object", "null"]})
            },
            "/view": {"post": _with_body("Read works, newest first.", _VIEW, _array(_OBJECT))},
            "/status": {"get": _get("Count works by status.", _COUNTS)},
            "/status/pipelines": {"get": _get("Name the pipelines that have works.", _IDS)},
            "/status/details/{pipeline}": {"get": _get("Count works of a pipeline.", _COUNTS, "pipeline", "string")},
            "/audit/failed": {"get": count},
            "/audit/expired": {"get": count},
            "/audit/stale/{days}": {
                "get": _get("Fail old works, and count them.", {"type": "integer"}, "days", "number")
            },
        },
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "x-access-token"}},
        },
        "security": [{}, {"token": []}],
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _operation(summary: str, answer: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    problem = {"description": "It was not done.", "content": _json({"$ref": "#/components/schemas/Problem"})}
    done = {"description": "It was done.", "content": _json(answer)}
    return {"summary": summary, "parameters": parameters, "responses": {"200": done, "default": problem}}


def _get(summary: str, answer: dict[str, Any], name: str | None = None, kind: str = "") -> dict[str, Any]:
    parameter = {"name": name, "in": "path", "required": True, "schema": {"type": kind}}
    return _operation(summary, answer, [parameter] if name else [])


def _with_body(summary: str, body: dict[str, Any], answer: dict[str, Any], flag: str | None = None) -> dict[str, Any]:
    parameters = [_query(flag, {"enum": ["True", "False"]})] if flag else []
    return {**_operation(summary, answer, parameters), "requestBody": {"required": True, "content": _json(body)}}
