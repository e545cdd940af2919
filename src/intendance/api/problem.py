"""Errors as answers: `application/problem+json` (RFC 9457) with the next step."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from starlette.responses import Response

from intendance.model.errors import Exit, IntendanceError, accounts, alerting, api, catalogue
from intendance.model.errors import fleet as errors
from intendance.model.frozen import dataclass

MEDIA = "application/problem+json"
RETRY_AFTER_SECONDS = "5"
"""Of what may be tried again as it is."""

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
        errors.EvidenceExcessive: 429,
        errors.DatabaseUnreachable: 503,
        errors.BeatUnwritten: 503,
        errors.NodeNotEnrolled: 404,
        accounts.PageUnknown: 404,
        accounts.LogInsCrowded: 503,
        catalogue.RuleUnknown: 404,
        alerting.AlertUnknown: 404,
        alerting.SilenceUnknown: 404,
        alerting.AlertNotFiring: 409,
        alerting.AlertNotInHand: 409,
        api.ApiTokenMissing: 401,
        api.ApiTokenRefused: 401,
        api.ActingNeedsToken: 401,
        api.BodyUnusable: 400,
        api.BodyTooLarge: 413,
        api.ScopeMissing: 403,
        api.QueryUnusable: 400,
        api.AddressUnknown: 404,
        api.NodeLeft: 404,
        api.MethodRefused: 405,
        api.RequestFailed: 500,
    }
)


def status_of(error: IntendanceError) -> int:
    """The HTTP status of an error."""
    return _STATUS.get(type(error), 400 if error.exit_code == Exit.USAGE else 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong (RFC 9457): `title` is the error's stable name, `detail` a sentence, `next_step` what to do."""

    type: str
    title: str
    status: int
    detail: str
    next_step: str


def content_of(error: IntendanceError) -> bytes:
    """The body that tells of an error."""
    kind = f"urn:intendance:error:{error.code}"
    told = Problem(type=kind, title=error.code, status=status_of(error), detail=error.message, next_step=error.advice)
    return msgspec.json.encode(told)


def problem(error: IntendanceError, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
    """The answer that tells of an error."""
    status = status_of(error)
    told = dict(headers)
    if error.transient:
        told["Retry-After"] = RETRY_AFTER_SECONDS
    if status == 401:
        told["WWW-Authenticate"] = 'Bearer realm="intendance"'
    return Response(content_of(error), status, told, MEDIA)
