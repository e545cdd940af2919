"""The figures of a manager, on SQLite and on PostgreSQL, as Prometheus' own parsers read them."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from sqlalchemy import func, insert, select, update

from intendance.fleet.alerts.own import ANSWERED, FAILING
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.settings import write_setting
from intendance.fleet.database.tables import alert, node, outbox
from intendance.fleet.detection import canary
from intendance.fleet.detection.leader import TICK
from intendance.fleet.reading.figures import ALERT_STATES
from intendance.fleet.tokens.decide import Scope
from intendance.model.alerting import Urgency
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.prometheus import promtool

RULES = Path(__file__).parents[3] / "packaging/prometheus/intendance.rules.yml"
WATCHING = {
    TICK: "manager_ticked",
    canary.BEGUN: "canary_begun",
    canary.DONE: "canary_done",
    ANSWERED: "observer_answered",
    FAILING: "observer_failing",
}


@pytest.fixture
def fleet(fleet_database: Database, clock: MovableClock, tmp_path: Path) -> Asked:
    asked = Asked(fleet_database, clock)
    asked.arrive(tmp_path)
    return asked


@pytest.fixture(scope="module")
def still(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A fleet that these tests only look at."""
    folder = tmp_path_factory.mktemp("metrics")
    shutil.copy(sqlite_template, folder / "manager.db")
    with open_database(folder / "manager.db") as database:
        asked = Asked(database, MovableClock(BEGAN))
        asked.arrive(folder)
        with database.begin() as connection:
            for seconds, name in enumerate(WATCHING):
                write_setting(connection, name, to_us(asked.clock.at - timedelta(seconds=seconds)))
        _write(asked, "queued", to_us(asked.clock.at))
        yield asked


def _figures(asked: Asked, accept: str = "") -> dict[tuple[str, ...], float]:
    answer = asked.ask("/metrics", scope=Scope.METRICS, headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    read = read_openmetrics if accept else read_text
    return {
        (sample.name, *(text for _, text in sorted(sample.labels.items()))): sample.value
        for family in read(answer.text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_other_answers(still: Asked) -> None:
    found = _figures(still)
    told = still.ask("/api/v1/status?node=web-01").json()
    for state, count in told["summary"].items():
        assert found["intendance_node_verdicts", "web-01", state] == count
    assert (found["intendance_answer", "broken"], found["intendance_answer", "holds"]) == (1, 0)
    (seen,) = still.ask("/api/v1/nodes").json()["nodes"]
    assert found["intendance_node_evidence_signed_records", "web-01"] == seen["signed_records"] > 0
    assert found["intendance_node_last_heartbeat_timestamp_seconds", "web-01"] == still.clock.at.timestamp()
    assert found["intendance_node_state", "web-01", "up"] == 1
    assert found["intendance_heartbeats_total", "counted"] == 0
    assert found["process_resident_memory_bytes",] > 1e6
    assert sum(name[0] == "intendance_rule_verdicts" for name in found) > 60


def test_how_the_watching_goes_is_told_where_it_is_known(still: Asked, fleet: Asked) -> None:
    found = _figures(still)
    for seconds, name in enumerate(WATCHING.values()):
        assert found[f"intendance_{name}_timestamp_seconds",] == still.clock.at.timestamp() - seconds
    told = {name[0] for name in _figures(fleet)}
    assert told.isdisjoint({f"intendance_{name}_timestamp_seconds" for name in WATCHING.values()})


def _write(asked: Asked, state: str, made_us: int) -> None:
    """A message about an alert that stands so."""
    message = {
        "episode": 0, "step": 0, "contact": "admin", "channel": "email", "purpose": "firing", "content": "{}",
        "made_us": made_us, "next_us": made_us, "expires_us": 2**60, "idempotency_key": state, "state": state,
    }  # fmt: skip
    with asked.database.begin() as connection:
        connection.execute(insert(outbox).values(**message))


def test_a_message_that_failed_and_is_tried_again_waits(fleet: Asked) -> None:
    made_us = to_us(fleet.clock.at - timedelta(minutes=20))
    _write(fleet, "failed", made_us)
    _write(fleet, "dead", made_us - 1)
    found = _figures(fleet)
    assert found["intendance_outbox_oldest_timestamp_seconds",] == made_us / 1e6
    assert (found["intendance_outbox_messages", "failed"], found["intendance_outbox_messages", "dead"]) == (1, 1)


def test_every_series_that_a_rule_for_prometheus_names_is_told(still: Asked) -> None:
    """By its name, and with every value of a label that the rule asks for."""
    answer = still.ask("/metrics", scope=Scope.METRICS)
    samples = [sample for family in read_text(answer.text) for sample in family.samples]
    asked = re.findall(r"(intendance_[a-z_]+)(?:\{([^}]*)\})?", "".join(_expressions()))
    assert len(asked) >= 14
    for name, labels in asked:
        wanted = [
            (label, value) for label, values in re.findall(r'(\w+)=~?"([^"]*)"', labels) for value in values.split("|")
        ]
        ours = [sample.labels for sample in samples if sample.name == name]
        assert ours, f"{name} is told by nobody"
        for label, value in wanted:
            assert any(each.get(label) == value for each in ours), f"{name} has no {label} {value}"


def _expressions() -> list[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def test_every_open_alert_is_counted_by_its_urgency(fleet: Asked) -> None:
    """Those of broken rules, and one of each urgency in each state: what is counted is all that is open."""
    with fleet.database.begin() as connection:
        raised = connection.execute(select(alert.c.id).where(alert.c.severity == "critical")).all()
        for number, (urgency, state) in enumerate(product(get_args(Urgency), (*ALERT_STATES, "resolved"))):
            row = {"key": str(number), "cause": "node.missing", "node": "web-01", "labels": "{}", "severity": urgency}
            more = {"state": state, "episode": 1, "group_key": "", "params": "{}", "started_us": 1}
            connection.execute(insert(alert).values(**row, **more))
    found = {name[1:]: value for name, value in _figures(fleet).items() if name[0] == "intendance_alerts"}
    assert raised, "a broken rule that blocks is an alert"
    assert set(found) == set(product(get_args(Urgency), ALERT_STATES))
    assert min(found.values()) == 1
    with fleet.database.read() as connection:
        opened = connection.execute(select(func.count()).where(alert.c.state != "resolved")).scalar_one()
    assert sum(found.values()) == opened > len(found)


def test_both_formats_say_the_same(still: Asked) -> None:
    own = ("process_",)
    plain = {name: value for name, value in _figures(still).items() if not name[0].startswith(own)}
    opened = _figures(still, "application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    assert plain == {name: value for name, value in opened.items() if not name[0].startswith(own)}


def test_promtool_finds_no_fault(still: Asked) -> None:
    answer = still.ask("/metrics", scope=Scope.METRICS)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert promtool("check", "metrics", content=answer.content) == ""


def test_figures_are_read_once_in_five_seconds(fleet: Asked) -> None:
    _figures(fleet)
    fleet.manager.ingest.heard = 7
    assert _figures(fleet)["intendance_heartbeats_total", "counted"] == 0
    fleet.clock.move(timedelta(seconds=5))
    assert _figures(fleet)["intendance_heartbeats_total", "counted"] == 7


def test_a_silent_node_is_missing_whoever_noticed(fleet: Asked) -> None:
    fleet.clock.move(timedelta(seconds=121))
    found = _figures(fleet)
    assert (found["intendance_node_state", "web-01", "missing"], found["intendance_node_state", "web-01", "up"]) == (
        1,
        0,
    )
    assert found["intendance_answer", "holds"] == 0


def test_it_is_sent_packed_to_who_can_unpack_it(still: Asked) -> None:
    answer = still.ask("/metrics", scope=Scope.METRICS, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.startswith("# HELP")
    assert len(gzip.compress(answer.content)) < len(answer.content) / 5


def test_prometheus_is_told_where_nodes_are(fleet: Asked, tmp_path: Path) -> None:
    fleet.arrive(tmp_path, name="web-02")
    with fleet.database.begin() as connection:
        labels = json.dumps({"rack-unit": 'é"'})
        this = node.c.node == "web-01"
        connection.execute(update(node).where(this).values(site="liège", region="", labels=labels))
    told = fleet.ask("/api/v1/prometheus/sd?port=9200&domain=example.org", scope=Scope.METRICS)
    assert told.headers["content-type"] == "application/json"
    assert told.json()[0] == {
        "targets": ["web-01.example.org:9200"],
        "labels": {"node": "web-01", "fleet": "asbl", "site": "liège", "__meta_intendance_label_rack_unit": 'é"'},
    }
    fleet.manager.nodes.decommission("web-01", by="test")
    fleet.clock.move(timedelta(seconds=5))
    (left,) = fleet.ask("/api/v1/prometheus/sd", scope=Scope.METRICS).json()
    assert left["targets"] == ["web-02:9100"]


@pytest.mark.parametrize("query", ["port=0", "port=65536", "domain=-x", "domain=a..b", "domain=x%0Ay", "domain="])
def test_an_address_that_cannot_be_is_refused(still: Asked, query: str) -> None:
    assert still.ask(f"/api/v1/prometheus/sd?{query}", scope=Scope.METRICS).status_code == 400
