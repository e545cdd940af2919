"""Sessions in the database: opened, made whole, listed, ended. Every function is part of its caller's transaction."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Stage
from intendance.fleet.accounts.factors import digest
from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.tables import account, session
from intendance.model.errors.accounts import SessionOver
from intendance.model.frozen import dataclass

_KEY_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session as its browser holds it: the token for the cookie, and what is still owed."""

    token: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHeld:
    """A session as a list shows it. `key` names it and opens nothing: it is the beginning of its token's hash."""

    key: str
    stage: Stage
    made_at: datetime
    seen_at: datetime
    address: str
    browser: str


def open_session(
    connection: Connection, number: int, stage: Stage, now: datetime, *, address: str = "", browser: str = ""
) -> Opened:
    """A new session of an account; those that nobody comes back with are dropped."""
    token = secrets.token_urlsafe(32)
    connection.execute(delete(session).where(session.c.expires_us < to_us(now)))
    connection.execute(
        insert(session).values(
            token_sha256=digest(token),
            account=number,
            stage=stage.value,
            csrf=secrets.token_urlsafe(32),
            made_us=to_us(now),
            seen_us=to_us(now),
            expires_us=to_us(now + decide.SESSION_LASTS),
            address=address[:64],
            browser=browser[:200],
        )
    )
    return Opened(token=token, stage=stage)


def forget_proposed(connection: Connection, number: int) -> None:
    """A secret is shown to one browser alone: who looked at it before a second person began to log in knows nothing."""
    connection.execute(update(account).where(account.c.id == number).values(totp_secret=""))
    connection.execute(delete(session).where(session.c.account == number, session.c.stage == Stage.ENROL.value))


def expect_session(connection: Connection, token: str) -> None:
    """That nobody ended a session since it was looked at. Raises SessionOver."""
    if connection.execute(select(session.c.account).where(session.c.token_sha256 == digest(token))).first() is None:
        raise SessionOver


def replace_session(connection: Connection, token: str, number: int, now: datetime, *, alone: bool = False) -> Opened:
    """A whole session under a token that nobody saw before the second factor: what was planted is worth nothing.
    `alone`: every other session of the account ends, since none of them showed that factor. Raises SessionOver."""
    old = session.c.token_sha256 == digest(token)
    row = connection.execute(select(session).where(old)).mappings().one_or_none()
    if row is None:
        raise SessionOver
    connection.execute(delete(session).where(session.c.account == number if alone else old))
    return open_session(connection, number, Stage.WHOLE, now, address=row["address"], browser=row["browser"])


def key_of(token_sha256: str) -> str:
    """What lists call a session."""
    return token_sha256[:_KEY_DIGITS]


def held(connection: Connection, number: int, now: datetime) -> tuple[SessionHeld, ...]:
    """The sessions of an account that are not over, the one seen last first."""
    mine = select(session).where(session.c.account == number).order_by(session.c.seen_us.desc(), session.c.token_sha256)
    found = (
        SessionHeld(
            key=key_of(row["token_sha256"]),
            stage=Stage(row["stage"]),
            made_at=from_us(row["made_us"]),
            seen_at=from_us(row["seen_us"]),
            address=row["address"],
            browser=row["browser"],
        )
        for row in connection.execute(mine).mappings()
    )
    return tuple(each for each in found if not decide.ended(each.stage, each.made_at, each.seen_at, now))


def end(connection: Connection, number: int, *, key: str = "", but: str = "") -> int:
    """End the sessions of an account: that of a key, or all but one. How many there were."""
    mine = select(session.c.token_sha256).where(session.c.account == number)
    tokens = connection.execute(mine).scalars().all()
    chosen = [each for each in tokens if (key_of(each) == key if key else key_of(each) != but)]
    return connection.execute(delete(session).where(session.c.token_sha256.in_(chosen))).rowcount if chosen else 0
