"""`intendance backup prune` as a person types it: on a small organisation's node, and on a host beside it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent import pruning
from intendance.agent.adoption import adopt
from intendance.agent.compose import lines_of
from intendance.ledger.book import Book
from intendance.model.errors.prune import PruneElsewhere, PruneForbiddenHere, PruneUnproven
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.prune import PruneMarked, SetMarked
from intendance.model.plan import Prune, Schedule
from intendance.system.clock import SystemClock
from tests.support.pruning import drill_of
from tests.support.state import Site, next_second

pytestmark = pytest.mark.gnupg
AGES = (60, 50, 40, 0)


def write_plan(
    site: Site, host: str | None, *, schedule: str = "", catalogue: str = "asbl", points: str = "30d"
) -> None:
    site.write_plan(full=None)
    text = site.plan.read_text().replace("catalogues: [asbl]", f"catalogues: [{catalogue}]")
    text = text.replace("retention: {points: 90d}", f"retention: {{points: {points}}}")
    if host is not None:
        text += f"hosts:\n  laptop: {{held_by: admin}}\nprune: {{host: {host}{schedule}}}\n"
    site.plan.write_text(text)


def put_in_force(site: Site, *confirmed: str) -> None:
    adopt(site.plan, state=site.state, clock=SystemClock(), actor="person:test", confirmed=confirmed)


@pytest.fixture
def kept(site: Site) -> list[BackupCompleted]:
    """Four sets, of which the store says that three are older than a month; all read again, the newest drilled."""
    write_plan(site, "web-01")
    put_in_force(site, "site-files", "web-01")
    for _ in AGES:
        next_second()
        assert site.run("backup", "run", "site-files", "--no-inspect").code == 0
    assert site.run("backup", "inspect", "site-files", "--deep").code == 0
    with site.node() as node:
        made = [fact.data for fact in node.book.facts("backup.completed", asset="site-files")][::-1]
        node.book.append(drill_of(made[-1]), actor="person:test", asset="site-files")
    for backup, age in zip(made, AGES, strict=True):
        at = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        for path in folder_of(site, backup).iterdir():
            os.utime(path, (at, at))
    return made


def folder_of(site: Site, backup: BackupCompleted) -> Path:
    return site.store / "testing/web-01/site-files" / backup.set


def mark(book: Book, sets: list[BackupCompleted], days: int = 8) -> None:
    """As a pruning that many days ago left it."""
    at = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    named = tuple(
        SetMarked(set=each.set, manifest_sha256=each.manifest_sha256, stored_at=at, stored_bytes=each.stored_bytes)
        for each in sets
    )
    evidence = PruneMarked(store="local", by="self", marked_at=at, sets=named)
    book.append(evidence, actor="person:test", asset="site-files")


def test_a_lone_node_prunes_its_folder_by_name_and_says_why(site: Site, kept: list[BackupCompleted]) -> None:
    shown = site.run("--lang", "fr", "backup", "prune", "--dry-run")
    assert (shown.code, shown.out.count("à marquer")) == (0, 2)
    assert "l’un des deux derniers relus en entier" in shown.out
    assert site.run("backup", "prune", "site-files").code == 2
    assert site.run("backup", "prune", "site-files", "--confirm", "site").code == 2
    first = site.run("backup", "prune", "--confirm", "site-files", "--json")
    assert first.code == 0, first.err
    assert [record["kind"] for record in first.json["records"]] == ["prune.marked", "prune.completed"]
    assert all(folder_of(site, each).is_dir() for each in kept)

    with site.node() as node:
        mark(node.book, kept[:2])
    plan = site.run("backup", "prune", "site-files", "--dry-run", "--json").json
    (store,) = plan["assets"][0]["stores"]
    assert [each["act"] for each in store["sets"]] == ["delete", "blocked", "keep", "keep"]
    assert (store["due"], store["ceiling"], plan["assets"][0]["retention"]["floor_days"]) == (2, 1, 28)
    wrong = site.run("backup", "prune", "site-files", "--confirm", "site-files:3")
    assert (wrong.code, "2 would be" in wrong.err) == (2, True)
    done = site.run("backup", "prune", "site-files", "--confirm", "site-files:2")
    assert (done.code, done.out.count("is deleted")) == (0, 2), done.err
    assert [folder_of(site, each).exists() for each in kept] == [False, False, True, True]

    assert site.run("backup", "inspect", "site-files", "--deep").code == 0, "what was pruned is not missing"
    listed = site.run("backup", "list", "--json").json
    assert [each["id"] for each in listed["points"]] == [each.set for each in (kept[3], kept[2])]
    assert site.run("ledger", "verify").code == 0


def test_the_agents_pruning_is_in_the_plan_or_does_not_happen(site: Site) -> None:
    write_plan(site, "web-01", schedule=', schedule: "40 6 * * *"')
    put_in_force(site, "site-files", "web-01")
    with site.node() as node:
        assert [(each.asset, each.cron) for each in node.lines() if each.activity == "prune"] == [
            ("site-files", "40 6 * * *")
        ]
        assert pruning.refusal(node.plan, "web-01") is None
    write_plan(site, "laptop")
    put_in_force(site, "laptop")
    with site.node() as node:
        assert "prune" not in {each.activity for each in node.lines()}
        assert isinstance(pruning.refusal(node.plan, "web-01"), PruneElsewhere)
    refused = site.run("backup", "prune", "site-files", "--confirm", "site-files")
    assert (refused.code, "laptop" in refused.err) == (2, True)


def test_under_maint_a_node_never_prunes_whatever_its_plan_says(site: Site) -> None:
    write_plan(site, "web-01", catalogue="maint", points="90d")
    checked = site.run("plan", "check", str(site.plan), "--json")
    assert "prune-on-node" in {each["code"] for each in checked.json["problems"]}
    with site.node() as node:
        prune = Prune(host="web-01", schedule=Schedule(cron="40 6 * * *"))
        plan = replace(node.plan, catalogues=("maint",), prune=prune)
        assert isinstance(pruning.refusal(plan, "web-01"), PruneForbiddenHere)
        assert "prune" not in {each.activity for each in lines_of(plan)}


def test_a_host_prunes_by_its_own_ledger_and_its_copy_of_the_plan(site: Site, kept: list[BackupCompleted]) -> None:
    write_plan(site, "laptop")
    with site.node() as node:
        (genesis,) = node.book.facts("genesis", latest=1)
    state = site.base / "laptop"
    clock = SystemClock()
    book = Book.create(
        state, fleet="testing", node="laptop", openpgp_fingerprint="C" * 40, software="intendance 0", clock=clock
    )
    with book:
        with pytest.raises(PruneUnproven):
            pruning.run(
                state, clock, plans=(site.plan,), asset="site-files", confirmed="site-files", moved=lambda _: None
            )
        for each in kept[2:]:
            drilled = replace(drill_of(each), node_fingerprint=genesis.data.openpgp_fingerprint)
            book.append(drilled, actor="person:test", asset="site-files")
        mark(book, kept[:1])
    done = pruning.run(
        state, clock, plans=(site.plan,), asset="site-files", confirmed="site-files", moved=lambda _: None
    )
    assert [each.set for last in done.last for each in last.sets] == [kept[0].set]
    assert (done.node, done.last[0].by) == ("laptop", "laptop")
    assert not folder_of(site, kept[0]).exists()
