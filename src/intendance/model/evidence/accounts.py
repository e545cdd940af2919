"""Evidence of the people who may log in to the manager: what changed of their accounts, and when they came."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged:
    """`change` says what was done to an account: `added`, `disabled`, `reset`, `role`, `second-factor`,
    `second-factor-dropped`, `session-ended`, `sessions-ended`. The record's actor did it; `role` is the account's from
    then on."""

    account: str
    change: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """Somebody logged in to an account, with one factor or with two."""

    account: str
    role: str
    factors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChanged:
    """`change` says what was done to a token with which programs ask the manager: `added`, `revoked`. The record's
    actor did it; nobody's secret stands here."""

    token: str
    change: str
    scopes: tuple[str, ...]
