"""The thread that tells the manager: a beat each minute, then what nobody heard before, then the ledger's new records.

It has its own connection to the ledger and starts no process. A manager that is away holds nothing else up. An agent
whose main loop stands still stops beating: a heart that goes on for a dead agent would be a lie.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from intendance import __version__
from intendance.agent import membership
from intendance.agent.heartbeat import PERIOD_NS, Rhythm, Spool, next_try, phase_of
from intendance.agent.manager_link import Link
from intendance.agent.membership import Membership
from intendance.agent.opening import open_book
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import ManagerRefused
from intendance.model.record import Attachment
from intendance.system.clock import Clock, Instant
from intendance.wire import messages
from intendance.wire.messages import Beat, SpooledBeat

STANDSTILL_NS = 180_000_000_000
"""The main loop looks around once a minute; three minutes without a look are too many."""
_BATCH_RECORDS = 1000
_BATCH_BYTES = 2 * 1024 * 1024
_ATTACHED_BYTES = 3 * 1024 * 1024
_BACKFILL_BEATS = 300
_ROUNDS = 20  # batches in one go: a beat comes first
_JOIN_SECONDS = 6.0
_TWIN = "beat_replayed"
"""Another machine speaks in this node's name, and is heard: that is no silence."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Say = Callable[[str], None]


class Heart:
    """The thread of one membership. `planned`: where the node's plan says that the manager is."""

    def __init__(self, state: Path, joined: Membership, clock: Clock, say: Say, planned: Sequence[str] = ()) -> None:
        self._state = state
        self._joined = joined
        self._clock = clock
        self._say = say
        self._rhythm = Rhythm(phase_of(joined.node))
        self._spool = Spool(state / "agent" / "beats.spool")
        self._link = Link(membership.addresses(joined, planned), bearer=joined.bearer, authority=joined.authority)
        self._ending = threading.Event()
        self._looked_ns = clock.read().mono_ns
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    @property
    def is_beating(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def looked(self) -> None:
        """The main loop looked around: the agent lives."""
        self._looked_ns = self._clock.read().mono_ns

    def stop(self) -> None:
        """Stop beating; what is under way is cut off."""
        self._ending.set()
        self._link.cut()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            self._live()
        except (IntendanceError, OSError) as error:  # the main loop begins another heart
            self._say(f"{error.message} {error.advice}" if isinstance(error, IntendanceError) else str(error))
        finally:
            self._link.close()

    def _live(self) -> None:
        with open_book(self._state, self._clock) as book:
            slot_ns = self._clock.read().mono_ns  # the agent has just begun: it says so at once
            while not self._ending.is_set():
                evidence_size = self._beat(slot_ns)
                if evidence_size is not None:
                    self._tell(book, evidence_size)
                slot_ns = self._await_slot(slot_ns)

    def _await_slot(self, slot_ns: int) -> int:
        """Wait for the next slot's beginning; the phase may have moved, so it is less than a minute away."""
        now_ns = self._clock.read().mono_ns
        following = self._rhythm.slot(now_ns)
        if following <= slot_ns:
            following = self._rhythm.slot(now_ns) + PERIOD_NS
        self._ending.wait(max(0, following - now_ns) / 1e9)
        return following

    def _beat(self, slot_ns: int) -> int | None:
        """Beat, again if need be, until the slot's tries are over; how many records the manager has, if it answers."""
        first = self._clock.read()
        if first.mono_ns - self._looked_ns > STANDSTILL_NS:
            self._tell_once("the agent's main loop stands still: no heartbeat is sent")
            return None
        tried = 0
        while not self._ending.is_set():
            at_ns = next_try(slot_ns, tried, self._clock.read().mono_ns)
            if at_ns is None:
                break
            if self._ending.wait(max(0, at_ns - self._clock.read().mono_ns) / 1e9):
                break
            tried += 1
            try:
                return self._beat_once(first)
            except ManagerRefused as error:
                self._tell_once(f"{error.message} {error.advice}")
                if error.params["code"] == _TWIN:
                    return None
                break
            except IntendanceError as error:
                self._tell_once(f"{error.message} {error.advice}")
        self._keep(first)
        return None

    def _beat_once(self, first: Instant) -> int:
        beat = Beat(
            v=messages.VERSION,
            node=self._joined.node,
            incarnation=self._joined.incarnation,
            boot=first.boot,
            seq=first.mono_ns // 1_000_000,
            sent_at=_us(self._clock.read().at),
            mono_ns=self._clock.read().mono_ns,
            interval_seconds=messages.INTERVAL_SECONDS,
            checkpoint=self._checkpoint(),
            spooled=len(self._spool),
            software=f"intendance {__version__}",
        )
        content = self._link.post("/api/v1/heartbeat", messages.encode(beat))
        answer = messages.decode(content, messages.BeatAnswer)
        self._rhythm = self._rhythm.moved(self._clock.read().mono_ns, answer.next_in_ms)
        self._told = ""
        return answer.evidence_size

    def _checkpoint(self) -> str:
        try:
            return (self._state / "agent" / "ledger" / "checkpoint").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _keep(self, first: Instant) -> None:
        """Keep a beat that nobody heard."""
        kept = SpooledBeat(
            boot=first.boot, seq=first.mono_ns // 1_000_000, sent_at=_us(first.at), mono_ns=first.mono_ns
        )
        try:
            self._spool.add(kept)
        except OSError as error:
            self._tell_once(f"a heartbeat could not be kept for later: {error}")

    def _tell(self, book: Book, evidence_size: int) -> None:
        """Tell what was not heard, then the new records; what fails is told in the next minute again."""
        try:
            self._backfill()
            self._send_records(book, evidence_size)
        except (IntendanceError, OSError) as error:
            self._tell_once(f"{error.message} {error.advice}" if isinstance(error, IntendanceError) else str(error))

    def _backfill(self) -> None:
        while len(self._spool) and not self._ending.is_set():
            beats = self._spool.oldest(_BACKFILL_BEATS)
            now = self._clock.read()
            told = messages.Backfill(
                v=messages.VERSION,
                node=self._joined.node,
                incarnation=self._joined.incarnation,
                boot=now.boot,
                sent_at=_us(now.at),
                mono_ns=now.mono_ns,
                beats=beats,
            )
            self._link.post("/api/v1/heartbeats", messages.encode(told))
            self._spool.told(beats)

    def _send_records(self, book: Book, size: int) -> None:
        """Send the records that the manager does not have, in order, under the head that covers them."""
        head = book.seal()
        rounds = 0
        while head is not None and size < head.size and rounds < _ROUNDS and not self._ending.is_set():
            batch = self._batch(book, size, head.size, head.note.decode())
            content = self._link.post("/api/v1/evidence", messages.encode(batch))
            size = messages.decode(content, messages.EvidenceAnswer).size
            rounds += 1

    def _batch(self, book: Book, first: int, end: int, checkpoint: str) -> messages.EvidenceBatch:
        records: list[str] = []
        attached: dict[str, messages.AttachmentBytes] = {}
        size_bytes = attached_bytes = 0
        for seq in range(first, min(end, first + _BATCH_RECORDS)):
            content = book.content(seq)
            size_bytes += len(content)
            if records and size_bytes > _BATCH_BYTES:
                break
            for attachment in book.record(seq).attachments:
                found = self._attachment(book, attachment)
                if found is not None and attached_bytes + len(found.content) <= _ATTACHED_BYTES:
                    attached_bytes += len(found.content)
                    attached[attachment.sha256] = found
            records.append(content.decode())
        return messages.EvidenceBatch(
            v=messages.VERSION,
            node=self._joined.node,
            incarnation=self._joined.incarnation,
            first_seq=first,
            records=tuple(records),
            checkpoint=checkpoint,
            attachments=tuple(attached.values())[:256],
        )

    def _attachment(self, book: Book, named: Attachment) -> messages.AttachmentBytes | None:
        if named.size > _ATTACHED_BYTES:
            return None
        try:
            content = book.layout.attachment(named.sha256).read_bytes()
        except OSError:
            return None  # `ledger verify` tells of it
        return messages.AttachmentBytes(sha256=named.sha256, media=named.media, content=content)

    def _tell_once(self, sentence: str) -> None:
        """Say what is wrong, once until something else is, or all is well again."""
        if sentence != self._told:
            self._told = sentence
            self._say(sentence)


def heart_of(state: Path, clock: Clock, say: Say, planned: Sequence[str]) -> Heart | None:
    """A heart for the state folder's membership, not yet beating; None where there is none."""
    if membership.mark(state) is None:
        return None
    return Heart(state, membership.read(state), clock, say, planned)


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
