"""Evidence of what people decide on the manager: who answers for an alert, who is told nothing, which node belongs."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcked:
    """The record's actor took an alert in hand: nobody else is told of it before `until`, unless it begins anew.

    `alert` is its number on the manager, `cause` the rule or what detection found, `at` when they did; the record may
    have followed later.
    """

    alert: int
    cause: str
    node: str
    until: str
    at: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertUnacked:
    """The record's actor let an alert go that somebody had in hand: people are told again, from `at` on."""

    alert: int
    cause: str
    node: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencedLabel:
    """One condition of a silence: alerts with this value of this label."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSilenced:
    """The record's actor let nobody be told of the alerts that match all of `matches`, until `until`.

    A second record with the number of a silence moved its end. `at` is when they did.
    """

    silence: int
    matches: tuple[SilencedLabel, ...]
    until: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEnded:
    """The record's actor ended a silence before its time; `at` is when."""

    silence: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlanned:
    """The plan that the manager follows from here on: whom it tells of what, into which stores it looks.

    `source_sha256` is of the file as read; the attachment, whose SHA-256 is `plans_sha256`, has a line with the SHA-256
    of the compiled plan of each of the `nodes` that the file names.
    """

    source_sha256: str
    plans_sha256: str
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInvited:
    """The record's actor made a token, at `at`, by which a node may come in until `until`, once.

    `fingerprint` is of the key that may come, where the node was known before and only that key may; empty: any.
    """

    node: str
    until: str
    at: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnrolled:
    """A node was let in, by a token that the record's actor made: the manager believes the key of `fingerprint` from
    `at` on."""

    node: str
    incarnation: int
    fingerprint: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDecommissioned:
    """The record's actor ended a node's membership: nothing is taken from it any more, and nobody is told that it is
    silent. `trusted_records` of its ledger were signed and held at `at`."""

    node: str
    incarnation: int
    fingerprint: str
    trusted_records: int
    at: str
