"""What `intendance backup prune` says to people and to machines, word for word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from intendance.activities.prune.decide import Looked, Past, look
from intendance.agent.pruning import Previewed, Pruned
from intendance.cli import pruning
from intendance.cli.output import Language
from intendance.language.texts import translator
from intendance.model.errors.prune import PruneElsewhere
from intendance.model.evidence.prune import PruneCompleted, PruneMarked, SetMarked, SetPruned
from intendance.model.plan import LegalRetention
from intendance.model.record import Record
from intendance.sets.retention import ATTEMPT_DEAD_AFTER, MARKED_FOR, Attempt, Mark, Retention, StoredSet, View
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "prune"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONE = "Europe/Brussels"
LEGAL = LegalRetention(select="yearly", kind="logical", keep_days=2557)
RETENTION = Retention(points_days=30, floor_days=30, weekly_days=60, monthly_days=300, legal=LEGAL)


def stored(age: int, kind: str = "logical", **more: object) -> StoredSet:
    at = NOW - age * DAY
    base = StoredSet(
        set=f"crud-db.backup-{kind}.{at:%Y%m%dT%H%M%SZ}.1",
        kind=kind,
        recovers_to=at,
        stored_at=at,
        manifest_sha256=f"{age:064x}",
        stored_bytes=3 * 2**29,
        verified=True,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def looked(*, allowed: int | None = None) -> Looked:
    """One set or more of everything that can be said."""
    base = stored(50, "full", set="crud-db.backup-full.20261002T080000Z.1")
    dependant = stored(29, "differential", set="crud-db.backup-differential.20261023T080000Z.1", base=base.set)
    stuck = stored(306, "full", set="crud-db.backup-full.20260119T080000Z.1")
    builder = stored(305, "differential", base=stuck.set, lock_until=NOW + 4 * DAY)
    expired = [stored(age, "full") for age in (311, 312, 313)]
    waiting = stored(310, "full")
    sets = [
        stored(0), stored(1), stored(31), stored(35), stored(100), stored(320), base, dependant, stuck, builder,
        stored(330, "full", trusted=False, fault="Its manifest is not the one in the ledger: it was replaced"),
        stored(900), stored(301, "full"), stored(302, "full"), *expired, waiting, stored(309, "full"), stored(315),
    ]  # fmt: skip
    marks = {
        each.set: Mark(set=each.set, manifest_sha256=each.manifest_sha256, marked_at=NOW - MARKED_FOR)
        for each in (*expired, stuck)
    }
    marks[waiting.set] = Mark(set=waiting.set, manifest_sha256=waiting.manifest_sha256, marked_at=NOW - 3 * DAY)
    dead = Attempt(
        set="crud-db.backup-logical.20261101T080000Z.1", newest_at=NOW - ATTEMPT_DEAD_AFTER, stored_bytes=99, objects=1
    )
    attempts = [
        dead,
        replace(dead, set="crud-db.backup-logical.20261120T080000Z.2", newest_at=NOW - DAY),
        replace(dead, set="crud-db.backup-logical.20261010T080000Z.1"),
    ]
    view = View(
        sets=sets,
        retention=RETENTION,
        now=NOW,
        zone=ZONE,
        drilled={sets[1].set},
        marks=marks,
        holds={stored(315).set: "crud-db.restore.20261121T075900Z"},
        allowed=allowed,
    )
    return look("local", view, attempts, Past(marks=marks), {"crud-db.backup-logical.20261010T080000Z.1"})


def previewed(**more: object) -> Previewed:
    base = Previewed(asset="crud-db", stores=(looked(),), failures=(), refused=None, retention=RETENTION, zone=ZONE)
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_set_has_its_line_and_its_reason(language: Language) -> None:
    said = golden.text(pruning.preview_lines(translator(language, pruning.DOMAIN), [previewed()]))
    golden.expect(FOLDER / f"dry-run.{language}.txt", said)
    prose = re.sub("  +", " ", re.sub(r"\d\d:\d\d:\d\d|Its manifest .* replaced", "0", said))
    assert language == "en" or [fault for line in prose.splitlines() for fault in french_faults(line.strip())] == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_from_elsewhere_it_is_said_who_may(language: Language) -> None:
    found = previewed(refused=PruneElsewhere(host="laptop", here="web-01"))
    last = list(pruning.preview_lines(translator(language, pruning.DOMAIN), [found]))[-1]
    golden.expect(FOLDER / f"elsewhere.{language}.txt", golden.text([last]))


def test_for_machines() -> None:
    golden.expect_json(FOLDER / "dry-run.json", pruning.preview_json([previewed()]))


def record(seq: int, kind: str, data: dict[str, Any]) -> Record:
    at = "2026-11-21T08:00:00.000000Z"
    return Record(
        v=1, node="web-01", seq=seq, boot="b", ts=at, mono_us=1, kind=kind, asset="crud-db", actor="person:anne",
        data=data, prev="0" * 64,
    )  # fmt: skip


def pruned() -> Pruned:
    at = "2026-11-21T08:00:00.000000Z"
    mark = SetMarked(set=stored(310).set, manifest_sha256="ab" * 32, stored_at=at, stored_bytes=5)
    gone = SetPruned(
        set=stored(311).set, kind="logical", recovers_to=at, stored_at=at, stored_bytes=3 * 2**29,
        manifest_sha256="ab" * 32, marked_at=at, because="expired", proof=stored(1).set,
    )  # fmt: skip
    marked = PruneMarked(store="local", by="self", marked_at=at, sets=(mark,), lifted=(stored(20).set,))
    last = PruneCompleted(
        store="local", by="self", pruned_at=at, sets=(gone,), freed_bytes=3 * 2**29, kept=19, due=3, ceiling=2
    )
    told = enumerate((("prune.marked", marked), ("prune.completed", last)), start=41)
    records = tuple(record(seq, kind, msgspec.to_builtins(data)) for seq, (kind, data) in told)
    return Pruned(asset="crud-db", node="web-01", records=records, last=(last,), zone=ZONE)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_was_done(language: Language) -> None:
    said = golden.text(pruning.pruned_lines(translator(language, pruning.DOMAIN), pruned()))
    golden.expect(FOLDER / f"done.{language}.txt", said)
    prose = re.sub("  +", " ", re.sub(r"\d\d:\d\d:\d\d|Its manifest .* replaced", "0", said))
    assert language == "en" or [fault for line in prose.splitlines() for fault in french_faults(line.strip())] == []


def test_what_was_done_for_machines() -> None:
    golden.expect_json(FOLDER / "done.json", pruning.pruned_json(pruned()))
