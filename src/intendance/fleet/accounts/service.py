"""Accounts and their sessions, in the manager's database; what is done to them goes to the fleet log too."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from pyotp import TOTP
from sqlalchemy import Connection, delete, insert, select, update

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Role, Stage
from intendance.fleet.accounts.factors import digest, keep_recovery, take_recovery, take_step
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import account, recovery_code, session
from intendance.model.errors.accounts import (
    AccountExists,
    AccountLocked,
    AccountUnknown,
    CodeRefused,
    LogInRefused,
    PasswordRefused,
    SessionOver,
)
from intendance.model.evidence import Evidence
from intendance.model.evidence.accounts import AccountChanged, SessionOpened
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock

RECOVERY_CODES = 10
_TOUCH_US = 60 * 1_000_000
"""A session's last use is written once a minute: a page that refreshes by itself must not write each time."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Argon2id with 19 MiB and two passes: what OWASP's cheat sheet on storing passwords asks for at least (2025)."""
_NOBODY = _HASHER.hash("nobody's password")
"""Hashed against where there is no such account: an unknown name takes as long as a wrong password."""

Log = Callable[[Evidence, str], object]
"""Appends evidence to the fleet log, with its actor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session as its browser holds it: the token for the cookie, and what is still owed."""

    token: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is there: by a session that has not ended. `csrf` is what their forms bring back."""

    account: int
    name: str
    full_name: str
    role: Role
    stage: Stage
    csrf: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as a list shows it."""

    name: str
    full_name: str
    role: Role
    contact: str
    second_factor: bool
    locked_until: datetime | None
    disabled_at: datetime | None
    sessions: int


class Accounts:
    """The people who may log in. Every method is one transaction."""

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log

    # --- logging in ---------------------------------------------------------------------------------------------

    def begin(self, name: str, password: str, *, address: str = "", browser: str = "") -> Opened:
        """A session for who knows the password; it may still owe its second factor.

        Raises LogInRefused, whatever was wrong, and AccountLocked.
        """
        now = self._clock.read().at
        with self._database.read() as connection:
            row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
        standing = None if row is None else _standing(row)
        if standing is not None and decide.locked(standing, now):
            raise AccountLocked(until=standing.locked_until)
        right = _matches(row["password_hash"] if row is not None else _NOBODY, password)
        if row is None or standing is None or standing.disabled or not right:
            if row is not None and not right:
                self._fail(row["id"], now)
            raise LogInRefused
        stage = decide.stage_after_password(standing)
        with self._database.begin() as connection:
            if stage is not Stage.SECOND:
                _forgive(connection, row["id"])
            if stage is Stage.ENROL:
                _forget_proposed(connection, row["id"])
            opened = _open(connection, row["id"], stage, now, address=address, browser=browser)
        if stage is Stage.WHOLE:
            self._log(SessionOpened(account=name, role=standing.role.value, factors=1), _actor(name))
        return opened

    def second(self, token: str, code: str) -> Opened:
        """The same session, whole, under a new token, for who has the second factor or a recovery code.

        Raises SessionOver, CodeRefused, AccountLocked.
        """
        now = self._clock.read().at
        here = self._expect(token, Stage.SECOND)
        with self._database.begin() as connection:
            row = connection.execute(select(account).where(account.c.id == here.account)).mappings().one()
            standing = _standing(row)
            if decide.locked(standing, now):
                raise AccountLocked(until=standing.locked_until)
            counts = take_step(connection, row, code, now) or take_recovery(connection, here.account, code, now)
            if counts:
                _forgive(connection, here.account)
            opened = _replace(connection, token, here.account, now) if counts else None
        if opened is None:
            self._fail(here.account, now)
            raise CodeRefused
        self._log(SessionOpened(account=here.name, role=here.role.value, factors=2), _actor(here.name))
        return opened

    def who(self, token: str | None, *, touch: bool = True) -> Session | None:
        """Who holds a session's token; None when it is none, or over. Without `touch` nobody was there: it ages."""
        if not token:
            return None
        now = self._clock.read().at
        key = digest(token)
        asked = select(session, account).join(account, session.c.account == account.c.id)
        with self._database.read() as connection:
            row = connection.execute(asked.where(session.c.token_sha256 == key)).mappings().one_or_none()
        if row is None or row["disabled_us"] is not None:
            return None
        stage = Stage(row["stage"])
        if decide.ended(stage, from_us(row[session.c.made_us]), from_us(row["seen_us"]), now):
            self.close(token)
            return None
        if touch and to_us(now) - row["seen_us"] > _TOUCH_US:
            with self._database.begin(durable=False) as connection:
                connection.execute(update(session).where(session.c.token_sha256 == key).values(seen_us=to_us(now)))
        return Session(
            account=row["account"],
            name=row["name"],
            full_name=row["full_name"] or row["name"],
            role=Role(row["role"]),
            stage=stage,
            csrf=row["csrf"],
            language=row["language"],
        )

    def close(self, token: str) -> None:
        """End a session."""
        with self._database.begin() as connection:
            connection.execute(delete(session).where(session.c.token_sha256 == digest(token)))

    # --- the second factor --------------------------------------------------------------------------------------

    def propose_second(self, token: str, issuer: str) -> tuple[str, str]:
        """A new secret for an authenticator, in Base32, and its `otpauth:` address; in force once a code confirms it.

        Raises SessionOver.
        """
        here = self._expect(token, Stage.ENROL, Stage.WHOLE)
        secret = b32encode(secrets.token_bytes(20)).decode()
        with self._database.begin() as connection:
            row = connection.execute(select(account).where(account.c.id == here.account)).mappings().one()
            if row["totp_confirmed_us"] is not None:
                raise SessionOver
            if row["totp_secret"]:
                secret = row["totp_secret"]
            else:
                connection.execute(update(account).where(account.c.id == here.account).values(totp_secret=secret))
        return secret, TOTP(secret).provisioning_uri(name=here.name, issuer_name=issuer)

    def confirm_second(self, token: str, code: str) -> tuple[Opened, tuple[str, ...]]:
        """Put the proposed second factor in force; the session is whole, and the recovery codes are shown once.

        Raises SessionOver, CodeRefused.
        """
        now = self._clock.read().at
        here = self._expect(token, Stage.ENROL, Stage.WHOLE)
        codes = tuple(f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY_CODES))
        with self._database.begin() as connection:
            row = connection.execute(select(account).where(account.c.id == here.account)).mappings().one()
            if not row["totp_secret"] or row["totp_confirmed_us"] is not None:
                raise SessionOver
            if not take_step(connection, row, code, now):
                raise CodeRefused
            mine = account.c.id == here.account
            connection.execute(update(account).where(mine).values(totp_confirmed_us=to_us(now)))
            keep_recovery(connection, here.account, codes)
            opened = _replace(connection, token, here.account, now, alone=True)
        self._log(AccountChanged(account=here.name, change="second-factor", role=here.role.value), _actor(here.name))
        return opened, codes

    # --- on the manager's host ----------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        role: Role,
        password: str,
        *,
        by: str,
        full_name: str = "",
        contact: str = "",
        language: str = "",
    ) -> None:
        """A new account. Raises AccountExists, PasswordRefused."""
        _expect_good(password, name)
        now = to_us(self._clock.read().at)
        made = {"name": name, "full_name": full_name, "role": role.value, "contact": contact, "language": language}
        with self._database.begin() as connection:
            if connection.execute(select(account.c.id).where(account.c.name == name)).first() is not None:
                raise AccountExists(name=name)
            hashed = _HASHER.hash(password)
            connection.execute(insert(account).values(**made, password_hash=hashed, made_us=now, made_by=by))
        self._log(AccountChanged(account=name, change="added", role=role.value), by)

    def reset(self, name: str, password: str, *, by: str) -> None:
        """Another password, no second factor, no session, no lock: for who lost theirs.

        Raises AccountUnknown, PasswordRefused.
        """
        _expect_good(password, name)
        values = {"password_hash": _HASHER.hash(password), "totp_secret": "", "totp_confirmed_us": None}
        self._change(name, "reset", by, **values, failures=0, locked_until_us=None, totp_last_step=0)

    def drop_second(self, name: str, *, by: str) -> None:
        """No second factor any more: it is set up anew at the next log-in. Raises AccountUnknown."""
        self._change(name, "second-factor-dropped", by, totp_secret="", totp_confirmed_us=None, totp_last_step=0)

    def disable(self, name: str, *, by: str) -> None:
        """Nobody logs in by that name any more. Raises AccountUnknown."""
        self._change(name, "disabled", by, disabled_us=to_us(self._clock.read().at))

    def listing(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.name)).mappings().all()
            held = [number for (number,) in connection.execute(select(session.c.account))]
        return tuple(
            Account(
                name=row["name"],
                full_name=row["full_name"],
                role=Role(row["role"]),
                contact=row["contact"],
                second_factor=row["totp_confirmed_us"] is not None,
                locked_until=_instant(row["locked_until_us"]),
                disabled_at=_instant(row["disabled_us"]),
                sessions=held.count(row["id"]),
            )
            for row in rows
        )

    # --- within -------------------------------------------------------------------------------------------------

    def _change(self, name: str, change: str, by: str, **values: Any) -> None:
        """Change an account and end its sessions."""
        with self._database.begin() as connection:
            row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
            if row is None:
                known = connection.execute(select(account.c.name).order_by(account.c.name)).scalars().all()
                raise AccountUnknown(name=name, known=", ".join(known) or "nobody")
            connection.execute(update(account).where(account.c.id == row["id"]).values(**values))
            connection.execute(delete(session).where(session.c.account == row["id"]))
            if "totp_secret" in values:
                connection.execute(delete(recovery_code).where(recovery_code.c.account == row["id"]))
        self._log(AccountChanged(account=name, change=change, role=row["role"]), by)

    def _expect(self, token: str, *stages: Stage) -> Session:
        here = self.who(token)
        if here is None or here.stage not in stages:
            raise SessionOver
        return here

    def _fail(self, number: int, now: datetime) -> None:
        """Count a wrong try; it is counted by the database, so that two at once are two. Nobody waits for the disk: how
        long an answer takes must not tell which names there are."""
        with self._database.begin(durable=False) as connection:
            mine = account.c.id == number
            connection.execute(update(account).where(mine).values(failures=account.c.failures + 1))
            failures = connection.execute(select(account.c.failures).where(mine)).scalar_one()
            until = decide.lock_after(failures, now)
            if until is not None:
                connection.execute(update(account).where(mine).values(locked_until_us=to_us(until)))


def _standing(row: Any) -> decide.Standing:
    return decide.Standing(
        role=Role(row["role"]),
        has_second=row["totp_confirmed_us"] is not None,
        failures=row["failures"],
        locked_until=_instant(row["locked_until_us"]),
        disabled=row["disabled_us"] is not None,
    )


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password[: decide.PASSWORD_MAX])
    except VerifyMismatchError:
        return False


def _expect_good(password: str, name: str) -> None:
    fault = decide.password_fault(password, name)
    if fault is not None:
        told = {
            "short": f"it has fewer than {decide.PASSWORD_MIN} characters",
            "long": f"it has more than {decide.PASSWORD_MAX} characters",
            "plain": "it repeats a few characters",
            "name": "it is little more than the account's name",
        }
        raise PasswordRefused(detail=told[fault])


def _forgive(connection: Connection, number: int) -> None:
    connection.execute(update(account).where(account.c.id == number).values(failures=0, locked_until_us=None))


def _open(
    connection: Connection, number: int, stage: Stage, now: datetime, *, address: str = "", browser: str = ""
) -> Opened:
    token = secrets.token_urlsafe(32)
    connection.execute(delete(session).where(session.c.expires_us < to_us(now)))  # nobody comes back with these
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


def _forget_proposed(connection: Connection, number: int) -> None:
    """A secret is shown to one browser alone: who looked at it before a second person began to log in knows nothing."""
    connection.execute(update(account).where(account.c.id == number).values(totp_secret=""))
    connection.execute(delete(session).where(session.c.account == number, session.c.stage == Stage.ENROL.value))


def _replace(connection: Connection, token: str, number: int, now: datetime, *, alone: bool = False) -> Opened:
    """A whole session under a token that nobody saw before the second factor: what was planted is worth nothing.
    `alone`: every other session of the account ends, since none of them showed that factor."""
    old = session.c.token_sha256 == digest(token)
    row = connection.execute(select(session).where(old)).mappings().one()
    connection.execute(delete(session).where(session.c.account == number if alone else old))
    return _open(connection, number, Stage.WHOLE, now, address=row["address"], browser=row["browser"])


def _actor(name: str) -> str:
    return f"person:{name}"
