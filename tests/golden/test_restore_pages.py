"""What `intendance restore` says to people, word for word, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from intendance.activities.restore.decide import RestorePlan, StreamPlan
from intendance.agent.restoring import Planned, Restored
from intendance.agent.sites import RestoredSite, SitePlanned
from intendance.cli import restore, restore_site
from intendance.language.texts import translator
from intendance.model.evidence.restore import Check, Phases, RestoreCompleted, RestoredShare, SiteRestored
from intendance.sets.points import RecoveryPoint
from intendance.sets.sites import Together
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "restore"
Language = Literal["en", "fr"]
INSTANT = "2026-11-21T08:00:00.000000Z"
BEGAN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ZONE = "Europe/Brussels"
NEARER = "shop.backup-full.20261122T020000Z.1 (2026-11-22T02:00:00Z) is nearer and not used: it is empty"
SET = "shop.backup-logical.20261121T080000Z.1"
PHASES = Phases(fetch_ms=1, decrypt_ms=1200, load_ms=61_000, replay_ms=0, check_ms=400, total_ms=63_000)
PLAN = RestorePlan(
    asset="shop", set=SET, kind="logical", engine="mariadb", engine_version="10.11.6", store="local",
    destination="/srv/back", target=None, reached=BEGAN,
    streams=tuple(
        StreamPlan(name=name, set=SET, media="sql", parts=1, stored_bytes=2**20, source_bytes=2**21)
        for name in ("db-shop", "accounts")
    ),
    stored_bytes=2**21, source_bytes=2**22, recipients=("AB" * 20,), manifest_sha256="ab" * 32, predicted=None,
    warnings=(),
)  # fmt: skip
FULL = replace(
    PLAN, kind="differential", engine="files", target=BEGAN + timedelta(hours=1), recipients=("AB" * 20, "CD" * 20),
    base="shop.backup-full.20261115T020000Z.1", predicted=PHASES, warnings=(NEARER,),
)  # fmt: skip
DONE = RestoreCompleted(
    set=SET, kind="logical", engine="mariadb", store="local", destination="/srv/back", target="newest",
    reached=INSTANT, restored_bytes=2**22, phases=PHASES,
    checks=(Check(name="tables", ok=True, found="3"), Check(name="rows", ok=False, found="2 instead of 3")),
)  # fmt: skip

NEARER = "shop.backup-full.20261122T020000Z.1 (2026-11-22T02:00:00Z) is nearer and not used: it is empty"


def planned(plan: RestorePlan) -> Callable[[Language], Iterator[str]]:
    return lambda language: restore.plan_lines(translator(language, *restore.DOMAINS), Planned(plan=plan, zone=ZONE))


def restored(seq: int | None) -> Callable[[Language], Iterator[str]]:
    done = Restored(run=None, evidence=DONE, node="crud-web", seq=seq, zone=ZONE)
    return lambda language: restore.restored_lines(translator(language, *restore.DOMAINS), done)


POINT = RecoveryPoint(
    set=SET, asset="shop", engine="mariadb", kind="logical", started_at=BEGAN, completed_at=BEGAN, recovers_to=BEGAN,
    stores=("local",), parts=3, stored_bytes=1, source_bytes=1, recipients=("AB" * 20,), manifest_sha256="ab" * 32,
)  # fmt: skip
TREE = replace(POINT, asset="files", recovers_to=BEGAN + timedelta(minutes=90))


def site_plan(*points: RecoveryPoint, target: datetime | None = None) -> Callable[[Language], Iterator[str]]:
    together = Together(points=points, newer=(replace(TREE, recovers_to=BEGAN + timedelta(hours=5)),) if target else ())
    plan = SitePlanned(
        site="crud", destination="/srv/both", target=target, together=together, zone=ZONE,
        plans=(Planned(plan=PLAN, zone=ZONE), Planned(plan=replace(FULL, asset="files"), zone=ZONE)),
    )  # fmt: skip
    return lambda language: restore_site.plan_lines(plan, translator(language, *restore_site.DOMAINS), language)


def site_restored(language: Language) -> Iterator[str]:
    shares = tuple(
        RestoredShare(asset=asset, set=SET, reached=INSTANT, destination=f"/srv/both/{asset}", seq=seq)
        for asset, seq in (("shop", 41), ("files", 42))
    )
    evidence = SiteRestored(
        site="crud", destination="/srv/both", target="newest", reached_from=INSTANT,
        reached_to="2026-11-21T09:30:00.000000Z", skew_seconds=5400, shares=shares,
    )  # fmt: skip
    done = Restored(run=None, evidence=DONE, node="crud-web", seq=41, zone=ZONE)
    told = RestoredSite(evidence=evidence, restores=(done, done), node="crud-web", seq=43, zone=ZONE)
    return restore_site.restored_lines(told, translator(language, *restore_site.DOMAINS), language)


PAGES: dict[str, Callable[[Language], Iterator[str]]] = {
    "plan": planned(PLAN),
    "plan-differential": planned(FULL),
    "run": restored(41),
    "run-unwritable": restored(None),
    "site-plan": site_plan(POINT, replace(TREE, recovers_to=BEGAN)),
    "site-plan-apart": site_plan(POINT, TREE, target=BEGAN + timedelta(hours=2)),
    "site-run": site_restored,
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read(name: str, language: Language) -> None:
    golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(PAGES[name](language)))


@pytest.mark.parametrize("name", PAGES)
def test_the_french_pages_keep_french_typography(name: str) -> None:
    lines = (FOLDER / f"{name}.fr.txt").read_text(encoding="utf-8").splitlines()
    prose = [re.sub(" +", " ", line.strip()) for line in lines]
    assert [fault for line in prose for fault in french_faults(re.sub(r"\d\d:\d\d:\d\dZ?", "0", line))] == []
