"""Who may do what, when somebody is locked out, when a session ends, which code counts: all of it pure."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from enum import StrEnum

from pyotp import HOTP

SESSION_LASTS = timedelta(hours=12)
IDLE_ENDS = timedelta(hours=2)
SECOND_STEP_LASTS = timedelta(minutes=5)
"""How long a half log-in waits for its second factor."""

CODE_PERIOD_SECONDS = 30
CODE_DIGITS = 6
CODE_WINDOW = 1
"""RFC 6238: a code lasts 30 s; that of the period before and after counts too, for clocks that differ."""

FREE_TRIES = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)

PASSWORD_MIN = 12
PASSWORD_MAX = 256
"""Characters. Length is what guessing costs; more than this is only work for the hash."""
_DISTINCT_MIN = 5


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a page or a command needs."""

    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    EXPORT = "export"
    ADMINISTER = "administer"


RIGHTS = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.OPERATOR: frozenset({Right.READ, Right.ACKNOWLEDGE}),
    Role.AUDITOR: frozenset({Right.READ, Right.EXPORT}),
    Role.ADMIN: frozenset(Right),
}


class Stage(StrEnum):
    """What a session still owes: `second` a code, `enrol` a second factor to be set up first; `whole` nothing."""

    SECOND = "second"
    ENROL = "enrol"
    WHOLE = ""


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right in RIGHTS[role]


def stage_after_password(role: Role, *, has_second: bool) -> Stage:
    """What is owed once the password was right: administrators have two factors, others where they set one up."""
    if has_second:
        return Stage.SECOND
    return Stage.ENROL if role is Role.ADMIN else Stage.WHOLE


def locked(until: datetime | None, now: datetime) -> bool:
    """Whether nobody may try now."""
    return until is not None and now < until


def lock_after(failures: int, now: datetime) -> datetime | None:
    """Until when an account is locked after so many wrong tries in a row: twice as long each time, an hour at most."""
    over = failures - FREE_TRIES
    if over < 0:
        return None
    return now + min(FIRST_LOCK * (1 << min(over, 10)), LONGEST_LOCK)


def ended(stage: Stage, made_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Whether a session is over: by its age, by idleness, or since the second factor never came."""
    if stage is Stage.SECOND:
        return now >= made_at + SECOND_STEP_LASTS
    return now >= made_at + SESSION_LASTS or now >= seen_at + IDLE_ENDS


def password_fault(password: str, name: str) -> str | None:
    """Why a password is no good: `short`, `long`, `plain` or `name`; None when it will do."""
    if len(password) < PASSWORD_MIN:
        return "short"
    if len(password) > PASSWORD_MAX:
        return "long"
    if len(set(password)) < _DISTINCT_MIN:
        return "plain"
    return "name" if name and name.casefold() in password.casefold() and len(name) > len(password) // 2 else None


def code_step(now: datetime) -> int:
    """The number of the period that an instant lies in."""
    return int(now.timestamp()) // CODE_PERIOD_SECONDS


def code_at(secret: str, step: int) -> str:
    """The code of a period; `secret` is in Base32. SHA-1 and six digits are what every authenticator has."""
    return HOTP(secret, digits=CODE_DIGITS).at(step)


def accepted_step(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """The period that a code is of, where it counts now and was not used yet: a code is used once (RFC 6238 §5.2)."""
    given = code.replace(" ", "")
    current = code_step(now)
    found = [
        step
        for step in range(current - CODE_WINDOW, current + CODE_WINDOW + 1)
        if hmac.compare_digest(code_at(secret, step).encode(), given.encode()) and step > last_step
    ]
    return found[0] if found else None
