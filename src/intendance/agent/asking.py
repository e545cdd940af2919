"""One question to a manager, with a token of its API. Who cannot be asked has not said that all is well."""

from __future__ import annotations

import http.client
import json

from intendance.agent.manager_link import connect, refused, said
from intendance.model.errors.api import ManagerSilent

_ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
_ANSWER_SECONDS = 30.0
"""A busy manager of a large fleet reckons for a while; one that is not there is known of much sooner."""
_REFUSALS = range(400, 500)


def ask(url: str, path: str, *, token: str, authority: str = "") -> bytes:
    """The JSON of an answer. `authority` (PEM) is trusted instead of the machine's own. Raises ManagerSilent,
    ManagerRefused."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    try:
        connection = connect(url, authority, _ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            answer = response.read(_ANSWER_LIMIT_BYTES + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ManagerSilent(url=url, detail=said(error)) from None
    if response.status in _REFUSALS:
        raise refused(answer, response.status)
    if response.status != 200 or len(answer) > _ANSWER_LIMIT_BYTES or not _is_json(answer):
        raise ManagerSilent(url=url, detail=f"its answer ({response.status}) cannot be read")
    return answer


def _is_json(answer: bytes) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except (ValueError, RecursionError):
        return False
