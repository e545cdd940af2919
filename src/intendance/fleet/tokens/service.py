"""Tokens of programs: kept as their SHA-256, shown once. What is done to them goes to the fleet log."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from intendance.fleet.acts.writing import note
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import api_token
from intendance.fleet.tokens import decide
from intendance.fleet.tokens.decide import Kept, Scope
from intendance.model.errors.api import ApiTokenExists, ApiTokenRefused, ApiTokenUnknown
from intendance.model.evidence.accounts import TokenChanged
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock

PREFIX = "intendance_"
"""So that whoever finds one in a file knows what it is."""
_LONGEST = 200
_TOUCH_US = 60 * 1_000_000
"""Its last use is written once a minute: Prometheus asks more often than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as a list shows it, without its secret."""

    name: str
    scopes: frozenset[Scope]
    made_at: datetime
    made_by: str
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who comes with a token: its name, and what it may."""

    name: str
    scopes: frozenset[Scope]


class Tokens:
    """The tokens of one manager. Every method is one transaction; `carry` takes what it did to the fleet log."""

    def __init__(self, database: Database, clock: Clock, carry: Callable[[], object]) -> None:
        self._database = database
        self._clock = clock
        self._carry = carry

    def create(self, name: str, scopes: Iterable[Scope], *, by: str, expires_at: datetime | None = None) -> str:
        """Make a token and give its secret, which nobody can show again. Raises ApiTokenExists, DatabaseUnreachable."""
        secret = PREFIX + secrets.token_urlsafe(32)
        row = {
            "name": name,
            "token_sha256": _digest(secret.encode()),
            "scopes": decide.written(scopes),
            "made_us": (now_us := to_us(self._clock.read().at)),
            "made_by": by,
            "expires_us": None if expires_at is None else to_us(expires_at),
        }
        try:
            with self._database.begin() as connection:
                connection.execute(insert(api_token).values(**row))
                scoped = tuple(decide.written(scopes).split())
                note(connection, TokenChanged(token=name, change="added", scopes=scoped), by, now_us)
        except IntegrityError:
            raise ApiTokenExists(name=name) from None
        self._carry()
        return secret

    def revoke(self, name: str, *, by: str) -> None:
        """Let a token open nothing any more. Raises ApiTokenUnknown, DatabaseUnreachable."""
        opened = api_token.c.revoked_us.is_(None)
        now_us = to_us(self._clock.read().at)
        ended = {"revoked_us": now_us, "revoked_by": by}
        with self._database.begin() as connection:
            found = connection.execute(
                select(api_token.c.scopes).where(api_token.c.name == name, opened)
            ).scalar_one_or_none()
            if found is None:
                names = connection.execute(select(api_token.c.name).where(opened)).scalars().all()
                near = get_close_matches(name, names, 1)
                raise ApiTokenUnknown(name=name, suggestion=f"; did you mean `{near[0]}`?" if near else ".")
            connection.execute(update(api_token).where(api_token.c.name == name, opened).values(**ended))
            note(connection, TokenChanged(token=name, change="revoked", scopes=tuple(found.split())), by, now_us)
        self._carry()

    def listed(self) -> tuple[ApiToken, ...]:
        """Every token that was ever made, those that may be used first. Raises DatabaseUnreachable."""
        now_us = to_us(self._clock.read().at)
        with self._database.read() as connection:
            rows = connection.execute(select(api_token).order_by(api_token.c.name, api_token.c.id)).all()
        found = (_shown(row, now_us) for row in rows)
        return tuple(sorted(found, key=lambda each: not each.usable))

    def who(self, secret: bytes) -> Holder:
        """The token of a secret, whose use is noted. Raises ApiTokenRefused, DatabaseUnreachable."""
        now_us = to_us(self._clock.read().at)
        if len(secret) > _LONGEST:
            raise ApiTokenRefused
        this = api_token.c.token_sha256 == _digest(secret)
        with self._database.read() as connection:
            row = connection.execute(select(api_token).where(this)).one_or_none()
        if row is None or not decide.usable(_kept(row), now_us):
            raise ApiTokenRefused
        if decide.touch(row.used_us, now_us, _TOUCH_US):
            with self._database.begin(durable=False) as connection:
                connection.execute(update(api_token).where(this).values(used_us=now_us))
        return Holder(name=row.name, scopes=decide.scopes_of(row.scopes))


def _digest(secret: bytes) -> str:
    """A secret of 32 random bytes needs no slow hash: there is nothing to guess."""
    return sha256(secret).hexdigest()


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    return Kept(scopes=decide.scopes_of(row.scopes), expires_us=row.expires_us, revoked_us=row.revoked_us)


def _shown(row: Row[tuple[object, ...]], now_us: int) -> ApiToken:
    kept = _kept(row)
    return ApiToken(
        name=row.name,
        scopes=kept.scopes,
        made_at=from_us(row.made_us),
        made_by=row.made_by,
        expires_at=None if row.expires_us is None else from_us(row.expires_us),
        used_at=None if row.used_us is None else from_us(row.used_us),
        revoked_at=None if row.revoked_us is None else from_us(row.revoked_us),
        usable=decide.usable(kept, now_us),
    )
