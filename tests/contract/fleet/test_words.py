"""What others say of a node, as the judge reads it, on SQLite and on PostgreSQL: what is believed, and no more of it
decoded than is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from intendance.fleet.database.connect import Database
from intendance.fleet.verdicts.unattested import told_why
from intendance.fleet.words.service import take
from intendance.fleet.words.spoken import MANAGER, Words
from intendance.ledger import canonical, envelope
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.evidence.lifecycle import HostEntry
from intendance.model.verdict import Fact, Reason, Severity, State, Verdict
from tests.support.evidence import inspection, seen, text
from tests.support.fleet import BEGAN

NODE, OWN, LAPTOP = "web-01", "fleet-key", "laptop-key"
DAY = timedelta(days=1)
TODAY, FORMER = "A" * 40, "B" * 40
HOSTS = (HostEntry(name="laptop", held_by="admin", ledger_key=LAPTOP),)


def said(seq: int, at: datetime, by: str = MANAGER, asset: str = "site", **changes: Any) -> bytes:
    """A record of a log in which somebody says what they saw."""
    data = replace(
        inspection([seen(at)]), **({"by": by, "fleet": "asbl", "node": NODE, "node_fingerprint": TODAY} | changes)
    )
    record = {
        "v": 1, "seq": seq, "node": "their.log", "boot": "b", "ts": text(at), "mono_us": 1,
        "kind": "inspection.completed", "asset": asset, "run": None, "actor": "x", "data": msgspec.to_builtins(data),
        "attachments": [], "prev": envelope.NO_PREVIOUS,
    }  # fmt: skip
    return canonical.write(record)


@contextmanager
def words(database: Database, *records: tuple[str, str, bytes], trusted: tuple[str, ...] = ()) -> Iterator[Words]:
    """What is made of some records, each with the key of its log and whose that is."""
    with database.begin() as connection:
        for log, by, content in records:
            take(connection, log, by, [content])
    with database.read() as connection:
        yield Words(connection, NODE, trusted=trusted or (TODAY,), hosts=HOSTS)


def seqs(found: tuple[Any, ...]) -> list[int]:
    return [each.seq for each in found]


def test_the_latest_of_each_log_and_a_window(fleet_database: Database) -> None:
    days = [(OWN, MANAGER, said(seq, BEGAN + seq * DAY)) for seq in range(8)]
    theirs = [(LAPTOP, "laptop", said(seq, BEGAN + seq * DAY, "laptop")) for seq in range(3)]
    with words(fleet_database, *days, *theirs) as found:
        kind = "inspection.completed"
        assert seqs(found.facts(kind, asset="site", latest=2)) == [7, 6, 2, 1]
        assert seqs(found.facts(kind, asset="site", since=BEGAN + 5 * DAY)) == [7, 6, 5]
        assert seqs(found.facts(kind, asset="site")) == [*range(7, -1, -1), 2, 1, 0]
        assert seqs(found.own(kind, asset="site")) == [*range(7, -1, -1)]
        assert seqs(found.own(kind, asset="site", latest=1)) == [7]
        assert found.facts(kind, asset="other") == found.facts("drill.completed", asset="site") == ()
        (first,) = found.own(kind, asset="site", latest=1)
        assert (first.at, first.asset, first.data.by) == (BEGAN + 7 * DAY, "site", MANAGER)
        assert isinstance(first.data, InspectionCompleted)


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a log by another key than the plan names": ("forged-key", "laptop", {"by": "laptop"}),
    "a host that the plan does not name": (LAPTOP, "stranger", {"by": "stranger"}),
    "the manager's name in the log of a host": (LAPTOP, "laptop", {"by": MANAGER}),
    "a host's name in the manager's log": (OWN, MANAGER, {"by": "laptop"}),
    "sets of a key that is not today's": (OWN, MANAGER, {"node_fingerprint": FORMER}),
    "sets of a key that never was": (OWN, MANAGER, {"node_fingerprint": "C" * 40}),
}
"""The key of a log, whose it is, and what stands in it."""


@pytest.mark.parametrize("way", REFUSED)
def test_who_is_not_believed_says_nothing(way: str, fleet_database: Database) -> None:
    log, by, changes = REFUSED[way]
    content = said(3, BEGAN, **changes)
    with words(fleet_database, (log, by, content), trusted=(TODAY, FORMER)) as found:
        assert found.facts("inspection.completed", asset="site") == ()
        assert found.facts("inspection.completed", asset="site", latest=1) == ()


def test_of_another_node_nothing_is_said_here(fleet_database: Database) -> None:
    """Nor by a row that was moved under this node's name: what is signed decides."""
    with words(fleet_database, (OWN, MANAGER, said(3, BEGAN, node="web-02"))) as found:
        assert found.facts("inspection.completed", asset="site") == ()
    with fleet_database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE word SET node = '{NODE}'")
    with words(fleet_database) as found:
        assert found.facts("inspection.completed", asset="site") == ()


def test_what_is_not_believed_takes_nobodys_place_among_the_latest(fleet_database: Database) -> None:
    records = [(OWN, MANAGER, said(0, BEGAN))]
    records += [(OWN, MANAGER, said(seq, BEGAN, node_fingerprint=FORMER)) for seq in (1, 2)]
    with words(fleet_database, *records) as found:
        assert seqs(found.facts("inspection.completed", asset="site", latest=1)) == [0]


def test_no_more_is_decoded_than_is_asked_for(fleet_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manager looks every day for years, and each of its words is some kilobytes."""
    decoded: list[int] = []
    read = envelope.fact

    def counted(content: bytes, kind: str, seq: int) -> Fact[Any]:
        decoded.append(seq)
        return read(content, kind, seq)

    monkeypatch.setattr(envelope, "fact", counted)
    days = [(OWN, MANAGER, said(seq, BEGAN + seq * DAY)) for seq in range(30)]
    with words(fleet_database, *days) as found:
        for _ in range(2):
            found.facts("inspection.completed", asset="site", since=BEGAN + 20 * DAY)
            found.facts("inspection.completed", asset="site", latest=2)
            found.own("inspection.completed", asset="site", latest=1)
    assert sorted(decoded) == list(range(20, 30))


# --- why nobody but the node answers -------------------------------------------------------------------------------


def could_not(seq: int, at: datetime, message: str, **changes: Any) -> bytes:
    """A record of the manager's that it could not look."""
    data = InspectionFailed(
        store="", by=MANAGER, error="nothing_in_reach", message=message, next_step="Do it.", fleet="asbl", node=NODE
    )
    record = json.loads(said(seq, at))
    record |= {"kind": "inspection.failed", "data": msgspec.to_builtins(data)} | changes
    return canonical.write(record)


OWN_WORD = Verdict(
    rule="MAINT_010", asset="site", node=NODE, state=State.UNKNOWN, severity=Severity.BLOCKING, since=None,
    reason=Reason(code="self_attested"),
)  # fmt: skip
STORY = {
    "it never looked": ((), "self_attested", ""),
    "it could not": ((could_not(1, BEGAN, "No way."),), "manager_blind", "No way. Do it."),
    "it looked before, and could no more": (
        (said(1, BEGAN), could_not(2, BEGAN + DAY, "No way.")),
        "manager_blind",
        "No way. Do it.",
    ),
    "by a clock that was set back in between": (
        (said(1, BEGAN + DAY), could_not(2, BEGAN, "No way.")),
        "manager_blind",
        "No way. Do it.",
    ),
    "it could not, and looked since": ((could_not(1, BEGAN, "No way."), said(2, BEGAN + DAY)), "self_attested", ""),
    "it looked since, by a clock that was set back": (
        (could_not(1, BEGAN + DAY, "No way."), said(2, BEGAN)),
        "self_attested",
        "",
    ),
    "the newest of several": (
        (could_not(1, BEGAN, "First."), said(2, BEGAN), could_not(3, BEGAN, "Then."), could_not(4, BEGAN, "Now.")),
        "manager_blind",
        "Now. Do it.",
    ),
    "another asset": ((could_not(1, BEGAN, "No way.", asset="wiki"),), "self_attested", ""),
}


@pytest.mark.parametrize("way", STORY)
def test_why_the_manager_gave_no_word_is_told_until_it_looked_again(way: str, fleet_database: Database) -> None:
    records, code, message = STORY[way]
    with words(fleet_database, *((OWN, MANAGER, each) for each in records)) as found:
        (told,) = told_why([OWN_WORD], found)
    assert told.state is State.UNKNOWN
    assert (told.reason.code, told.reason.params.get("message", "")) == (code, message)


def test_only_what_is_unknown_for_want_of_another_is_told_so(fleet_database: Database) -> None:
    others = [
        replace(OWN_WORD, state=State.FAIL, reason=Reason(code="too_old")),
        replace(OWN_WORD, state=State.UNKNOWN, reason=Reason(code="clock_ahead")),
        replace(OWN_WORD, asset=None),
    ]
    with words(fleet_database, (OWN, MANAGER, could_not(1, BEGAN, "No way."))) as found:
        assert told_why(others, found) == tuple(others)


def test_a_host_that_could_not_look_is_not_the_manager(fleet_database: Database) -> None:
    with words(fleet_database, (LAPTOP, "laptop", could_not(1, BEGAN, "No way."))) as found:
        assert told_why([OWN_WORD], found) == (OWN_WORD,)
