"""`intendance run`, in both languages: what has run, one run, and a run that is ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent import service
from intendance.cli import run_words
from intendance.language.texts import translator
from intendance.model.errors.store import StoreUnreachable
from intendance.runs.rows import Submission
from tests.support.clock import MovableClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FULL = Submission(asset="site-files", activity="backup.full", occurrence=NOON, actor="schedule:backup.full")
LOOK = Submission(
    asset="site-files", activity="inspect", occurrence=NOON, actor="schedule:backup.full", options={"after": FULL.id}
)


@pytest.fixture
def journal(site: Site) -> Site:
    """A backup that is tried again, and an inspection that is over."""
    clock = MovableClock(NOON)
    with site.node(clock) as node:
        backup = node.journal.begin(FULL)
        error = StoreUnreachable(store="local", detail="not mounted")
        clock.move(timedelta(seconds=30))
        node.journal.postpone(backup, error, clock.at + timedelta(minutes=1), outcome="failed")
        look = node.journal.begin(LOOK)
        clock.move(timedelta(seconds=95))
        node.journal.succeed(look)
    return site


def test_the_list_in_both_languages(journal: Site) -> None:
    english = journal.run("run", "list").out
    assert english.split("\n")[0].split() == ["STARTED", "ASSET", "ACTIVITY", "STATE", "TOOK", "RUN"]
    assert "full backup" in english
    assert "queued" in english
    french = journal.run("--lang", "fr", "run", "list").out
    assert french.split("\n")[0].split() == ["DÉBUT", "BIEN", "ACTIVITÉ", "ÉTAT", "DURÉE", "EXÉCUTION"]
    for words in ("sauvegarde complète", "en attente", "vérification", "réussie"):
        assert words in french


def test_one_run_in_both_languages(journal: Site) -> None:
    with journal.node(MovableClock(NOON)) as node:
        backup, look = (service.outcome_of(node, node.journal.get(each.id)) for each in (FULL, LOOK))
    assert list(run_words.details(translator("en", run_words.DOMAIN), look)) == [
        f"{LOOK.id}: succeeded",
        "  inspection of site-files, asked for by schedule:backup.full, attempt 1 of 2",
        f"  looks at what {FULL.id} stored",
        "  due 2026-11-21 13:00:00 CET, queued 2026-11-21 13:00:30 CET",
        "  started 2026-11-21 13:00:30 CET, ended 2026-11-21 13:02:05 CET after 1 min 35 s",
        f"  evidence run.ended: ledger record {look.evidence[0].seq}",
    ]
    french = list(run_words.details(translator("fr", run_words.DOMAIN), backup))
    assert french[:4] == [
        f"{FULL.id}\u00a0: en attente",
        "  sauvegarde complète de site-files, à la demande de schedule:backup.full, tentative 1 sur 2",
        "  prévue 2026-11-21 13:00:00 CET, en attente depuis 2026-11-21 13:00:00 CET",
        "  commencée 2026-11-21 13:00:00 CET",
    ]
    assert french[-3].startswith("  preuve run.ended\u00a0: enregistrement ")
    assert french[-2] == "  Le dépôt local est injoignable\u00a0: «\u00a0not mounted\u00a0»."
    assert french[-1].startswith(
        "  → Une nouvelle tentative se fera d’elle-même le 21\u00a0novembre\u00a02026 à\u00a012:01:30"
    )


def test_cancelling_and_an_empty_journal_in_french(journal: Site) -> None:
    answer = journal.run("--lang", "fr", "run", "cancel", FULL.id)
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"{FULL.id}\u00a0: annulée\u202f; enregistrement ")


def test_nothing_has_run_yet(site: Site) -> None:
    assert "Rien n’a encore été exécuté." in site.run("--lang", "fr", "run", "list").err
    assert "Nothing has run yet." in site.run("run", "list").err
