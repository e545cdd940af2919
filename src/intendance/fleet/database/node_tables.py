"""Tables of what nodes say: who they are, their beats, evidence, the verdicts on it; and of the manager itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from intendance.fleet.database.columns import count, instant, metadata, numbered, words

# --- nodes ----------------------------------------------------------------------------------------------------------

node = Table(
    "node",
    metadata,
    Column("node", Text, primary_key=True),
    Column("incarnation", Integer, nullable=False),
    Column("token_sha256", Text, unique=True),  # NULL: may not speak
    words("site"),
    words("region"),
    Column("labels", Text, nullable=False, server_default="{}"),  # a JSON object of strings
    words("software"),
    instant("enrolled_us"),
    words("enrolled_by"),
    instant("decommissioned_us", nullable=True),
    words("decommissioned_by"),
)

node_key = Table(
    "node_key",
    metadata,
    Column("node", Text, ForeignKey("node.node"), primary_key=True),
    Column("incarnation", Integer, primary_key=True),
    Column("origin", Text, nullable=False, unique=True),
    Column("ledger_key", Text, nullable=False),  # a C2SP verifier key
    Column("fingerprint", Text, nullable=False),  # SHA-256 of the public key, in hex
    instant("began_us"),
    instant("ended_us", nullable=True),
    Column("trusted_size", BigInteger),  # at its end: how many records were trusted
)

enrolment_token = Table(
    "enrolment_token",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("node", Text, nullable=False, index=True),
    Column("key_fingerprint", Text),  # of the one key that may come in the place of a known one
    instant("made_us"),
    words("made_by"),
    instant("expires_us"),
    instant("used_us", nullable=True),
)

# --- beats ----------------------------------------------------------------------------------------------------------

node_state = Table(
    "node_state",
    metadata,
    Column("node", Text, ForeignKey("node.node"), primary_key=True),
    Column("incarnation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    instant("state_since_us"),
    instant("last_seen_us"),
    instant("deadline_us"),
    words("boot"),
    count("seq"),
    count("skew_ms"),  # the node's clock minus the manager's
    count("streak"),  # beats in time, one after the other
    count("spooled"),
    words("former_boots"),  # the last ones, quoted as in an address, with blanks between
    words("software"),
    CheckConstraint("state IN ('up', 'late', 'missing', 'unobservable', 'silenced')", name="state"),
    Index("ix_node_state_state_deadline_us", "state", "deadline_us"),
)

beat_slot = Table(
    "beat_slot",
    metadata,
    Column("node", Text, ForeignKey("node.node"), primary_key=True),
    Column("hour_us", BigInteger, primary_key=True),
    count("heard"),  # bit n: a beat came in minute n
    count("backfilled"),  # bit n: the node said later that it had lived
)

beat_silence = Table(
    "beat_silence",
    metadata,
    Column("node", Text, ForeignKey("node.node"), primary_key=True),
    Column("from_us", BigInteger, primary_key=True),  # the last beat before it
    instant("to_us"),  # the beat that ended it
    Index("ix_beat_silence_to_us", "to_us"),
)

observability_gap = Table(
    "observability_gap",
    metadata,
    numbered(),
    instant("from_us"),
    instant("to_us", nullable=True),
    Column("cause", Text, nullable=False),
    words("detail"),
    Index("uq_observability_gap_open", "cause", unique=True, sqlite_where=text("to_us IS NULL"),
          postgresql_where=text("to_us IS NULL")),
)  # fmt: skip

# --- evidence -------------------------------------------------------------------------------------------------------

evidence_record = Table(
    "evidence_record",
    metadata,
    Column("node", Text, primary_key=True),
    Column("incarnation", Integer, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("asset", Text),
    Column("ts", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # canonical bytes
    instant("received_us"),
    Index("ix_evidence_record_judged_by", "node", "incarnation", "kind", "asset", "seq", "ts"),
)

evidence_attachment = Table(
    "evidence_attachment",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("media", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

evidence_amount = Table(
    "evidence_amount",
    metadata,
    Column("node", Text, primary_key=True),
    Column("day_us", BigInteger, primary_key=True),  # the beginning of a day in UTC
    count("records_bytes"),  # that it filled here on that day
    count("attached_bytes"),
)

evidence_head = Table(
    "evidence_head",
    metadata,
    Column("node", Text, primary_key=True),
    Column("incarnation", Integer, primary_key=True),
    count("size"),  # records that are here
    words("last_sha256"),
    Column("edge", LargeBinary, nullable=False),  # the tree's right edge at that size
    count("signed_size"),  # of the newest checkpoint that was verified
    words("note"),
    instant("changed_us"),
    count("bound_size"),  # how much of it a record of the fleet log binds
    count("bound_seq"),  # the number of that record
    instant("bound_us", nullable=True),
    Index("ix_evidence_head_changed_us", "changed_us"),
)

word = Table(
    "word",
    metadata,
    numbered(),
    Column("log", Text, nullable=False),  # the C2SP verifier key that signs it
    Column("seq", BigInteger, nullable=False),
    Column("source", Text, nullable=False),  # whose log it is, as its records say
    Column("by_whom", Text, nullable=False),  # the manager, or a host of the plan
    Column("node", Text, nullable=False),  # whom it is about
    Column("asset", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ts", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # canonical bytes
    UniqueConstraint("log", "seq"),
    Index("ix_word_judged_by", "node", "asset", "kind", "log", "seq"),
    Index("ix_word_node_id", "node", "id"),
)

finding = Table(
    "finding",
    metadata,
    numbered(),
    Column("node", Text, nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # what makes the same thing found again the same finding
    words("detail"),
    words("exhibit"),  # the signed text that shows it
    count("folded"),  # how many more it stands for
    instant("found_us"),
    instant("settled_us", nullable=True),
    words("settled_by"),
    words("settled_why"),
    Column("settled_seq", BigInteger),  # of the fleet log
    UniqueConstraint("node", "incarnation", "kind", "subject"),
)

# --- verdicts -------------------------------------------------------------------------------------------------------

verdict = Table(
    "verdict",
    metadata,
    Column("node", Text, primary_key=True),  # empty: of the whole fleet
    Column("rule", Text, primary_key=True),
    Column("asset", Text, primary_key=True),  # empty: of the whole node
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    instant("since_us"),
    Column("reason", Text, nullable=False),  # JSON: code and parameters
    Column("evidence", Text, nullable=False),  # JSON: the records it cites
    Column("attested_by", Text, nullable=False),
    instant("judged_us"),
    instant("next_change_us", nullable=True),
    Index("ix_verdict_next_change_us", "next_change_us"),
)

judged = Table(
    "judged",
    metadata,
    Column("node", Text, primary_key=True),
    Column("incarnation", Integer, nullable=False),
    count("size"),  # records of that ledger that were judged
    count("words"),  # the newest word of others that was
    instant("again_us"),  # when time alone may change a verdict
    Column("program", Text, nullable=False),  # what judged
    Index("ix_judged_again_us", "again_us"),
)

verdict_interval = Table(
    "verdict_interval",
    metadata,
    Column("node", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("from_us", BigInteger, primary_key=True),
    instant("to_us", nullable=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("uq_verdict_interval_open", "node", "rule", "asset", unique=True, sqlite_where=text("to_us IS NULL"),
          postgresql_where=text("to_us IS NULL")),
    Index("ix_verdict_interval_to_us", "to_us"),
)  # fmt: skip

# --- the manager itself ---------------------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),  # counts holders: a fencing token
    instant("until_us"),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
