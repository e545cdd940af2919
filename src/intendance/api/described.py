"""Everything that may be asked and said, in one place: what routes, document and tests are made from."""

from __future__ import annotations

from functools import cache

import msgspec

from intendance import __version__
from intendance.api import acting, alerts, beats, fleet_log, monitoring, nodes, records, rules, status
from intendance.api.openapi import Open, document
from intendance.api.operation import JSON, Operation
from intendance.api.problem import MEDIA

DOCUMENT = "/api/v1/openapi.json"

OPERATIONS: tuple[Operation, ...] = (
    *status.OPERATIONS,
    *nodes.OPERATIONS,
    *records.OPERATIONS,
    *fleet_log.OPERATIONS,
    *rules.OPERATIONS,
    *alerts.OPERATIONS,
    *acting.OPERATIONS,
    *monitoring.OPERATIONS,
)
OPENED = (
    Open(
        name="healthz",
        path="/healthz",
        summary="Whether the manager works",
        answers={"200": ("It does", JSON), "503": ("Something keeps it from its work", JSON)},
    ),
    Open(
        name="authority",
        path="/api/v1/authority",
        summary="The certificate authority that nodes pin",
        answers={"200": ("The certificate, PEM", "text/plain"), "404": ("The manager made none", MEDIA)},
    ),
    Open(name="document", path=DOCUMENT, summary="This document", answers={"200": ("OpenAPI 3.1", JSON)}),
)


@cache
def written() -> bytes:
    """The OpenAPI document, as it is served and as `docs/openapi.json` keeps it."""
    told = document(OPERATIONS, beats.MESSAGES, OPENED, __version__)
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"
