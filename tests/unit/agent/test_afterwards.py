"""After a backup somebody looks at what was stored: queued with the backup's end, once, by whoever performs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent import follow
from intendance.agent.follow import Silent
from intendance.runs.afterwards import afterwards
from intendance.runs.rows import Run, Submission
from tests.support.clock import MovableClock
from tests.support.state import Gate, Site, until

pytestmark = pytest.mark.gnupg
NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)


def asked(activity: str = "backup.full", **options: object) -> Submission:
    return Submission(asset="site-files", activity=activity, occurrence=NOON, actor="person:a", options=options)


def states(site: Site) -> list[tuple[str, str]]:
    with site.node() as node:
        return sorted((run.activity, run.state) for run in node.journal.recent())


def test_an_inspection_follows_a_backup_and_nothing_else_unless_told_not_to(site: Site) -> None:
    with site.node(MovableClock(NOON)) as node:
        run = node.journal.begin(asked())
        follower = afterwards(run, NOON)
        assert follower is not None
        assert (follower.id, follower.actor) == ("site-files.inspect.20261121T120000Z", "person:a")
        assert follower.options == {"after": run.id}
        assert afterwards(node.journal.begin(asked("inspect")), NOON) is None
        assert afterwards(node.journal.begin(asked("restore")), NOON) is None
    with site.node(MovableClock(NOON)) as node:
        quiet = follow.begin_new(node, asked(inspect=False))
        assert afterwards(quiet, NOON) is None


def test_it_is_queued_with_the_backups_end_and_only_one_waits(site: Site) -> None:
    clock = MovableClock(NOON)
    with site.node(clock) as node:

        def ended() -> Run:
            run = follow.begin_new(node, asked())
            node.journal.succeed(run, then=afterwards(run, clock.at))
            return run

        def waiting() -> Sequence[Run]:
            return node.journal.in_state("queued")

        first = ended()
        (queued,) = waiting()
        assert queued.options == {"after": first.id}
        ended()
        assert waiting() == (queued,), "the one that waits will see both"
        node.journal.claim(queued.id)
        third = ended()
        (later,) = waiting()
        assert later.options == {"after": third.id}
        assert later.id != queued.id, (
            "one that has begun may have looked already; within the second it has its own name"
        )
        assert later.occurrence == queued.occurrence + timedelta(seconds=1)


def test_a_backup_in_the_foreground_ends_with_its_inspection(site: Site) -> None:
    answer = site.run("backup", "run", "--json")
    assert answer.code == 0, answer.err
    backup, look = answer.json["runs"]
    assert (backup["activity"], look["activity"], look["state"]) == ("backup.full", "inspect", "succeeded")
    assert look["actor"] == backup["actor"]
    assert [each["kind"] for each in look["evidence"]] == ["inspection.completed"]


def test_it_is_left_out_when_somebody_says_so(site: Site) -> None:
    assert site.run("backup", "run", "--no-inspect").code == 0
    with site.agent():
        assert site.run("backup", "run", "--no-inspect").code == 0
    assert states(site) == [("backup.full", "succeeded")] * 2


def test_the_agent_looks_after_its_backups_and_the_command_waits_for_it(site: Site) -> None:
    with site.agent():
        answer = site.run("backup", "run")
        assert answer.code == 0, answer.err
        assert "site-files: full backup done" in answer.out
        assert "site-files: local holds 1 set" in answer.out
    assert states(site) == [("backup.full", "succeeded"), ("inspect", "succeeded")]


def test_what_the_agent_does_by_schedule_is_looked_at_too(site: Site) -> None:
    with site.agent(), site.node() as node:
        node.journal.submit(asked())
        until(lambda: ("inspect", "succeeded") in states(site), "the agent to have made and inspected a backup")
        (look,) = (run for run in node.journal.recent() if run.activity == "inspect")
        assert look.options == {"after": asked().id}


def test_what_a_command_that_is_left_had_queued_is_left_to_nobody(
    site: Site, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.open()

    def leaves(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(follow, "_looks_after", leaves)
    with site.node() as node:
        with pytest.raises(KeyboardInterrupt):
            follow.perform(node, [asked()], Silent())
        assert sorted((run.activity, run.state) for run in node.journal.recent()) == [
            ("backup.full", "succeeded"),
            ("inspect", "cancelled"),
        ]
