"""What `intendance backup` says to people, word for word, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import typer

from intendance.agent.service import Outcome
from intendance.agent.shelves import ListedPoint, Listing, Remains, ShownSet
from intendance.cli import outcomes, points, watching
from intendance.cli.output import Output
from intendance.cli.watching import Onlooker
from intendance.language.texts import translator
from intendance.model.evidence.backup import BackupCompleted, PacketCheck
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed, SetSeen
from intendance.model.verdict import Fact
from intendance.runs.progress import Reading
from intendance.runs.rows import Run
from intendance.sets.holdings import Lag
from intendance.sets.manifest import Base, Manifest, Part, Stream
from intendance.sets.points import RecoveryPoint
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "backup"
Language = Literal["en", "fr"]
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
INSTANT = "2026-11-21T08:00:00.000000Z"
ZONE = "Europe/Brussels"
SET = "shop.backup-logical.20261121T080000Z.1"
RUN = Run(
    id="shop.backup-logical.20261121T080000Z", asset="shop", activity="backup.logical", occurrence=BEGAN,
    actor="person:anne", options={}, state="succeeded", attempt=1, attempts_allowed=1, deadline_seconds=86400,
    queued_at=BEGAN, started_at=BEGAN, ended_at=BEGAN + timedelta(seconds=2.4), worker=None, cancel_requested_at=None,
    error=None, message=None, next_step=None,
)  # fmt: skip
LOOK = replace(RUN, id="shop.inspect.20261121T080000Z", activity="inspect", ended_at=BEGAN + timedelta(seconds=95))
SEEN = SetSeen(
    set=SET, kind="logical", recovers_to=INSTANT, completed_at=INSTANT, stored_bytes=3 * 2**29, hashed_bytes=0,
    manifest_sha256="ab" * 32,
)  # fmt: skip


def backed_up(*, parts: int = 3, recipients: int = 2, stores: Sequence[str] = ("local", "far"), **more: Any) -> Any:
    keys = tuple(f"{number}A" * 20 for number in range(recipients))
    return BackupCompleted(
        set=SET, kind="logical", engine="mariadb", engine_version="10.11.6", started_at=INSTANT, completed_at=INSTANT,
        recovers_to=INSTANT, stores=tuple(stores), parts=parts, source_bytes=4 * 2**30, stored_bytes=3 * 2**29,
        manifest_sha256="ab" * 32, recipients=keys,
        packets=PacketCheck(parts=parts, recipients=keys, integrity_protected=True), **more,
    )  # fmt: skip


def looked(sets: int, **more: Any) -> InspectionCompleted:
    return InspectionCompleted(
        **{"store": "local", "by": "self", "sets": sets, "faulty": 0, "incomplete": 0, "stored_bytes": sets * 3 * 2**29,
           "hashed_bytes": 2**20, "newest": (SEEN,) if sets else (), "days": (), "oldest_recovers_to": None,
           "zone": ZONE, **more},
    )  # fmt: skip


def outcome(run: Run, *evidence: Any) -> Outcome:
    names = {"BackupCompleted": "backup.completed", "InspectionCompleted": "inspection.completed"}
    facts = tuple(
        Fact(
            node="crud-web", seq=41 + number, at=BEGAN, kind=names.get(type(each).__name__, "inspection.failed"),
            asset=run.asset, actor=run.actor, data=each,
        )
        for number, each in enumerate(evidence)
    )  # fmt: skip
    return Outcome(run=run, evidence=facts, steps=(), zone=ZONE)


def failed(run: Run, *evidence: Any) -> Outcome:
    worse = replace(
        run, state="failed", error="store_full", message="The store far is full.", next_step="Make room, then again."
    )
    return outcome(worse, *evidence)


def unreachable() -> InspectionFailed:
    return InspectionFailed(
        store="far", by="self", error="store_unreachable", message="The store far cannot be reached: not mounted.",
        next_step="Mount it.",
    )  # fmt: skip


def answered(*found: Outcome) -> Callable[[Language], None]:
    def draw(language: Language) -> None:
        with suppress(typer.Exit):
            outcomes.answer(Output(as_json=False), translator(language, *outcomes.DOMAINS), found)

    return draw


def watched(language: Language) -> None:
    """All that is said while runs go on; not on a terminal, where a line comes every five seconds at most."""
    onlooker = Onlooker(Output(as_json=False), language)
    onlooker.began(RUN, by_agent=True)
    onlooker.waits()
    onlooker.waits()
    onlooker.began(LOOK, by_agent=False)
    onlooker.ended()


DAMAGED = replace(SEEN, set=SET.replace("0Z.1", "0Z.2"), fault="2 parts are missing")
POINT = RecoveryPoint(
    set=SET, asset="shop", engine="mariadb", kind="logical", started_at=BEGAN,
    completed_at=BEGAN + timedelta(minutes=2), recovers_to=BEGAN, stores=("local", "far"), parts=3,
    stored_bytes=3 * 2**29, source_bytes=2**32, recipients=("AB" * 20, "CD" * 20), manifest_sha256="ab" * 32,
)  # fmt: skip
LATER = replace(
    POINT, set="files.backup-differential.20261121T080000Z.1", asset="files", engine="files", kind="differential",
    stores=("local",), parts=1, recipients=("AB" * 20,), base="files.backup-full.20261115T020000Z.1",
)  # fmt: skip


def listed(point: RecoveryPoint, **inspected_at: datetime | None) -> ListedPoint:
    return ListedPoint(point=point, inspected_at=inspected_at)


def listing(*held: ListedPoint, **more: Any) -> Callable[[Language], None]:
    full = {"assets": ("shop", "files"), "unreadable": {}, "failures": (), "remains": (), "zone": ZONE, **more}

    def draw(language: Language) -> None:
        _ = translator(language, *points.DOMAINS)
        points.draw(Output(as_json=False), _, Listing(points=held, **full))

    return draw


def shown(page: ListedPoint, **more: Any) -> Callable[[Language], None]:
    point = page.point
    parts = tuple(
        Part(name=f"s-{number:05}", plain_bytes=9, cipher_bytes=9, sha256_plain="a" * 64, sha256_cipher="b" * 64)
        for number in range(point.parts)
    )
    manifest = Manifest(
        fleet="asbl", node="crud-web", ledger="crud-web", asset=point.asset, engine=point.engine,
        engine_version="10.11.6", identity="x", first_seen=INSTANT, set=point.set, run=RUN.id, attempt=1,
        kind=point.kind, sequence=7, previous=None, started_at=INSTANT, completed_at=INSTANT, recovers_to=INSTANT,
        source={}, streams=(Stream(name="db-shop", media="sql", source_bytes=2**32, argv=(), parts=parts),), files=(),
        recipients=point.recipients, retention_days=90, software="intendance 0.1.0", **more,
    )  # fmt: skip

    def draw(language: Language) -> None:
        _ = translator(language, *points.DOMAINS)
        for line in points.set_lines(_, ShownSet(listed=page, manifest=manifest, zone=ZONE)):
            typer.echo(line)

    return draw


LAG = Lag(
    asset="shop", store="local", newest_recovers_to=BEGAN, behind_seconds=0, lacks=0, lacks_bytes=0, inspected_at=None
)  # fmt: skip
LAGS = (
    LAG,
    replace(LAG, store="far", newest_recovers_to=BEGAN - timedelta(hours=26), behind_seconds=93600, lacks=2,
            lacks_bytes=3 * 2**30),
    replace(LAG, store="new", newest_recovers_to=None, behind_seconds=None, lacks=1, lacks_bytes=2**20),
    replace(LAG, store="old", lacks=1200, lacks_bytes=2**40),
    *(replace(LAG, asset="files", store=store, newest_recovers_to=None, behind_seconds=None)
      for store in ("local", "far")),
    replace(LAG, asset="alone"),
)  # fmt: skip
PAGES: dict[str, Callable[[Language], None]] = {
    "run": answered(outcome(RUN, backed_up(warnings=("t is no InnoDB table",))), outcome(LOOK, looked(1))),
    "run-alone": answered(outcome(RUN, backed_up(parts=1, recipients=1, stores=("local",)))),
    "run-partial": answered(failed(RUN, backed_up(stores=("local",)))),
    "run-ends": answered(
        failed(RUN),
        *(outcome(replace(RUN, state=state)) for state in ("cancelled", "interrupted", "queued")),
        outcome(RUN),
    ),
    "inspect": answered(
        outcome(LOOK, looked(1200, faulty=1, damaged=(DAMAGED,), incomplete=2, incomplete_bytes=2**20), unreachable()),
        outcome(LOOK, looked(0, incomplete=1, incomplete_bytes=5)),
    ),
    "watching": watched,
    "list": listing(
        listed(POINT, local=BEGAN + timedelta(hours=3), far=None),
        listed(LATER, local=None),
        listed(replace(POINT, set=DAMAGED.set, doubt=DAMAGED.fault), local=BEGAN),
        listed(replace(POINT, set=SET.replace("0Z.1", "0Z.3"), stores=(), fault=DAMAGED.fault), local=None),
        unreadable={"shop.backup-logical.20261120T080000Z.1": "the signature is of another key"},
        remains=(
            Remains(asset="shop", store="local", attempts=1, stored_bytes=2**20),
            Remains(asset="files", store="far", attempts=2, stored_bytes=0),
        ),
    ),
    "list-lags": listing(listed(POINT, local=BEGAN, far=None), lags=LAGS),
    "list-none": listing(),
    "show": shown(listed(POINT, local=BEGAN + timedelta(hours=3), far=None), warnings=("t is no InnoDB table",)),
    "show-differential": shown(
        listed(replace(LATER, doubt=DAMAGED.fault), local=BEGAN), base=Base(set=LATER.base or "", sha256="cd" * 32)
    ),
}


PAGES |= {
    "list-80": PAGES["list"],
    "list-100": PAGES["list"],
    "list-many-80": listing(
        listed(replace(LATER, stores=("local", "far", "a-store-with-a-long-name", "another")), local=BEGAN),
        listed(POINT, local=None),
    ),
}
WIDTHS = {"list-80": 80, "list-100": 100, "list-many-80": 80}


@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_line_of_a_list_is_too_long_and_no_id_is_cut(name: str, language: str) -> None:
    table = (FOLDER / f"{name}.{language}.txt").read_text(encoding="utf-8").partition("---")[0].splitlines()
    assert max(map(len, table)) <= WIDTHS[name]
    assert {LATER.set, SET} <= set(table)


def test_where_nobody_looks_on_a_point_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    PAGES["list-many-80"]("en")
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.endswith("SET")
    assert [line.split()[-1] for line in lines] == [LATER.set, SET]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read(
    name: str, language: Language, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTHS.get(name, 140)))
    PAGES[name](language)
    heard = capsys.readouterr()
    found = heard.out + ("---\n" + heard.err if heard.err else "")
    golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(found.splitlines()))


ENGLISH = re.compile(r"is no InnoDB|The store far|Mount it|Make room|2 parts are missing|the signature is of")
"""Evidence, and the errors' sentences: English wherever they are read."""


@pytest.mark.parametrize("name", PAGES)
def test_the_french_pages_keep_french_typography(name: str) -> None:
    lines = (FOLDER / f"{name}.fr.txt").read_text(encoding="utf-8").splitlines()
    prose = [re.sub(" +", " ", line.strip()) for line in lines if not ENGLISH.search(line)]
    assert [fault for line in prose for fault in french_faults(re.sub(r"\d\d:\d\d:\d\dZ?", "0", line))] == []


def test_how_far_it_is_in_both_languages() -> None:
    reading = Reading(attempt=1, phase="pack", done_bytes=3 * 2**29, total_bytes=2**32, phase_ms=30_000)
    english, french = (watching.line(translator(each, "watching"), reading, bar=False) for each in ("en", "fr"))
    assert english == "  pack · 1.5 GiB of about 4.0 GiB · 51.1 MiB/s · 50 s left"
    assert french == ("  archivage · 1,5\u00a0Gio sur environ 4,0\u00a0Gio · 51,1\u00a0Mio/s · reste 50\u00a0s")
