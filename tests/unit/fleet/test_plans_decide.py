"""Which assets a plan left behind, and which waivers still count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from intendance.fleet.plans.decide import in_force, left
from intendance.model.evidence.lifecycle import AssetDropped
from intendance.model.evidence.waiver import WaiverGranted, WaiverRevoked
from intendance.model.verdict import Fact
from tests.support.evidence import START, Log, text

DAY = timedelta(days=1)


def of(log: Log, kind: str) -> tuple[Fact[Any], ...]:
    return tuple(fact for fact in reversed(log.facts) if fact.kind == kind)


def granted(rule: str, days: int, *, about: str = "", renewal: int = 0) -> WaiverGranted:
    return WaiverGranted(
        rule=rule, reason="r", ticket="", granted_by="lead", granter="Lin", expires_at=text(START + days * DAY),
        marks=(), about=about, renewal=renewal,
    )  # fmt: skip


def test_an_asset_that_came_back_is_not_left() -> None:
    log = Log()
    for day, name in ((0, "old-db"), (1, "shop-db"), (2, "old-db")):
        dropped = AssetDropped(engine="mariadb", identity="m:1", first_declared_at=text(START))
        log.add(START + day * DAY, dropped, name)
    found = left(of(log, "asset.dropped"), ("shop-db",))
    assert [(each.name, each.at) for each in found] == [("old-db", START + 2 * DAY)]


def test_the_last_waiver_counts_unless_it_is_over_or_was_taken_back() -> None:
    log = Log()
    first = log.add(START, granted("A", 40))
    log.add(START, granted("B", 90))
    log.add(START + DAY, granted("A", 60, renewal=1))
    log.add(START + DAY, granted("A", 50, about="mariadb:1"))
    now = START + 45 * DAY
    found = in_force(of(log, "waiver.granted"), (), now)
    assert [(each.rule, each.about, each.renewal) for each in found] == [
        ("A", "mariadb:1", 0),
        ("A", "", 1),
        ("B", "", 0),
    ]
    log.add(now, WaiverRevoked(rule="A", grant=first.seq + 2, reason="no need"))
    found = in_force(of(log, "waiver.granted"), of(log, "waiver.revoked"), now)
    assert [each.rule for each in found] == ["A", "B"]
    assert in_force(of(log, "waiver.granted"), (), START + 90 * DAY) == ()
