"""Enrolment, the list of nodes, and their end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from intendance.fleet.acts.writing import note as note_act
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.beats.presence import presence
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import (
    enrolment_token,
    evidence_head,
    finding,
    node,
    node_key,
    node_state,
)
from intendance.fleet.nodes import decide
from intendance.ledger import note
from intendance.ledger.note import VerifierKey
from intendance.ledger.origin import node_of
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import NodeKnown, NodeNotEnrolled, ProofRefused
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.evidence.acts import NodeDecommissioned, NodeEnrolled, NodeInvited
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock, rfc3339
from intendance.wire import signing
from intendance.wire.messages import Enrolment, EnrolmentAnswer
from intendance.wire.token import LIFETIME_US, Token, read_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """A token, shown once. `known_fingerprint` is the key that the node has now, if it is known."""

    token: Token
    expires_at: datetime
    known_fingerprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeen:
    """A node as the manager knows it. `evidence_size` records are kept; `findings`: how many are not settled."""

    node: str
    incarnation: int
    state: str
    last_seen_at: datetime | None
    skew_ms: int
    software: str
    fingerprint: str
    enrolled_at: datetime
    decommissioned_at: datetime | None
    evidence_size: int
    signed_size: int
    findings: int


class Nodes:
    """The nodes of one fleet. `carry` takes who came and who was let go to the fleet log, once it is done; `urls` says
    where a node that comes in finds the manager."""

    def __init__(
        self,
        database: Database,
        fleet: str,
        clock: Clock,
        urls: Callable[[], Sequence[str]] = tuple,
        carry: Callable[[], object] = tuple,
    ) -> None:
        self.fleet = fleet
        self._carry = carry
        self._database = database
        self._clock = clock
        self._urls = urls

    def _now_us(self) -> int:
        return to_us(self._clock.read().at)

    def known_key(self, name: str) -> str | None:
        """The fingerprint of the key that a node has now; None for one that was never enrolled."""
        with self._database.read() as connection:
            known = _newest_key(connection, name)
        return None if known is None else known.fingerprint

    def invite(self, name: str, *, by: str, pin: str, key_fingerprint: str | None = None) -> Invited:
        """Make a token of 15 minutes for a node. One that is known needs the fingerprint of the key that may come.

        Raises NodeKnown, DatabaseUnreachable.
        """
        now_us = self._now_us()
        token = Token(self.fleet, name, pin, secrets.token_urlsafe(32))
        with self._database.begin() as connection:
            known = _newest_key(connection, name)
            if known is not None and key_fingerprint is None:
                raise NodeKnown(node=name, known=known.fingerprint, asking="KEY")
            connection.execute(
                insert(enrolment_token).values(
                    token_sha256=token.sha256,
                    node=name,
                    key_fingerprint=key_fingerprint,
                    made_us=now_us,
                    made_by=by,
                    expires_us=now_us + LIFETIME_US,
                )
            )
            invited = NodeInvited(
                node=name,
                until=rfc3339(from_us(now_us + LIFETIME_US)),
                at=rfc3339(from_us(now_us)),
                fingerprint=key_fingerprint or "",
            )
            note_act(connection, invited, by, now_us)
        self._carry()
        fingerprint = None if known is None else known.fingerprint
        return Invited(token=token, expires_at=from_us(now_us + LIFETIME_US), known_fingerprint=fingerprint)

    def enrol(self, asked: Enrolment) -> EnrolmentAnswer:
        """Let a node in that has a good token and proves its key. Raises TokenMalformed, TokenRefused, ProofRefused,
        NodeKnown, DatabaseUnreachable."""
        token = read_token(asked.token)
        key = self._proven(asked, token)
        bearer = secrets.token_urlsafe(32)
        now_us = self._now_us()
        with self._database.begin() as connection:
            row = connection.execute(
                select(enrolment_token).where(enrolment_token.c.token_sha256 == token.sha256).with_for_update()
            ).one_or_none()
            admission = decide.admit(
                None if row is None else _invitation(row),
                _newest_key(connection, asked.node),
                node=asked.node,
                fingerprint=signing.fingerprint_of(key.public),
                origin=key.name,
                now_us=now_us,
            )
            if isinstance(admission, IntendanceError):
                raise admission
            used = enrolment_token.c.token_sha256 == token.sha256
            connection.execute(update(enrolment_token).where(used).values(used_us=now_us))
            invited_by = "" if row is None else row.made_by
            _take_in(connection, asked, key, admission, bearer, invited_by, now_us)
            size = _evidence_size(connection, asked.node, admission.incarnation)
            enrolled = NodeEnrolled(
                node=asked.node,
                incarnation=admission.incarnation,
                fingerprint=signing.fingerprint_of(key.public),
                at=rfc3339(from_us(now_us)),
            )
            note_act(connection, enrolled, invited_by, now_us)
        self._carry()
        return EnrolmentAnswer(
            fleet=self.fleet,
            node=asked.node,
            incarnation=admission.incarnation,
            bearer=bearer,
            urls=tuple(self._urls()),
            evidence_size=size,
        )

    def _proven(self, asked: Enrolment, token: Token) -> VerifierKey:
        """The node's key: it signs its own head and this very request. Raises ProofRefused."""
        try:
            key = VerifierKey.parse(asked.ledger_key)
            head, signed = note.read_checkpoint(asked.checkpoint.encode())
        except NoteMalformed as error:
            raise ProofRefused(node=asked.node, detail=str(error.params["detail"])) from None
        if key.name.partition("/")[0] != self.fleet or token.fleet != self.fleet:
            raise ProofRefused(node=asked.node, detail="its ledger is of another fleet")
        if node_of(key.name) != asked.node or head.origin != key.name:
            raise ProofRefused(node=asked.node, detail="its ledger is of another node")
        text = signing.enrolment_text(
            token=asked.token,
            fleet=self.fleet,
            node=asked.node,
            ledger_key=asked.ledger_key,
            checkpoint=asked.checkpoint,
        )
        if not note.verify_note(signed, key) or not signing.is_proven(key.public, text, asked.proof):
            raise ProofRefused(node=asked.node, detail="the signature is not of this key")
        return key

    def decommission(self, name: str, *, by: str) -> int:
        """Let a node speak no more; how many of its records were trusted.

        Raises NodeNotEnrolled, DatabaseUnreachable.
        """
        now_us = self._now_us()
        with self._database.begin() as connection:
            row = connection.execute(select(node).where(node.c.node == name).with_for_update()).one_or_none()
            if row is None:
                names = connection.execute(select(node.c.node)).scalars().all()
                near = get_close_matches(name, names, 1)
                raise NodeNotEnrolled(node=name, suggestion=f"; did you mean `{near[0]}`?" if near else ".")
            size = _end_key(connection, name, row.incarnation, now_us)
            if row.decommissioned_us is None:
                ended = {"token_sha256": None, "decommissioned_us": now_us, "decommissioned_by": by}
                connection.execute(update(node).where(node.c.node == name).values(**ended))
                note_act(connection, _let_go(connection, name, row.incarnation, size, now_us), by, now_us)
            connection.execute(node_state.delete().where(node_state.c.node == name))
        self._carry()
        return size

    def listed(self, *, after: str = "", limit: int | None = None) -> tuple[NodeSeen, ...]:
        """Every node that was ever enrolled, by name: those that come after a name, so many. Raises
        DatabaseUnreachable."""
        real = ~node.c.node.startswith(".", autoescape=True)  # those are the manager's own, to try itself
        return self._seen(real & (node.c.node > after), limit)

    def one(self, name: str) -> NodeSeen:
        """One node. Raises NodeNotEnrolled, DatabaseUnreachable."""
        found = self._seen(node.c.node == name, 1)
        if not found:
            raise NodeNotEnrolled(node=name, suggestion=".")
        return found[0]

    def _seen(self, wanted: ColumnElement[bool], limit: int | None) -> tuple[NodeSeen, ...]:
        open_findings = (
            select(finding.c.node, func.count().label("found"))
            .where(finding.c.settled_us.is_(None))
            .group_by(finding.c.node)
            .subquery()
        )
        this_key = (node_key.c.node == node.c.node) & (node_key.c.incarnation == node.c.incarnation)
        this_head = (evidence_head.c.node == node.c.node) & (evidence_head.c.incarnation == node.c.incarnation)
        asked = (
            select(
                node, node_key.c.fingerprint, node_state.c.deadline_us, node_state.c.last_seen_us, node_state.c.skew_ms,
                evidence_head.c.size, evidence_head.c.signed_size, open_findings.c.found,
            )
            .join(node_key, this_key)
            .outerjoin(node_state, node_state.c.node == node.c.node)
            .outerjoin(evidence_head, this_head)
            .outerjoin(open_findings, open_findings.c.node == node.c.node)
            .where(wanted)
            .order_by(node.c.node)
            .limit(limit)
        )  # fmt: skip
        now = self._clock.read().at
        with self._database.read() as connection:
            return tuple(_seen(row, now) for row in connection.execute(asked))


def _seen(row: Row[tuple[object, ...]], now: datetime) -> NodeSeen:
    ended = row.decommissioned_us
    heard = presence(_at(row.last_seen_us), _at(row.deadline_us), now)
    return NodeSeen(
        node=row.node,
        incarnation=row.incarnation,
        state="decommissioned" if ended is not None else heard.value,
        last_seen_at=_at(row.last_seen_us),
        skew_ms=row.skew_ms or 0,
        software=row.software,
        fingerprint=row.fingerprint,
        enrolled_at=from_us(row.enrolled_us),
        decommissioned_at=_at(ended),
        evidence_size=row.size or 0,
        signed_size=row.signed_size or 0,
        findings=row.found or 0,
    )


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _invitation(row: Row[tuple[object, ...]]) -> decide.Invitation:
    return decide.Invitation(
        node=row.node, key_fingerprint=row.key_fingerprint, expires_us=row.expires_us, used_us=row.used_us
    )


def _newest_key(connection: Connection, name: str) -> decide.KnownKey | None:
    keys = select(node_key).where(node_key.c.node == name).order_by(node_key.c.incarnation.desc())
    rows = connection.execute(keys).all()
    if not rows:
        return None
    newest, *former = rows
    return decide.KnownKey(
        incarnation=newest.incarnation,
        fingerprint=newest.fingerprint,
        origin=newest.origin,
        former_origins=tuple(row.origin for row in former),
    )


def _evidence_size(connection: Connection, name: str, incarnation: int) -> int:
    here = (evidence_head.c.node == name) & (evidence_head.c.incarnation == incarnation)
    return connection.execute(select(evidence_head.c.size).where(here)).scalar_one_or_none() or 0


def _end_key(connection: Connection, name: str, incarnation: int, now_us: int) -> int:
    """End the key that is in use, if it is: what it signed up to here was trusted."""
    here = (evidence_head.c.node == name) & (evidence_head.c.incarnation == incarnation)
    size = connection.execute(select(evidence_head.c.signed_size).where(here)).scalar_one_or_none() or 0
    this = (node_key.c.node == name) & (node_key.c.incarnation == incarnation) & node_key.c.ended_us.is_(None)
    connection.execute(update(node_key).where(this).values(ended_us=now_us, trusted_size=size))
    return size


def _let_go(connection: Connection, name: str, incarnation: int, size: int, now_us: int) -> NodeDecommissioned:
    known = _newest_key(connection, name)
    return NodeDecommissioned(
        node=name,
        incarnation=incarnation,
        fingerprint="" if known is None else known.fingerprint,
        trusted_records=size,
        at=rfc3339(from_us(now_us)),
    )


def _take_in(
    connection: Connection,
    asked: Enrolment,
    key: VerifierKey,
    admission: decide.Admission,
    bearer: str,
    by: str,
    now_us: int,
) -> None:
    name, incarnation = asked.node, admission.incarnation
    values = {
        "incarnation": incarnation,
        "token_sha256": sha256(bearer.encode()).hexdigest(),
        "software": asked.software,
        "enrolled_us": now_us,
        "enrolled_by": by,
        "decommissioned_us": None,
        "decommissioned_by": "",
    }
    if connection.execute(update(node).where(node.c.node == name).values(**values)).rowcount == 0:
        connection.execute(insert(node).values(node=name, **values))
    if admission.new_key:
        _end_key(connection, name, incarnation - 1, now_us)
        connection.execute(
            insert(node_key).values(
                node=name,
                incarnation=incarnation,
                origin=key.name,
                ledger_key=key.text,
                fingerprint=signing.fingerprint_of(key.public),
                began_us=now_us,
            )
        )
        connection.execute(
            insert(evidence_head).values(node=name, incarnation=incarnation, edge=b"", changed_us=now_us)
        )
    else:
        this = (node_key.c.node == name) & (node_key.c.incarnation == incarnation)
        connection.execute(update(node_key).where(this).values(ended_us=None, trusted_size=None))
    _begin_to_watch(connection, asked, incarnation, now_us)


def _begin_to_watch(connection: Connection, asked: Enrolment, incarnation: int, now_us: int) -> None:
    connection.execute(node_state.delete().where(node_state.c.node == asked.node))
    connection.execute(
        insert(node_state).values(
            node=asked.node,
            incarnation=incarnation,
            state="up",
            state_since_us=now_us,
            last_seen_us=now_us,
            deadline_us=now_us + MISSING_US,
            software=asked.software,
        )
    )
