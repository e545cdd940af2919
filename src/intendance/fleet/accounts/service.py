"""Accounts and their sessions, in the manager's database; what is done to them goes to the fleet log too."""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from pyotp import TOTP
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from intendance.fleet.accounts import decide, sessions, tries
from intendance.fleet.accounts.decide import Role, Stage
from intendance.fleet.accounts.factors import digest, keep_recovery, take_recovery, take_step
from intendance.fleet.accounts.fitting import expect_administrator_left, expect_good
from intendance.fleet.accounts.sessions import Opened, SessionHeld
from intendance.fleet.acts.writing import note
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import account, recovery_code, session
from intendance.model.errors.accounts import (
    AccountExists,
    AccountUnknown,
    CodeRefused,
    LogInRefused,
    LogInsCrowded,
    SessionOver,
    SessionUnknown,
)
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.model.evidence.accounts import AccountChanged, SessionOpened
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock

RECOVERY_CODES = 10
_TOUCH_US = 60 * 1_000_000
"""Its last use is written once a minute, not by each page that refreshes; a full disk keeps nobody from reading."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Argon2id with 19 MiB and two passes: what OWASP's cheat sheet on storing passwords asks for at least (2025)."""
HASHES_AT_ONCE = 2
"""What a flood of log-ins may take: two cores and 38 MiB."""
WAITING_AT_ONCE = 6
"""How many more wait for their turn, in threads that pages and evidence need too: there are 40 (anyio's own limit)."""
_NOBODY = _HASHER.hash("nobody's password")
"""Hashed against where there is no such account: an unknown name takes as long as a wrong password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is there: by a session that has not ended. `csrf` is what their forms bring back, `key` its name in lists."""

    account: int
    name: str
    full_name: str
    role: Role
    stage: Stage
    csrf: str
    language: str
    key: str = ""


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
    """The people who may log in. Every method is one transaction; `carry` takes what it did to the fleet log."""

    def __init__(self, database: Database, clock: Clock, carry: Callable[[], object]) -> None:
        self._database = database
        self._clock = clock
        self._carry = carry
        self._hashing = BoundedSemaphore(HASHES_AT_ONCE)
        self._logging_in = BoundedSemaphore(HASHES_AT_ONCE + WAITING_AT_ONCE)

    # --- logging in ---------------------------------------------------------------------------------------------

    def begin(self, name: str, password: str, *, address: str = "", browser: str = "") -> Opened:
        """A session for who knows the password; it may still owe its second factor.

        What was looked at before the hash is looked at again when the session opens: tries at the same time, another
        password. Raises LogInRefused, whatever was wrong; AccountLocked, for any name; LogInsCrowded, who must wait.
        """
        if not self._logging_in.acquire(blocking=False):
            raise LogInsCrowded
        try:
            return self._begin(name, password, address=address, browser=browser)
        finally:
            self._logging_in.release()

    def _begin(self, name: str, password: str, *, address: str, browser: str) -> Opened:
        now = self._clock.read().at
        name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL holds no NUL
        with self._hashing:
            with self._database.read() as connection:
                row = tries.look(connection, name, now)
            right = _matches(row["password_hash"] if row is not None else _NOBODY, password)
        if row is None or row["disabled_us"] is not None or not right:
            with self._database.begin(durable=False) as connection:  # how long the disk takes must tell nothing
                tries.count(connection, name, now)
            raise LogInRefused
        with self._database.begin() as connection:
            current = self._unchanged(connection, row, now)
            stage = decide.stage_after_password(
                Role(current["role"]), has_second=current["totp_confirmed_us"] is not None
            )
            if stage is not Stage.SECOND:
                tries.forgive(connection, row["id"])
            if stage is Stage.ENROL:
                sessions.forget_proposed(connection, row["id"])
            opened = sessions.open_session(connection, row["id"], stage, now, address=address, browser=browser)
            if stage is Stage.WHOLE:
                told = SessionOpened(account=name, role=current["role"], factors=1)
                note(connection, told, _actor(name), to_us(now))
        self._carry()
        return opened

    def second(self, token: str, code: str) -> Opened:
        """The same session, whole, under a new token, for who has the second factor or a recovery code.

        Raises SessionOver, CodeRefused, AccountLocked.
        """
        now = self._clock.read().at
        here = self._expect(token, Stage.SECOND)
        with self._database.begin() as connection:
            row = _held(connection, here.account)
            sessions.expect_session(connection, token)
            tries.expect_open(row["locked_until_us"], now)
            counts = take_step(connection, row, code, now) or take_recovery(connection, here.account, code, now)
            opened = sessions.replace_session(connection, token, here.account, now) if counts else None
            if opened is None:
                tries.count(connection, here.name, now)
            else:
                tries.forgive(connection, here.account)
                told = SessionOpened(account=here.name, role=here.role.value, factors=2)
                note(connection, told, _actor(here.name), to_us(now))
        if opened is None:
            raise CodeRefused
        self._carry()
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
            with suppress(DatabaseUnreachable):  # it is over, whether or not that can be written now
                self.close(token)
            return None
        if touch and to_us(now) - row["seen_us"] > _TOUCH_US:
            with suppress(DatabaseUnreachable), self._database.begin(durable=False) as connection:
                connection.execute(update(session).where(session.c.token_sha256 == key).values(seen_us=to_us(now)))
        return Session(
            account=row["account"],
            name=row["name"],
            full_name=row["full_name"] or row["name"],
            role=Role(row["role"]),
            stage=stage,
            csrf=row["csrf"],
            language=row["language"],
            key=sessions.key_of(key),
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
            row = _held(connection, here.account)
            sessions.expect_session(connection, token)
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
            row = _held(connection, here.account)
            sessions.expect_session(connection, token)
            if not row["totp_secret"] or row["totp_confirmed_us"] is not None:
                raise SessionOver
            if not take_step(connection, row, code, now):
                raise CodeRefused
            mine = account.c.id == here.account
            connection.execute(update(account).where(mine).values(totp_confirmed_us=to_us(now)))
            keep_recovery(connection, here.account, codes)
            opened = sessions.replace_session(connection, token, here.account, now, alone=True)
            told = AccountChanged(account=here.name, change="second-factor", role=here.role.value)
            note(connection, told, _actor(here.name), to_us(now))
        self._carry()
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
        expect_good(password, name)
        now = to_us(self._clock.read().at)
        hashed = self._hash(password)
        made = {"name": name, "full_name": full_name, "role": role.value, "contact": contact, "language": language}
        with self._database.begin() as connection:
            if connection.execute(select(account.c.id).where(account.c.name == name)).first() is not None:
                raise AccountExists(name=name)
            connection.execute(insert(account).values(**made, password_hash=hashed, made_us=now, made_by=by))
            note(connection, AccountChanged(account=name, change="added", role=role.value), by, now)
        self._carry()

    def reset(self, name: str, password: str, *, by: str) -> None:
        """Another password, no second factor, no session, no lock: for who lost theirs.

        Raises AccountUnknown, PasswordRefused.
        """
        expect_good(password, name)
        values = {"password_hash": self._hash(password), "totp_secret": "", "totp_confirmed_us": None}
        self._change(name, "reset", by, **values, failures=0, locked_until_us=None, totp_last_step=0)

    def drop_second(self, name: str, *, by: str) -> None:
        """No second factor any more: it is set up anew at the next log-in. Raises AccountUnknown."""
        self._change(name, "second-factor-dropped", by, totp_secret="", totp_confirmed_us=None, totp_last_step=0)

    def give_role(self, name: str, role: Role, *, by: str) -> None:
        """What an account may do from now on; its sessions end. The same again changes nothing.

        Raises AccountUnknown, LastAdministrator.
        """
        with self._database.begin() as connection:
            row = _named(connection, name)
            if row["role"] != role.value:
                expect_administrator_left(connection, name)
                self._change_in(connection, row, "role", by, role=role.value)
        self._carry()

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

    # --- sessions -----------------------------------------------------------------------------------------------

    def sessions_of(self, name: str) -> tuple[SessionHeld, ...]:
        """The sessions of an account that are not over, the one seen last first. Raises AccountUnknown."""
        with self._database.read() as connection:
            return sessions.held(connection, _named(connection, name)["id"], self._clock.read().at)

    def end_session(self, name: str, key: str, *, by: str) -> None:
        """End one session of an account, by its key. Raises AccountUnknown, SessionUnknown."""
        with self._database.begin() as connection:
            row = _named(connection, name)
            if not sessions.end(connection, row["id"], key=key):
                raise SessionUnknown(name=name, key=key)
            self._changed(connection, row, "session-ended", by)
        self._carry()

    def end_sessions(self, name: str, *, by: str, but: str = "") -> int:
        """End all sessions of an account, or all but the one of a key; how many there were. Raises AccountUnknown."""
        with self._database.begin() as connection:
            row = _named(connection, name)
            ended = sessions.end(connection, row["id"], but=but)
            if ended:
                self._changed(connection, row, "sessions-ended", by)
        self._carry()
        return ended

    # --- within -------------------------------------------------------------------------------------------------

    def _change(self, name: str, change: str, by: str, **values: Any) -> None:
        """Change an account and end its sessions."""
        with self._database.begin() as connection:
            self._change_in(connection, _named(connection, name), change, by, **values)
        self._carry()

    def _change_in(self, connection: Connection, row: RowMapping, change: str, by: str, **values: Any) -> None:
        connection.execute(update(account).where(account.c.id == row["id"]).values(**values))
        connection.execute(delete(session).where(session.c.account == row["id"]))
        if "totp_secret" in values:
            connection.execute(delete(recovery_code).where(recovery_code.c.account == row["id"]))
        self._changed(connection, {**row, **values}, change, by)

    def _changed(self, connection: Connection, row: Mapping[Any, Any], change: str, by: str) -> None:
        told = AccountChanged(account=row["name"], change=change, role=row["role"])
        note(connection, told, by, to_us(self._clock.read().at))

    def _expect(self, token: str, *stages: Stage) -> Session:
        here = self.who(token)
        if here is None or here.stage not in stages:
            raise SessionOver
        return here

    def _hash(self, password: str) -> str:
        with self._hashing:
            return _HASHER.hash(password)

    def _unchanged(self, connection: Connection, row: RowMapping, now: datetime) -> RowMapping:
        """An account as it is now, if what was checked still holds. Raises AccountLocked, LogInRefused."""
        current = _held(connection, row["id"])
        tries.expect_open(current["locked_until_us"], now)
        if current["password_hash"] != row["password_hash"] or current["disabled_us"] is not None:
            raise LogInRefused
        return current


def _named(connection: Connection, name: str) -> RowMapping:
    """The account of a name. Raises AccountUnknown."""
    row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
    if row is None:
        known = connection.execute(select(account.c.name).order_by(account.c.name)).scalars().all()
        raise AccountUnknown(name=name, known=", ".join(known) or "nobody")
    return row


def _held(connection: Connection, number: int) -> RowMapping:
    """An account, which nobody else changes until the transaction's end."""
    return connection.execute(select(account).where(account.c.id == number).with_for_update()).mappings().one()


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password[: decide.PASSWORD_MAX])
    except VerifyMismatchError:
        return False


def _actor(name: str) -> str:
    return f"person:{name}"
