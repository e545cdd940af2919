"""A node as a manager meets it: a real ledger with a real key, and what it would send."""

from __future__ import annotations

from pathlib import Path

from intendance.ledger.book import Book
from intendance.ledger.keys import load_key
from intendance.model.evidence.run import RunEnded
from intendance.system.clock import Clock
from intendance.wire import messages, signing
from intendance.wire.token import Token


class SimulatedNode:
    """A node without an agent."""

    def __init__(self, name: str, clock: Clock, state: Path, *, fleet: str = "asbl") -> None:
        self.name = name
        self.clock = clock
        self.state = state
        self.book = Book.create(
            self.state, fleet=fleet, node=name, openpgp_fingerprint="0" * 40, software="test", clock=clock
        )
        self.seq = 0
        self.incarnation = 1
        self.bearer = b""

    @property
    def checkpoint(self) -> str:
        return (self.state / "agent" / "ledger" / "checkpoint").read_text()

    @property
    def fingerprint(self) -> str:
        return signing.fingerprint_of(self.book.key.public)

    def enrolment(self, given: Token, /, **changed: str) -> messages.Enrolment:
        """What it sends to join, rightly signed unless something is changed afterwards."""
        text = signing.enrolment_text(
            token=given.text, fleet=given.fleet, node=self.name, ledger_key=self.book.key.text,
            checkpoint=self.checkpoint,
        )  # fmt: skip
        told = {
            "token": given.text,
            "node": self.name,
            "ledger_key": self.book.key.text,
            "openpgp_fingerprint": "0" * 40,
            "checkpoint": self.checkpoint,
            "proof": signing.prove(load_key(self.state / "agent" / "keys" / "ledger.key"), text),
            "software": "test",
        }
        return messages.Enrolment(v=1, **told | changed)

    def taken_in(self, answer: messages.EnrolmentAnswer) -> None:
        """Note what the manager answered."""
        self.bearer, self.incarnation = answer.bearer.encode(), answer.incarnation

    def record(self, count: int = 1) -> None:
        """Do something worth a record, so many times; signed at the end."""
        with self.book.transaction() as transaction:
            for number in range(count):
                ended = RunEnded(activity="backup.logical", outcome="crashed", attempt=number + 1, message="é")
                transaction.append(ended, actor="schedule:backup", asset="db")
        self.book.seal()

    def beat(self, *, seq: int | None = None, boot: str = "boot-a", checkpoint: str | None = None) -> messages.Beat:
        """The next heartbeat."""
        self.seq += 1
        now = self.clock.read()
        return messages.Beat(
            v=1, node=self.name, incarnation=self.incarnation, boot=boot, seq=self.seq if seq is None else seq,
            sent_at=int(now.at.timestamp() * 1_000_000), mono_ns=now.mono_ns, interval_seconds=60,
            checkpoint=self.checkpoint if checkpoint is None else checkpoint, spooled=0, software="test",
        )  # fmt: skip

    def batch(self, first: int, end: int | None = None, *, checkpoint: str | None = None) -> messages.EvidenceBatch:
        """Records [first, end) under the present head, or another."""
        size = self.book.size() if end is None else end
        return messages.EvidenceBatch(
            v=1,
            node=self.name,
            incarnation=self.incarnation,
            first_seq=first,
            records=tuple(self.book.content(seq).decode() for seq in range(first, size)),
            checkpoint=self.checkpoint if checkpoint is None else checkpoint,
        )
