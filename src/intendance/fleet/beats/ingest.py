"""Beats in memory: one look-up and a few comparisons each; what changed is written every 250 ms by a thread.

`hear` is called on the event loop and touches no database. A killed manager forgets what came since the last write.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import sha256

from intendance.fleet.beats import decide, rows
from intendance.fleet.database.connect import Database, to_us
from intendance.model.errors.fleet import BeatReplayed, NotEnrolled, SpeaksForAnother
from intendance.system.clock import Clock
from intendance.wire.messages import Beat, BeatAnswer

FLUSH_SECONDS = 0.25
MOST_SILENCES = 20_000
"""What is kept while nothing can be written: of each node the minutes of the last 25 hours (25 numbers, 5 KiB), which
is what nodes keep too, and of the whole fleet so many silences that ended (4 MiB)."""


class Live:
    """What is remembered of one node between two writes; the flusher reads what the event loop writes, whole values."""

    __slots__ = (
        "boot", "evidence_size", "former_boots", "incarnation", "last_seen_us", "ledger_key", "minute_us", "node",
        "note", "seq", "skew_ms", "software", "spooled", "streak",
    )  # fmt: skip

    def __init__(self, row: rows.KnownNode) -> None:
        self.node, self.incarnation, self.ledger_key = row.node, row.incarnation, row.ledger_key
        self.boot, self.seq, self.former_boots = row.boot, row.seq, row.former_boots
        self.last_seen_us, self.streak = row.last_seen_us, row.streak
        self.evidence_size, self.note = row.evidence_size, row.note
        self.skew_ms = self.spooled = self.minute_us = 0
        self.software = row.software


class Ingest:
    """The beats of a fleet."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._by_token: Mapping[bytes, Live] = {}
        self._dirty: dict[str, Live] = {}
        self._minutes: dict[tuple[str, int], int] = {}
        self._silences: dict[tuple[str, int], int] = {}
        self._heads: dict[str, tuple[Live, str, int]] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._per_second = [0] * 60
        self._second = -1
        self.heard = self.refused = 0
        self.flushed_at_us = 0

    def reload(self) -> None:
        """Know who may speak, as the database has it now; what is remembered of a node is kept.

        Raises DatabaseUnreachable.
        """
        known = {live.node: live for live in self._by_token.values()}
        fresh: dict[bytes, Live] = {}
        for row in rows.known_nodes(self._database):
            live = known.get(row.node)
            if live is None or live.incarnation != row.incarnation:
                live = Live(row)
            live.evidence_size = row.evidence_size
            fresh[bytes.fromhex(row.token_sha256)] = live
        self._by_token = fresh

    def who(self, bearer: bytes) -> Live:
        """The node whose secret this is. Raises NotEnrolled."""
        live = self._by_token.get(sha256(bearer).digest())
        if live is None:
            self.refused += 1
            raise NotEnrolled
        return live

    def speaking(self, bearer: bytes, node: str, incarnation: int) -> Live:
        """The same, when it speaks for itself. Raises NotEnrolled, SpeaksForAnother."""
        live = self.who(bearer)
        if (live.node, live.incarnation) != (node, incarnation):
            self.refused += 1
            raise SpeaksForAnother(node=live.node)
        return live

    def hear(self, bearer: bytes, beat: Beat) -> BeatAnswer:
        """Take a beat. Raises NotEnrolled, SpeaksForAnother, BeatReplayed."""
        live = self.speaking(bearer, beat.node, beat.incarnation)
        now_us = to_us(self._clock.read().at)
        place = decide.Place(live.boot, live.seq, live.former_boots)
        reception = decide.receive(place, beat.boot, beat.seq)
        if reception == "replayed":
            self.refused += 1
            raise BeatReplayed(node=live.node)
        next_in_ms = 0
        if reception == "counts":
            self._count(live, beat, place, now_us)
            next_in_ms = self._pace(now_us)
        return BeatAnswer(server_time=now_us, next_in_ms=next_in_ms, evidence_size=live.evidence_size)

    def _count(self, live: Live, beat: Beat, place: decide.Place, now_us: int) -> None:
        after = decide.advance(place, beat.boot, beat.seq)
        minute_us = decide.minute_of(live.minute_us, live.last_seen_us, now_us)
        hour, bit = decide.slot(minute_us)
        key = (live.node, hour)
        self.heard += 1
        with self._lock:
            if now_us - live.last_seen_us > decide.MISSING_US and live.last_seen_us:
                self._silences[live.node, live.last_seen_us] = now_us
            live.boot, live.seq, live.former_boots = after.boot, after.seq, after.former_boots
            live.streak = decide.streak(live.streak, live.last_seen_us, now_us)
            live.last_seen_us, live.minute_us = now_us, minute_us
            live.skew_ms = (beat.sent_at - now_us) // 1000
            live.spooled, live.software = beat.spooled, beat.software
            self._dirty[live.node] = live
            self._minutes[key] = self._minutes.get(key, 0) | bit
            if beat.checkpoint and beat.checkpoint != live.note:
                self._heads[live.node] = (live, beat.checkpoint, live.evidence_size)

    def _pace(self, now_us: int) -> int:
        second = now_us // 1_000_000 % 60
        if second != self._second:
            self._second, self._per_second[second] = second, 0
        self._per_second[second] += 1
        return decide.quieter_in_ms(self._per_second, second)

    def flush(self) -> int:
        """Write what came since the last time; how many nodes. What could not be written is kept for the next time.

        What another thread is writing is written when this returns. Raises DatabaseUnreachable.
        """
        with self._writing:
            return self._flush()

    def _flush(self) -> int:
        with self._lock:
            dirty, self._dirty = self._dirty, {}
            minutes, self._minutes = self._minutes, {}
            silences, self._silences = self._silences, {}
            states = [rows.state_of(live) for live in dirty.values()]
        try:
            if states:
                heard = sorted((*key, bits) for key, bits in minutes.items())
                rows.write(self._database, sorted(states), heard, sorted((*key, at) for key, at in silences.items()))
        except BaseException:
            with self._lock:
                self._dirty = dirty | self._dirty
                for key, bits in minutes.items():
                    self._minutes[key] = self._minutes.get(key, 0) | bits
                self._silences = silences | self._silences
                self._forget_old(to_us(self._clock.read().at))
            raise
        self.flushed_at_us = to_us(self._clock.read().at)
        return len(states)

    def _forget_old(self, now_us: int) -> None:
        """What nobody could write for a day: nodes were told to keep it, and this process has an end of memory."""
        oldest_us = now_us - decide.SPOOL_US - decide.HOUR_US
        if min((hour for _, hour in self._minutes), default=now_us) < oldest_us:
            self._minutes = {key: bits for key, bits in self._minutes.items() if key[1] >= oldest_us}
        if len(self._silences) > MOST_SILENCES:
            newest = sorted(self._silences.items(), key=lambda each: each[1])[-MOST_SILENCES:]
            self._silences = dict(newest)

    def heads(self) -> list[tuple[Live, str, int]]:
        """Heads that beats have shown since the last time, with how many records the node knew to be here."""
        with self._lock:
            heads, self._heads = self._heads, {}
        return list(heads.values())
