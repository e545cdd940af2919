"""Who is let into a fleet."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intendance.fleet.database.tables import node as node_table
from intendance.fleet.database.tables import node_key
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import (
    NodeKnown,
    NodeNotEnrolled,
    NotEnrolled,
    ProofRefused,
    SpeaksForAnother,
    TokenMalformed,
    TokenRefused,
)
from intendance.wire.token import Token
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock


def test_a_token_lets_its_node_in_once(manager: Manager, stranger: MakeNode) -> None:
    node = stranger()
    token = manager.nodes.invite("web-01", by="person:marie", pin="plain").token
    node.taken_in(manager.nodes.enrol(node.enrolment(token)))
    manager.ingest.reload()
    assert manager.ingest.who(node.bearer).node == "web-01"
    (seen,) = manager.nodes.listed()
    assert (seen.node, seen.incarnation, seen.state, seen.fingerprint) == ("web-01", 1, "up", node.fingerprint)
    with pytest.raises(TokenRefused, match="used before"):
        manager.nodes.enrol(node.enrolment(token))


def test_secrets_are_not_kept(manager: Manager, member: MakeNode) -> None:
    node = member()
    with manager.database.read() as connection:
        kept = str(connection.execute(select(node_table)).one())
    assert node.bearer.decode() not in kept


def test_a_token_is_over_after_15_minutes(manager: Manager, stranger: MakeNode, clock: MovableClock) -> None:
    token = manager.nodes.invite("web-01", by="test", pin="plain").token
    clock.move(timedelta(minutes=15))
    with pytest.raises(TokenRefused, match="older"):
        manager.nodes.enrol(stranger().enrolment(token))


def test_a_token_is_of_one_node(manager: Manager, stranger: MakeNode) -> None:
    token = manager.nodes.invite("web-01", by="test", pin="plain").token
    with pytest.raises(TokenRefused, match="another node"):
        manager.nodes.enrol(stranger("web-02").enrolment(token))


def test_a_token_that_nobody_made_is_refused(manager: Manager, stranger: MakeNode) -> None:
    with pytest.raises(TokenRefused, match="nobody"):
        manager.nodes.enrol(stranger().enrolment(Token("asbl", "web-01", "plain", "A" * 43)))
    node = stranger()
    with pytest.raises(TokenMalformed):
        manager.nodes.enrol(node.enrolment(Token("asbl", "web-01", "plain", "A" * 43), token="words"))


def test_another_fleet_is_refused(manager: Manager, stranger: MakeNode) -> None:
    token = manager.nodes.invite("web-01", by="test", pin="plain").token
    with pytest.raises(ProofRefused, match="another fleet"):
        manager.nodes.enrol(stranger(fleet="other").enrolment(token))


@pytest.mark.parametrize("changed", ["checkpoint", "ledger_key", "proof", "token"])
def test_what_is_signed_cannot_be_exchanged(manager: Manager, stranger: MakeNode, changed: str) -> None:
    node, thief = stranger(), stranger()
    token = manager.nodes.invite("web-01", by="test", pin="plain").token
    other = manager.nodes.invite("web-01", by="test", pin="plain").token
    stolen = thief.enrolment(other)
    with pytest.raises(ProofRefused):
        manager.nodes.enrol(node.enrolment(token, **{changed: getattr(stolen, changed)}))
    assert manager.nodes.known_key("web-01") is None


def test_a_known_node_is_not_invited_again_without_its_key(manager: Manager, member: MakeNode) -> None:
    member()
    with pytest.raises(NodeKnown):
        manager.nodes.invite("web-01", by="test", pin="plain")


def test_a_known_name_is_not_given_away_by_an_older_token(
    manager: Manager, stranger: MakeNode, member: MakeNode
) -> None:
    early = manager.nodes.invite("web-01", by="test", pin="plain").token
    thief = stranger()
    node = member()
    with pytest.raises(NodeKnown) as caught:
        manager.nodes.enrol(thief.enrolment(early))
    assert node.fingerprint in caught.value.message
    assert thief.fingerprint in caught.value.message
    assert manager.ingest.who(node.bearer).node == "web-01"


def test_a_rebuilt_node_comes_back_under_the_key_that_was_named(
    manager: Manager, stranger: MakeNode, member: MakeNode, clock: MovableClock
) -> None:
    before = member()
    before.record(3)
    manager.evidence.receive(before.batch(0))
    clock.move(timedelta(minutes=1))
    after, thief = stranger(), stranger()
    token = manager.nodes.invite("web-01", by="test", pin="plain", key_fingerprint=after.fingerprint).token
    with pytest.raises(TokenRefused, match="another key"):
        manager.nodes.enrol(thief.enrolment(token))
    after.taken_in(manager.nodes.enrol(after.enrolment(token)))
    assert after.incarnation == 2
    manager.ingest.reload()
    with pytest.raises(NotEnrolled):
        manager.ingest.who(before.bearer)
    with manager.database.read() as connection:
        keys = connection.execute(select(node_key.c.trusted_size).order_by(node_key.c.incarnation)).scalars().all()
    assert keys == [4, None]
    token = manager.nodes.invite("web-01", by="test", pin="plain", key_fingerprint=before.fingerprint).token
    with pytest.raises(TokenRefused, match="here before"):
        manager.nodes.enrol(before.enrolment(token))


def test_the_same_key_gets_a_new_secret(manager: Manager, member: MakeNode) -> None:
    node = member()
    old = node.bearer
    token = manager.nodes.invite("web-01", by="test", pin="plain", key_fingerprint=node.fingerprint).token
    node.taken_in(manager.nodes.enrol(node.enrolment(token)))
    manager.ingest.reload()
    assert node.incarnation == 1
    assert manager.ingest.who(node.bearer).node == "web-01"
    with pytest.raises(NotEnrolled):
        manager.ingest.who(old)


def test_a_node_that_is_put_out_is_heard_no_more(manager: Manager, member: MakeNode) -> None:
    node = member()
    node.record(2)
    manager.evidence.receive(node.batch(0))
    manager.ingest.hear(node.bearer, node.beat())
    assert manager.nodes.decommission("web-01", by="person:marie") == 3
    manager.ingest.flush()  # the beat that was remembered brings nothing back
    manager.ingest.reload()
    with pytest.raises(NotEnrolled):
        manager.ingest.hear(node.bearer, node.beat())
    (seen,) = manager.nodes.listed()
    assert (seen.state, seen.last_seen_at) == ("decommissioned", None)
    with pytest.raises(NodeKnown):
        manager.nodes.invite("web-01", by="test", pin="plain")


def test_a_name_that_is_none_is_told_with_the_nearest(manager: Manager, member: MakeNode) -> None:
    member()
    with pytest.raises(NodeNotEnrolled, match="web-01"):
        manager.nodes.decommission("web-1", by="test")


def test_no_node_speaks_for_another(manager: Manager, member: MakeNode) -> None:
    one, two = member("web-01"), member("web-02")
    with pytest.raises(SpeaksForAnother):
        manager.ingest.hear(one.bearer, two.beat())
