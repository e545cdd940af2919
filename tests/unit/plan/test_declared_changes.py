"""What changes in what is only declared: told value by value, and confirmed where it asks for less or goes."""

from __future__ import annotations

from typing import Any

import pytest

from intendance.catalogue.load import load as load_rules
from intendance.plan.declared_changes import declared_changes

RULEBOOK = load_rules()
THRESHOLDS = {"disk": "70%", "cpu": {"above": "60%", "for": "1min"}, "connections": 80}
PROBES = [{"name": "home", "url": "https://a.org/", "every": "60s", "slo": "99.95%"}]
POLICY = {"policy": {"critical": [{"after": "0min", "to": "admin"}, {"after": "10min", "to": "lead"}]}}
DRILL = {"host": "laptop", "schedule": "0 5 1 * *", "checks": [{"sql": "SELECT 1", "at_least": 1}]}
DECLARED: dict[str, Any] = {
    "thresholds": THRESHOLDS,
    "probes": PROBES,
    "alerts": POLICY,
    "duties": {"access_review": "quarterly"},
    "assets.db.drill": DRILL,
    "assets.db.backup.stream": {"ship_every": "60s"},
    "assets.db.backup.retention.legal": {"select": "yearly", "keep": "8y"},
    "stores.offsite": {"kind": "s3", "bucket": "a", "object_lock": "compliance"},
    "manager": {"heartbeat": "30s"},
    "budget": {"year": 2026},
}


def found(place: str, value: Any) -> list[tuple[str, str, bool]]:
    changes = declared_changes(DECLARED, DECLARED | {place: value}, RULEBOOK, "Europe/Brussels")
    return [(each.code, each.sentence.removesuffix("; not performed yet"), each.severe) for each in changes]


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("thresholds", THRESHOLDS | {"disk": "75%"}, '`thresholds.disk` asks for less: `"75%"` instead of `"70%"`'),
        (
            "thresholds",
            THRESHOLDS | {"connections": 90},
            "`thresholds.connections` asks for less: `90` instead of `80`",
        ),
        (
            "thresholds",
            THRESHOLDS | {"cpu": {"above": "60%", "for": "5min"}},
            '`thresholds.cpu.for` asks for less: `"5min"` instead of `"1min"`',
        ),
        (
            "thresholds",
            THRESHOLDS | {"cpu": "65%"},
            '`thresholds.cpu` asks for less: `"65%"` instead of `{above: "60%", for: "1min"}`',
        ),
        ("probes", [PROBES[0] | {"slo": "99.9%"}], '`probes.home.slo` asks for less: `"99.9%"` instead of `"99.95%"`'),
        (
            "duties",
            {"access_review": "yearly"},
            "`duties.access_review` asks for less: `yearly` instead of `quarterly`",
        ),
        (
            "assets.db.drill",
            DRILL | {"schedule": "0 5 1 1 *"},
            '`assets.db.drill.schedule` asks for less: `"0 5 1 1 *"` instead of `"0 5 1 * *"`',
        ),
        (
            "assets.db.backup.stream",
            {"ship_every": "30min"},
            '`assets.db.backup.stream.ship_every` asks for less: `"30min"` instead of `"60s"`',
        ),
        (
            "assets.db.backup.retention.legal",
            {"select": "yearly", "keep": "7y"},
            '`assets.db.backup.retention.legal.keep` asks for less: `"7y"` instead of `"8y"`',
        ),
        ("manager", {"heartbeat": "60s"}, '`manager.heartbeat` asks for less: `"60s"` instead of `"30s"`'),
    ],
)
def test_what_asks_for_less_is_confirmed(place: str, value: Any, sentence: str) -> None:
    assert found(place, value) == [("declared-looser", sentence, True)]
    back = list(declared_changes(DECLARED | {place: value}, DECLARED, RULEBOOK, "Europe/Brussels"))
    assert [(each.code, each.severe) for each in back] == [("declared-changed", False)]


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("thresholds", {"disk": "70%", "connections": 80}, "`thresholds.cpu` is no longer declared"),
        ("probes", [PROBES[0] | {"name": "shop"}], "`probes.home` is no longer declared"),
        (
            "alerts",
            {"policy": {"critical": POLICY["policy"]["critical"][:1]}},
            '`alerts.policy.critical[1]` is no longer declared: `{after: "10min", to: lead}`',
        ),
        (
            "assets.db.drill",
            {"host": "laptop", "schedule": "0 5 1 * *"},
            "`assets.db.drill.checks` is no longer declared",
        ),
        ("stores.offsite", {"kind": "s3", "bucket": "a"}, "`stores.offsite.object_lock` is no longer declared"),
    ],
)
def test_what_goes_is_confirmed(place: str, value: Any, sentence: str) -> None:
    assert ("declared-dropped", sentence, True) in found(place, value)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("budget", {"year": 2027}, "`budget.year` declares `2027` instead of `2026`"),
        ("thresholds", THRESHOLDS | {"disk": "60%"}, '`thresholds.disk` declares `"60%"` instead of `"70%"`'),
        ("assets.db.drill", DRILL | {"host": "desk"}, "`assets.db.drill.host` declares `desk` instead of `laptop`"),
        (
            "stores.offsite",
            DECLARED["stores.offsite"] | {"bucket": "b"},
            "`stores.offsite.bucket` declares `b` instead of `a`",
        ),
    ],
)
def test_what_is_otherwise_is_told_with_both_values(place: str, value: Any, sentence: str) -> None:
    assert found(place, value) == [("declared-changed", sentence, False)]


def test_what_comes_and_goes_as_a_whole_is_told_once() -> None:
    gone = list(declared_changes(DECLARED, {}, RULEBOOK, "UTC"))
    assert [each.code for each in gone] == ["declared-dropped"] * len(DECLARED)
    assert {each.name for each in gone if not each.severe} == {"budget"}
    come = list(declared_changes({}, DECLARED, RULEBOOK, "UTC"))
    assert [each.code for each in come] == ["declared-added"] * len(DECLARED)
    assert list(declared_changes(DECLARED, DECLARED, RULEBOOK, "UTC")) == []
