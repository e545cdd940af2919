"""Errors about the manager's API and the tokens that open it."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class ApiTokenMissing(IntendanceError):
    """Nobody is told this without a token."""

    next_step = (
        "Make one on the manager's machine, `intendance token create NAME --scope {scope}`, and send it as "
        "`Authorization: Bearer TOKEN`."
    )


class ApiTokenRefused(IntendanceError):
    """This token is none of this manager's, was revoked, or is over."""

    next_step = "See on the manager's machine which there are: `intendance token list`."


class ScopeMissing(IntendanceError):
    """This needs the scope {needed}, and the token has {held}."""

    next_step = "Make another on the manager's machine: `intendance token create NAME --scope {needed}`."


class QueryUnusable(IntendanceError):
    """The parameter `{name}` cannot be used: {detail}."""

    next_step = "See what may be asked, and how: `/api/v1/openapi.json`."
    exit_code = Exit.USAGE


class ActingNeedsToken(IntendanceError):
    """This is done by who comes with a token alone; being logged in at the pages does not count here."""

    next_step = (
        "Make one on the manager's machine, `intendance token create NAME --scope {scope}`, and send it as "
        "`Authorization: Bearer TOKEN`; or do it on the page of the alert."
    )


class BodyUnusable(IntendanceError):
    """What was sent cannot be used: {detail}."""

    next_step = "See what is expected, member by member: `/api/v1/openapi.json`."
    exit_code = Exit.USAGE


class BodyTooLarge(IntendanceError):
    """What was sent has more than {limit} bytes."""

    next_step = "See what is expected: `/api/v1/openapi.json`; a reason is a sentence."
    exit_code = Exit.USAGE


class AddressUnknown(IntendanceError):
    """There is nothing at {path}."""

    next_step = "See what there is: `/api/v1/openapi.json`."


class NodeLeft(IntendanceError):
    """The node {node} left the fleet."""

    next_step = "What it proved is kept: `/api/v1/nodes/{node}/records`."


class MethodRefused(IntendanceError):
    """`{method}` is not answered at {path}."""

    next_step = "See what may be asked, and how: `/api/v1/openapi.json`."


class RequestFailed(IntendanceError):
    """The manager met a case that it does not know."""

    next_step = "Its own log has the trace. Keep it and report it; nothing was changed."


class ApiTokenExists(IntendanceError):
    """There is a token {name} already."""

    next_step = "Take another name, or end that one: `intendance token revoke {name}`."
    exit_code = Exit.USAGE


class ApiTokenUnknown(IntendanceError):
    """There is no token {name} that may still be used{suggestion}"""

    next_step = "See them all with `intendance token list`."
    exit_code = Exit.USAGE


class ManagerSilent(IntendanceError):
    """Nobody can tell: the manager at {url} gives no answer: {detail}."""

    next_step = "See that it runs and that nothing in between closes the port: {url}/healthz says what keeps it."
    exit_code = Exit.UNKNOWN
    transient = True
