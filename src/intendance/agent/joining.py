"""`node join`: a node proves to a manager that it holds its ledger's key, and keeps what the manager gives it."""

from __future__ import annotations

from pathlib import Path

from intendance import __version__
from intendance.agent import membership
from intendance.agent.manager_link import JOINING_SECONDS, Link, connect, pinned_authority
from intendance.agent.membership import Membership
from intendance.agent.opening import open_book
from intendance.ledger.keys import load_key
from intendance.model.errors.fleet import ManagerUnreachable, TokenMalformed, TokenRefused
from intendance.model.errors.ledger import CheckpointUnusable
from intendance.model.evidence.lifecycle import Genesis
from intendance.system.clock import Clock
from intendance.wire import messages, signing
from intendance.wire.token import PLAIN, SYSTEM, Token, read_token

_TOKEN_LIMIT_BYTES = 1024


def token_in(content: bytes) -> Token:
    """The token of a file or of what was typed. Raises TokenMalformed."""
    try:
        return read_token(content[:_TOKEN_LIMIT_BYTES].decode("ascii"))
    except UnicodeDecodeError:
        raise TokenMalformed from None


def join(state: Path, url: str, token: Token, clock: Clock) -> Membership:
    """Enrol this node with the manager at `url` and keep its place in the fleet.

    Raises NoState and the ledger's refusals, TokenRefused, ManagerUnproven, ManagerUnreachable, ManagerRefused.
    """
    with open_book(state, clock) as book:
        fleet = book.origin.partition("/")[0]
        if (token.fleet, token.node) != (fleet, book.node):
            raise TokenRefused(detail=f"it was made for {token.fleet}/{token.node}, and this is {fleet}/{book.node}")
        head = book.seal()
        if head is None:
            raise CheckpointUnusable(path=book.layout.checkpoint, detail="the file is missing", state=state)
        (genesis,) = book.facts("genesis", latest=1)
        asked = _asking(token, book.key.text, genesis.data, head.note.decode(), state)
    _expect_address(url)
    authority = pinned_authority(url, token.pin) if token.pin not in {SYSTEM, PLAIN} else ""
    link = Link((url,), authority=authority, timeout_seconds=JOINING_SECONDS)
    try:
        answer = messages.decode(link.post("/api/v1/enrol", messages.encode(asked)), messages.EnrolmentAnswer)
    finally:
        link.close()
    others = tuple(each for each in answer.urls if each != url)
    joined = Membership(
        fleet=answer.fleet, node=answer.node, incarnation=answer.incarnation, bearer=answer.bearer,
        urls=(url, *others), authority=authority,
    )  # fmt: skip
    membership.keep(state, joined)
    return joined


def _expect_address(url: str) -> None:
    try:
        connect(url, "")
    except ValueError as error:
        raise ManagerUnreachable(url=url, detail=str(error)) from None


def _asking(token: Token, ledger_key: str, genesis: Genesis, checkpoint: str, state: Path) -> messages.Enrolment:
    private = load_key(state / "agent" / "keys" / "ledger.key")
    text = signing.enrolment_text(
        token=token.text, fleet=token.fleet, node=token.node, ledger_key=ledger_key, checkpoint=checkpoint
    )
    return messages.Enrolment(
        v=messages.VERSION,
        token=token.text,
        node=token.node,
        ledger_key=ledger_key,
        openpgp_fingerprint=genesis.openpgp_fingerprint,
        checkpoint=checkpoint,
        proof=signing.prove(private, text),
        software=f"intendance {__version__}",
    )


def key_fingerprint(state: Path, clock: Clock) -> str:
    """The fingerprint of this node's ledger key, as people compare it. Raises NoState and the ledger's refusals."""
    with open_book(state, clock) as book:
        return signing.fingerprint_of(book.key.public)
