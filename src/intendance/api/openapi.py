"""The API's own description: an OpenAPI 3.1 document, made from the questions and messages that there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from intendance.api.operation import JSON, Operation, Parameter
from intendance.api.problem import MEDIA, Problem
from intendance.model.frozen import dataclass

_COMPONENTS = "#/components/schemas/{name}"
_ABOUT = (
    "What a fleet manager of Intendance tells programs, and what nodes tell it. Lists come a page at a time: ask again "
    "with `cursor` set to the answer's `next`. An answer bears an `ETag`; with `If-None-Match` it is not sent twice. "
    "What goes wrong is an `application/problem+json` (RFC 9457) with `next_step`. Members are added within a version; "
    "pass over those that you do not know."
)
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `intendance token create`, with the scope that the operation names.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-intendance",
        "description": "Whoever is logged in at the pages may read, not act; without TLS the cookie is `intendance`.",
    },
    "node": {"type": "http", "scheme": "bearer", "description": "A node's own secret, from its enrolment."},
}
_PROBLEMS = {
    "400": "The question or the message cannot be read",
    "401": "Nobody is told this without a token or a secret that counts",
    "403": "That token or node may not do this",
    "404": "There is no such thing here",
    "409": "The message does not go with what is here",
    "413": "The message is too long",
    "503": "The database cannot be used now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of nodes, by POST: its body and the answer to it. `secret`: whether a node's secret goes with it."""

    name: str
    path: str
    summary: str
    body: Any
    answer: Any
    secret: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A question that anybody may ask; `media` is what its answer is sent as, by status."""

    name: str
    path: str
    summary: str
    answers: Mapping[str, tuple[str, str]]


def document(
    operations: Iterable[Operation], messages: Iterable[Message], opened: Iterable[Open], version: str
) -> dict[str, Any]:
    """The whole document."""
    asked, said = tuple(operations), tuple(messages)
    types = [Problem, *(each.answer for each in asked if each.answer is not None)]
    types += [shape for each in said for shape in (each.body, each.answer)]
    types += [each.body for each in asked if each.body is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_COMPONENTS)
    for each in (each.body for each in asked if each.body is not None):
        components[each.__name__]["additionalProperties"] = False
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in asked:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, by_type)
    for message in said:
        paths[message.path] = {"post": _message(message, by_type)}
    for each in opened:
        paths[each.path] = {"get": _open(each)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Intendance",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted((name, _portable(each)) for name, each in components.items())),
            "securitySchemes": _SECURITY,
            "responses": {
                f"Problem{status}": {
                    "description": told,
                    "content": {MEDIA: {"schema": by_type[Problem]}},
                }
                for status, told in _PROBLEMS.items()
            },
        },
    }


def _operation(operation: Operation, by_type: Mapping[Any, Any]) -> dict[str, Any]:
    schema = {"type": "string"} if operation.answer is None else by_type[operation.answer]
    answers: dict[str, Any] = {
        "200": {
            "description": "The answer",
            "content": {media: {"schema": schema} for media in operation.media},
        }
    }
    if operation.kept:
        answers["200"]["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "The answer's tag."}}
        answers["304"] = {"description": "The answer is the one whose tag was sent along"}
    statuses = ["400", "401", "403", "503", *map(str, operation.raised)]
    if operation.acts:
        statuses.append("413")
    if any(each.where == "path" or each.name == "node" or each.name == "rule" for each in operation.parameters):
        statuses.append("404")
    body = {} if operation.body is None else {"requestBody": _body(by_type[operation.body])}
    return body | {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope.value}`.",
        "security": [{"token": []}] if operation.acts else [{"token": []}, {"session": []}],
        "parameters": [_parameter(each) for each in operation.parameters],
        "responses": answers | _problems(statuses),
    }


def _body(schema: Any) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    if parameter.kind == "whole":
        schema: dict[str, Any] = {"type": "integer", "minimum": parameter.smallest, "maximum": parameter.largest}
        if parameter.usual is not None:
            schema["default"] = parameter.usual
    elif parameter.kind == "choice":
        schema = {"type": "string", "enum": list(parameter.choices)}
    else:
        schema = {"type": "string", "pattern": parameter.pattern}
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.summary,
        "schema": schema,
    }


def _message(message: Message, by_type: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "operationId": message.name,
        "summary": message.summary,
        "security": [{"node": []}] if message.secret else [],
        "requestBody": _body(by_type[message.body]),
        "responses": {
            "200": {"description": "The answer", "content": {JSON: {"schema": by_type[message.answer]}}},
            **_problems(["400", "401", "403", "409", "413", "503"]),
        },
    }


def _open(each: Open) -> dict[str, Any]:
    answers = {
        status: {"description": told, "content": {media: {}}} if media else {"description": told}
        for status, (told, media) in each.answers.items()
    }
    return {"operationId": each.name, "summary": each.summary, "security": [], "responses": answers}


def _problems(statuses: Iterable[str]) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}


def _portable(schema: Any) -> Any:
    """A schema whose patterns every reader understands: `\\A` and `\\Z` are Python's, the standard has `^` and `$`."""
    if isinstance(schema, dict):
        found = {name: _portable(each) for name, each in schema.items()}
        if isinstance(found.get("pattern"), str):
            found["pattern"] = found["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
        if isinstance(found.get("description"), str):
            found["description"] = " ".join(found["description"].split())
        return found
    return [_portable(each) for each in schema] if isinstance(schema, list) else schema
