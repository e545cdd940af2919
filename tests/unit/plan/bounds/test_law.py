"""What is looser than a rule allows is refused, with the rule, its bound, the value and its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intendance.catalogue.load import load
from intendance.catalogue.quantities import name
from intendance.model.evidence.waiver import WaiverGranted
from intendance.model.verdict import Fact
from intendance.plan.bounds import law
from intendance.plan.bounds.limits import limit, measure
from intendance.plan.bounds.seen import NOTHING_SEEN, Seen
from intendance.plan.bounds.values import OPTIONS
from intendance.plan.people import marks
from intendance.plan.problems import Fault
from tests.support.plans import NOON, Plans

RULEBOOK = load()
BOTH = ("maint", "asbl")


def _faults(data: dict[str, Any], catalogues: tuple[str, ...] = BOTH, seen: Seen = NOTHING_SEEN) -> list[Fault]:
    organisation = {"timezone": "Europe/Brussels"}
    return law.faults({"catalogues": list(catalogues), "organisation": organisation, **data}, RULEBOOK, NOON, seen)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("26h30", 95_400),
        ("80%", 80),
        ("99.9 %", 99.9),
        ("500ms", 0.5),
        (100, 100),
        ("2", 2),
        ("5min", 300),
        (99.5, 99.5),
        ("yearly", 366 * 86_400),
        ("quarterly", 92 * 86_400),
        ("weekly", 7 * 86_400),
    ],
)
def test_a_value_is_measured_as_its_unit_says(written: object, number: float) -> None:
    assert measure(written) == number


@pytest.mark.parametrize("written", ["soon", "", None, True, [], {"above": "70%"}, "5 apples"])
def test_what_is_no_amount_is_not_compared(written: object) -> None:
    assert measure(written) is None


@pytest.mark.parametrize("quantity", sorted({quantity for _, quantities in OPTIONS for quantity in quantities}))
def test_every_quantity_that_a_plan_sets_is_bounded_by_a_rule(quantity: str) -> None:
    found = limit(RULEBOOK, BOTH, quantity)
    assert found is not None
    assert found.bound.quantity == quantity


@pytest.mark.parametrize(
    ("data", "rule", "path"),
    [
        ({"manager": {"heartbeat": "61s"}}, "MAINT_001", ("manager", "heartbeat")),
        ({"thresholds": {"disk": "81%"}}, "MAINT_050", ("thresholds", "disk")),
        ({"thresholds": {"disk": {"above": "90%", "for": "1min"}}}, "MAINT_050", ("thresholds", "disk", "above")),
        ({"thresholds": {"memory": "85%"}}, "ASBL_031", ("thresholds", "memory")),
        ({"thresholds": {"cpu": "71%"}}, "ASBL_031", ("thresholds", "cpu")),
        ({"thresholds": {"cpu": {"above": "60%", "for": "6min"}}}, "MAINT_052", ("thresholds", "cpu", "for")),
        ({"thresholds": {"page": "2001ms"}}, "ASBL_030", ("thresholds", "page")),
        ({"thresholds": {"api_p95": "1s"}}, "MAINT_053", ("thresholds", "api_p95")),
        ({"thresholds": {"connections": 101}}, "ASBL_032", ("thresholds", "connections")),
        ({"thresholds": {"slow_query": "6s"}}, "ASBL_032", ("thresholds", "slow_query")),
        ({"probes": [{"name": "x", "slo": "99.8%"}]}, "ASBL_053", ("probes", 0, "slo")),
        ({"windows": [{"name": "x", "lasts": "3h"}]}, "ASBL_053", ("windows", 0, "lasts")),
        ({"duties": {"access_review": "yearly", "security_audit": "yearly"}}, "ASBL_060", ("duties", "security_audit")),
    ],
)
def test_a_looser_value_is_refused_by_the_stricter_rule(
    data: dict[str, Any], rule: str, path: tuple[str | int, ...]
) -> None:
    (fault,) = _faults(data)
    assert (fault.rule, fault.path, fault.code) == (rule, path, "looser-than-bound")
    bound = next(each for each in RULEBOOK.rules[rule].bounds if f"({name(each.quantity, 'en')})" in str(fault.message))
    assert f"{rule} allows: {bound.value}" in str(fault.message)


def test_values_at_their_bounds_hold() -> None:
    thresholds: dict[str, Any] = {"disk": "80%", "memory": "80%", "cpu": {"above": "70%", "for": "5min"}, "page": "2s"}
    thresholds |= {"api_p95": "500ms", "connections": 100, "slow_query": "5s"}
    duties = {"access_review": "yearly", "training": "yearly", "security_audit": "quarterly"}
    probes, windows = [{"slo": "99.9%"}], [{"lasts": "2h"}]
    assert _faults({"thresholds": thresholds, "duties": duties, "probes": probes, "windows": windows}) == []


def test_a_catalogue_that_is_not_followed_bounds_nothing() -> None:
    assert _faults({"thresholds": {"memory": "90%"}}, ("maint",)) == []
    assert _faults({"thresholds": {"memory": "90%"}}, ("asbl",)) != []


def _files(**backup: Any) -> dict[str, Any]:
    return {"assets": {"site": {"kind": "files", "path": "/srv/site", "backup": backup}}}


@pytest.mark.parametrize(
    ("backup", "catalogues", "rule"),
    [
        ({"full": {"schedule": "0 3 * * SUN"}}, ("asbl",), None),
        ({"full": {"schedule": "0 3 * * SUN"}}, BOTH, "MAINT_010"),
        ({"full": {"schedule": "0 3 * * 1-5"}}, ("maint",), "MAINT_010"),
        ({"full": {"schedule": "0 3 * * SUN"}, "differential": {"schedule": "0 3 * * 1-6"}}, BOTH, None),
        ({"full": {"schedule": "0 3 1 * *"}}, ("asbl",), "ASBL_011"),
        ({"full": {"schedule": "0 3 1,8,15,22 * *"}}, ("asbl",), "ASBL_011"),
        ({"full": {"schedule": "0 3 * * *"}, "inspect": {"schedule": "0 5 * * *"}}, BOTH, None),
        ({"full": {"schedule": "0 3 * * *"}, "inspect": {"schedule": "0 5 * * SUN"}}, BOTH, "MAINT_013"),
        ({"full": {"schedule": "*/15 2 * * *"}}, BOTH, "MAINT_010"),
        ({"full": {"schedule": "0 0 29 2 *"}}, ("asbl",), "ASBL_011"),
    ],
)
def test_a_schedule_with_too_long_a_gap_is_refused(
    backup: dict[str, Any], catalogues: tuple[str, ...], rule: str | None
) -> None:
    assert [fault.rule for fault in _faults(_files(**backup), catalogues)] == ([] if rule is None else [rule])


def test_the_gap_the_days_and_the_bound_are_told() -> None:
    (fault,) = _faults(_files(full={"schedule": "0 3 1,8,15,22 * *"}), ("asbl",))
    assert str(fault.message) == (
        "`0 3 1,8,15,22 * *` leaves 10d1h between 2027-10-22 03:00 and 2027-11-01 03:00;"
        " ASBL_011 allows 8d at most (age of the newest backup)"
    )


def test_the_longest_backup_seen_counts_with_the_gap() -> None:
    daily = _files(full={"schedule": "0 3 * * *"})
    quick = Seen(longest_backup={"files:/srv/site": 90 * 60})
    slow = Seen(longest_backup={"files:/srv/site": 90 * 60 + 1})
    assert _faults(daily, BOTH, quick) == []
    (fault,) = _faults(daily, BOTH, slow)
    assert "leaves 25h between" in str(fault.message)
    assert "a backup took up to 1h31: 26h31 in all" in str(fault.message)
    assert _faults(_files(full={"schedule": "0 */12 * * *"}), BOTH, slow) == []


def test_a_fault_has_its_place_in_the_file(plans: Plans) -> None:
    checked = plans.check(plans.changed(('full: {schedule: "0 3 * * SUN"}', 'full: {schedule: "0 3 1 * *"}')))
    (problem,) = checked.problems
    assert (problem.line, problem.column, problem.rule) == (37, 24, "ASBL_011")
    assert checked.plan is None


@pytest.mark.parametrize(
    ("backup", "codes"),
    [
        ({"full": {}, "inspect": {"schedule": "0 5 * * *"}}, ["by-hand-only"]),
        ({"full": {"schedule": "0 3 * * *"}}, ["never-inspected"]),
        ({"full": {"schedule": "0 3 * * *"}, "inspect": {"schedule": "0 5 * * *"}}, []),
    ],
)
def test_what_is_left_to_people_is_warned_of(backup: dict[str, Any], codes: list[str]) -> None:
    data = {"catalogues": ["asbl"], **_files(**backup)}
    assert [fault.code for fault in law.warnings(data, RULEBOOK, NOON)] == codes


ADMIN = {"name": "Ada", "email": "ada@example.org"}
LEAD = {"name": "Lin", "phone": "+32 2 123 45 67"}


def _waiver(days: float = 30, **options: Any) -> dict[str, Any]:
    told = {"rule": "ASBL_013", "reason": "no link yet", "ticket": "OPS-1", "granted_by": "admin"}
    return told | {"expires": (NOON + timedelta(days=days)).isoformat()} | options


def _waivers(*waivers: dict[str, Any], seen: Seen = NOTHING_SEEN, **contacts: Any) -> list[Fault]:
    people = {"admin": ADMIN, "lead": LEAD, **contacts}
    return _faults({"waivers": list(waivers), "contacts": people, **_files()}, BOTH, seen)


def _granted(at: datetime, days: float, contact: dict[str, str], **options: Any) -> Fact[Any]:
    data: dict[str, Any] = {"rule": "ASBL_013", "reason": "r", "ticket": "t", "granted_by": "admin", "granter": "x"}
    data |= {"expires_at": (at + timedelta(days=days)).astimezone(UTC).isoformat(), "marks": marks(contact)}
    seq = int(at.timestamp())
    granted = WaiverGranted(**(data | options))
    return Fact(node="n", seq=seq, at=at, kind="waiver.granted", asset=None, actor="", data=granted)


def test_a_lawful_waiver_is_accepted() -> None:
    assert _waivers(_waiver(90), _waiver(10, rule="ASBL_012", granted_by="lead", asset="site")) == []


@pytest.mark.parametrize(
    ("waiver", "code", "option"),
    [
        (_waiver(90.01), "waiver-too-long", "expires"),
        (_waiver(365), "waiver-too-long", "expires"),
        (_waiver(rule="MAINT_011"), "waiver-never", "rule"),
        (_waiver(-1, rule="MAINT_043"), "waiver-never", "rule"),
        (_waiver(rule="MAINT_099"), "rule-unknown", "rule"),
        (_waiver(granted_by="nobody"), "waiver-unsigned", "granted_by"),
    ],
)
def test_an_unlawful_waiver_is_refused(waiver: dict[str, Any], code: str, option: str) -> None:
    (fault,) = _waivers(waiver)
    assert (fault.code, fault.path) == (code, ("waivers", 0, option))


def test_a_second_renewal_needs_another_person_whatever_they_are_called() -> None:
    past = Seen(
        grants=(_granted(NOON - timedelta(days=120), 60, ADMIN), _granted(NOON - timedelta(days=50), 40, ADMIN))
    )
    (fault,) = _waivers(_waiver(), seen=past)
    assert (fault.code, fault.path) == ("waiver-same-person", ("waivers", 0, "granted_by"))
    renamed = {"name": "Ada Lovelace", "email": "ADA@example.org"}
    (again,) = _waivers(_waiver(granted_by="other"), seen=past, other=renamed)
    assert again.code == "waiver-same-person"
    assert _waivers(_waiver(granted_by="lead"), seen=past) == []


def test_three_of_one_person_in_one_plan_are_two_too_many() -> None:
    found = _waivers(_waiver(10), _waiver(20), _waiver(30))
    assert [fault.path for fault in found] == [("waivers", 2, "granted_by")]


def test_what_was_granted_is_not_asked_again() -> None:
    written = _waiver(80)
    told = {name: written[name] for name in ("reason", "ticket", "granted_by")}
    expires = (NOON + timedelta(days=80)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    recorded = _granted(NOON - timedelta(days=10), 90, ADMIN, **told, expires_at=expires)
    earlier = [_granted(NOON - timedelta(days=100 * back), 20, ADMIN) for back in (3, 2)]
    seen = Seen(grants=(*earlier, recorded))
    assert _waivers(written, seen=seen) == []
    assert [fault.code for fault in _waivers(written | {"ticket": "OPS-2"}, seen=seen)] == ["waiver-same-person"]


def test_a_waiver_that_is_over_or_of_nothing_is_warned_of() -> None:
    waivers = [_waiver(-1), _waiver(rule="ASBL_010"), _waiver(rule="MAINT_004")]
    data = {"catalogues": ["asbl"], "waivers": waivers, "contacts": {"admin": ADMIN}}
    found = law.warnings(data, RULEBOOK, NOON)
    assert [(fault.code, fault.path) for fault in found] == [
        ("waiver-over", ("waivers", 0, "expires")),
        ("waiver-of-nothing", ("waivers", 2, "rule")),
    ]
