"""Errors as answers: `application/problem+json` (RFC 9457) with the next step."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from starlette.responses import Response

from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors import fleet as errors

_STATUS: Mapping[type[IntendanceError], int] = MappingProxyType(
    {
        errors.MessageMalformed: 400,
        errors.TokenMalformed: 400,
        errors.TokenRefused: 401,
        errors.NotEnrolled: 401,
        errors.ProofRefused: 403,
        errors.SpeaksForAnother: 403,
        errors.NodeKnown: 409,
        errors.BeatReplayed: 409,
        errors.EvidenceRefused: 409,
        errors.MessageTooLarge: 413,
        errors.DatabaseUnreachable: 503,
    }
)


def status_of(error: IntendanceError) -> int:
    """The HTTP status of an error."""
    return _STATUS.get(type(error), 400 if error.exit_code == Exit.USAGE else 500)


def content_of(error: IntendanceError) -> bytes:
    """The body that tells of an error."""
    status = status_of(error)
    told = {
        "type": f"urn:intendance:error:{error.code}",
        "title": error.code,
        "status": status,
        "detail": error.message,
        "next_step": error.advice,
    }
    return msgspec.json.encode(told)


def problem(error: IntendanceError) -> Response:
    """The answer that tells of an error."""
    headers = {"Retry-After": "5"} if error.transient else None
    return Response(content_of(error), status_of(error), headers, "application/problem+json")
