"""Tables of the people who may log in, and of the tokens with which programs ask."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from intendance.fleet.database.columns import Number, count, instant, metadata, numbered, words

account = Table(
    "account",
    metadata,
    numbered(),
    Column("name", Text, nullable=False, unique=True),
    words("full_name"),
    Column("role", Text, nullable=False),
    words("contact"),  # of the plan
    words("language"),
    words("password_hash"),
    words("totp_secret"),
    Column("totp_confirmed_us", BigInteger),
    count("totp_last_step"),  # a code is used once
    count("failures"),
    instant("locked_until_us", nullable=True),
    instant("made_us"),
    words("made_by"),
    instant("disabled_us", nullable=True),
    CheckConstraint("role IN ('viewer', 'operator', 'admin', 'auditor')", name="role"),
)

tried_name = Table(
    "tried_name",
    metadata,
    numbered(),
    Column("name_sha256", Text, nullable=False, unique=True),  # a name without an account that somebody tried
    count("failures"),
    instant("locked_until_us", nullable=True),
)

session = Table(
    "session",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("account", Number, ForeignKey("account.id"), nullable=False, index=True),
    words("stage"),  # what is still owed: the second factor, or nothing
    words("csrf"),
    instant("made_us"),
    instant("seen_us"),
    instant("expires_us"),
    words("address"),
    words("browser"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("account", Number, ForeignKey("account.id"), primary_key=True),
    Column("code_sha256", Text, primary_key=True),
    instant("used_us", nullable=True),
)

api_token = Table(
    "api_token",
    metadata,
    numbered(),
    Column("name", Text, nullable=False),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),  # with blanks between
    instant("made_us"),
    words("made_by"),
    instant("expires_us", nullable=True),
    instant("used_us", nullable=True),
    instant("revoked_us", nullable=True),
    words("revoked_by"),
    Index("uq_api_token_open", "name", unique=True, sqlite_where=text("revoked_us IS NULL"),
          postgresql_where=text("revoked_us IS NULL")),
)  # fmt: skip
