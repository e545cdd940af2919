"""What counts once: codes of authenticators, and recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from intendance.fleet.accounts import decide
from intendance.fleet.database.connect import to_us
from intendance.fleet.database.tables import account, recovery_code


def take_step(connection: Connection, row: Any, code: str, now: datetime) -> bool:
    """Whether a code counts; it then never does again, not even in a transaction at the same time."""
    if not row["totp_secret"]:
        return False
    step = decide.accepted_step(row["totp_secret"], code, now, row["totp_last_step"])
    if step is None:
        return False
    unused = (account.c.id == row["id"]) & (account.c.totp_last_step < step)
    return connection.execute(update(account).where(unused).values(totp_last_step=step)).rowcount == 1


def take_recovery(connection: Connection, number: int, code: str, now: datetime) -> bool:
    """Whether a recovery code counts; it then never does again."""
    mine = (recovery_code.c.account == number) & (recovery_code.c.code_sha256 == digest(code.strip().lower()))
    unused = mine & recovery_code.c.used_us.is_(None)
    return connection.execute(update(recovery_code).where(unused).values(used_us=to_us(now))).rowcount == 1


def keep_recovery(connection: Connection, number: int, codes: Sequence[str]) -> None:
    """New recovery codes in place of all former ones; the database holds their hashes."""
    connection.execute(delete(recovery_code).where(recovery_code.c.account == number))
    for code in codes:
        connection.execute(insert(recovery_code).values(account=number, code_sha256=digest(code)))


def digest(token: str) -> str:
    """Tokens and codes are random and long, so that a plain hash keeps them; the database holds no token."""
    return sha256(token.encode()).hexdigest()
