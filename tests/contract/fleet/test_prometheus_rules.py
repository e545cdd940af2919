"""The rules for a Prometheus that watches the manager, as promtool itself judges them: each fires when it must, none
of a manager that is well, and each says what can be typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.prometheus import promtool

ROOT = Path(__file__).parents[3]
RULES = ROOT / "packaging/prometheus/intendance.rules.yml"

MANAGER = 'job="intendance",instance="fleet:8484"'
SECOND = 'job="intendance",instance="spare:8484"'
NOW = "0+60x2000"  # an instant that is always now: a sample each minute, the first at 0

WELL = {
    f"up{{{MANAGER}}}": "1x2000",
    f"up{{{SECOND}}}": "1x2000",
    f'intendance_build_info{{{MANAGER},fleet="asbl"}}': "1x2000",
    f"intendance_manager_working{{{MANAGER}}}": "1x2000",
    f"intendance_manager_leader{{{MANAGER}}}": "1x2000",
    f"intendance_manager_leader{{{SECOND}}}": "0x2000",
    f"intendance_manager_ticked_timestamp_seconds{{{MANAGER}}}": NOW,
    f"intendance_manager_heartbeats_written_timestamp_seconds{{{MANAGER}}}": NOW,
    f"intendance_outbox_oldest_timestamp_seconds{{{MANAGER}}}": NOW,
    f'intendance_outbox_messages{{{MANAGER},state="dead"}}': "2x2000",  # of long ago
    f"intendance_canary_begun_timestamp_seconds{{{MANAGER}}}": NOW,
    f"intendance_canary_done_timestamp_seconds{{{MANAGER}}}": NOW,
    f'intendance_node_state{{{MANAGER},node="web-01",state="missing"}}': "0x2000",
    f'intendance_node_state{{{MANAGER},node="web-01",state="up"}}': "1x2000",
    f'intendance_rule_verdicts{{{MANAGER},rule="BACKUP_001",severity="blocking",state="fail"}}': "0x2000",
    f'intendance_rule_verdicts{{{MANAGER},rule="BACKUP_001",severity="blocking",state="unknown"}}': "0x2000",
    f'intendance_rule_verdicts{{{MANAGER},rule="BACKUP_009",severity="warning",state="fail"}}': "3x2000",
    f'intendance_node_evidence_records{{{MANAGER},node="web-01"}}': "9x2000",
    f'intendance_node_evidence_signed_records{{{MANAGER},node="web-01"}}': "9x2000",
}
INSTANCE = {"job": "intendance", "instance": "fleet:8484"}
JOB = {"job": "intendance"}
NODE = JOB | {"node": "web-01"}
RULE = JOB | {"rule": "BACKUP_001"}

# What is otherwise (None: not told at all), the minute before which the rule is silent, the one at which it fires.
Case = tuple[str, dict[str, str | None], int, int, dict[str, str]]
CASES: list[Case] = [
    ("ManagerUnreachable", {f"up{{{MANAGER}}}": "1x9 0x2000"}, 11, 12, INSTANCE),
    ("ManagerAbsent", dict.fromkeys(WELL), 9, 10, {}),
    ("ManagerNotWorking", {f"intendance_manager_working{{{MANAGER}}}": "1x9 0x2000"}, 11, 12, INSTANCE),
    ("ManagerWithoutLeader", {f"intendance_manager_leader{{{MANAGER}}}": "1x9 0x2000"}, 11, 12, JOB),
    ("ManagerTickOld", {f"intendance_manager_ticked_timestamp_seconds{{{MANAGER}}}": "0x2000"}, 2, 3, JOB),
    (
        "HeartbeatsNotWritten",
        {f"intendance_manager_heartbeats_written_timestamp_seconds{{{MANAGER}}}": "0x2000"},
        2, 3, INSTANCE,
    ),
    ("OutboxStuck", {f"intendance_outbox_oldest_timestamp_seconds{{{MANAGER}}}": "0x2000"}, 12, 13, JOB),
    ("MessagesDead", {f'intendance_outbox_messages{{{MANAGER},state="dead"}}': "2x9 3x2000"}, 9, 11, JOB),
    ("CanaryOverdue", {f"intendance_canary_done_timestamp_seconds{{{MANAGER}}}": "0x2000"}, 1565, 1566, JOB),
    (
        "CanaryOverdue",  # of the first day, which never came through
        {
            f"intendance_canary_done_timestamp_seconds{{{MANAGER}}}": None,
            f"intendance_canary_begun_timestamp_seconds{{{MANAGER}}}": "0x2000",
        },
        20, 21, JOB,
    ),
    ("ObserverFailing", {f"intendance_observer_failing_timestamp_seconds{{{MANAGER}}}": "0x2000"}, 11, 12, JOB),
    ("NodeMissing", {f'intendance_node_state{{{MANAGER},node="web-01",state="missing"}}': "0x9 1x2000"}, 11, 12, NODE),
    (
        "RuleBroken",
        {f'intendance_rule_verdicts{{{MANAGER},rule="BACKUP_001",severity="blocking",state="fail"}}': "0x9 2x2000"},
        14, 15, RULE,
    ),
    (
        "EvidenceStale",
        {f'intendance_rule_verdicts{{{MANAGER},rule="BACKUP_001",severity="blocking",state="unknown"}}': "0x9 1x2000"},
        69, 70, RULE,
    ),
    (
        "EvidenceUnsigned",
        {f'intendance_node_evidence_signed_records{{{MANAGER},node="web-01"}}': "9x9 8x2000"},
        69, 70, NODE,
    ),
]  # fmt: skip


def _rules() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def _judged(tmp_path: Path, tests: list[dict[str, Any]]) -> None:
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    promtool("test", "rules", str(file))


def _series(otherwise: dict[str, str | None]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in (WELL | otherwise).items() if values is not None]


def _expected(rule: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    def filled(text: str) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)

    annotations = {name: filled(text) for name, text in rule["annotations"].items()}
    return {"exp_labels": labels | rule["labels"], "exp_annotations": annotations}


def test_each_rule_fires_when_it_must_and_not_before(tmp_path: Path) -> None:
    rules = _rules()
    tests = []
    for name, otherwise, silent, fires, labels in CASES:
        full = f"Intendance{name}"
        expected = [_expected(rules[full], labels)]
        asked = [
            {"eval_time": f"{silent}m", "alertname": full, "exp_alerts": []},
            {"eval_time": f"{fires}m", "alertname": full, "exp_alerts": expected},
        ]
        tests.append({"interval": "1m", "input_series": _series(otherwise), "alert_rule_test": asked})
    assert {f"Intendance{each[0]}" for each in CASES} == set(rules)
    _judged(tmp_path, tests)


def test_none_fires_of_a_manager_that_is_well(tmp_path: Path) -> None:
    """For more than a day, with a second manager that does not lead, and messages that were given up long ago."""
    asked = [
        {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
        for minute in (3, 15, 75, 1600)
        for name in _rules()
    ]
    _judged(tmp_path, [{"interval": "1m", "input_series": _series({}), "alert_rule_test": asked}])


def test_one_that_cannot_be_reached_is_not_absent_too(tmp_path: Path) -> None:
    series = [{"series": f"up{{{MANAGER}}}", "values": "0x60"}]
    asked = [{"eval_time": "30m", "alertname": "IntendanceManagerAbsent", "exp_alerts": []}]
    _judged(tmp_path, [{"interval": "1m", "input_series": series, "alert_rule_test": asked}])


def test_promtool_sees_that_a_rule_does_not_fire(tmp_path: Path) -> None:
    """The tests above can fail: what is well raises nothing where something is expected."""
    expected = [_expected(_rules()["IntendanceNodeMissing"], NODE)]
    asked = [{"eval_time": "15m", "alertname": "IntendanceNodeMissing", "exp_alerts": expected}]
    with pytest.raises(AssertionError, match="FAILED"):
        _judged(tmp_path, [{"interval": "1m", "input_series": _series({}), "alert_rule_test": asked}])


def test_each_says_what_can_be_typed() -> None:
    known = set(re.findall(r"^## `intendance ([a-z]+(?: [a-z]+)?)", (ROOT / "docs/commands.md").read_text(), re.M))
    for name, rule in _rules().items():
        told = rule["annotations"]
        assert set(told) == {"summary", "description"}
        typed = re.findall(r"`([^`]+)`", told["description"])
        assert typed, f"{name} says nothing to type"
        ours = [words.removeprefix("intendance ") for words in typed if words.startswith("intendance ")]
        unknown = [each for each in ours if not any(each == one or each.startswith(f"{one} ") for one in known)]
        assert not unknown, f"{name} names {unknown}"


def test_the_manual_names_each_with_its_severity() -> None:
    told = dict(re.findall(r"^\| `(Intendance\w+)` \| (\w+) \|", (ROOT / "docs/monitoring.md").read_text(), re.M))
    assert told == {name: rule["labels"]["severity"] for name, rule in _rules().items()}
