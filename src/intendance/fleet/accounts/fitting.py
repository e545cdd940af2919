"""What may become of an account: passwords that will do, and an administrator who is left."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Role
from intendance.fleet.database.tables import account
from intendance.model.errors.accounts import LastAdministrator, PasswordRefused


def expect_good(password: str, name: str) -> None:
    """Raises PasswordRefused, with why."""
    fault = decide.password_fault(password, name)
    if fault is not None:
        told = {
            "short": f"it has fewer than {decide.PASSWORD_MIN} characters",
            "long": f"it has more than {decide.PASSWORD_MAX} characters",
            "plain": "it repeats a few characters",
            "name": "it is little more than the account's name",
        }
        raise PasswordRefused(detail=told[fault])


def expect_administrator_left(connection: Connection, name: str) -> None:
    """That somebody else administers, when this account does no more; nobody changes that until the transaction's end.

    Raises LastAdministrator.
    """
    able = (account.c.role == Role.ADMIN.value) & account.c.disabled_us.is_(None)
    locked = select(account.c.name).where(able).order_by(account.c.id).with_for_update()
    if set(connection.execute(locked).scalars()) == {name}:
        raise LastAdministrator(name=name)
