"""What the OpenAPI document allows, and what it does not, asked by schemathesis: no answer breaks its own promise.

The examples are the same in each run. SQLite alone: what is asked of a database is tried on both elsewhere.
"""

from __future__ import annotations

import json
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from intendance.api import described
from intendance.fleet.database.connect import open_database
from intendance.fleet.tokens.decide import Scope
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.nodes import SimulatedNode

EXAMPLES = 5
SCHEMA = schemathesis.openapi.from_dict(json.loads(described.written()))
_FOUND: list[Any] = [each.ok() for each in cast(Any, SCHEMA.get_all_operations())]
OPERATIONS = {f"{each.method.upper()} {each.path}": each for each in _FOUND}
SCOPES = {f"{each.method} {each.path}": each.scope for each in described.OPERATIONS}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def fleet(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("document")
    shutil.copy(sqlite_template, folder / "manager.db")
    with open_database(folder / "manager.db") as database:
        asked = Asked(database, MovableClock(BEGAN))
        asked.arrive(folder)
        yield asked


@pytest.fixture(scope="module")
def node(fleet: Asked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedNode]:
    joining = SimulatedNode("web-09", fleet.clock, tmp_path_factory.mktemp("node"))
    token = fleet.manager.nodes.invite("web-09", by="test", pin="plain").token
    joining.taken_in(fleet.manager.nodes.enrol(joining.enrolment(token)))
    fleet.manager.ingest.reload()
    yield joining
    joining.book.close()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_no_answer_breaks_what_the_document_promises(
    fleet: Asked, node: SimulatedNode, name: str, mode: GenerationMode
) -> None:
    operation = OPERATIONS[name]
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.path_parameters or operation.body):
        return  # nothing can be wrong about it
    scope = SCOPES.get(name)
    bearer = fleet.secrets[scope] if scope is not None else node.bearer.decode()
    checks = CHECKS + ([negative_data_rejection] if mode is GenerationMode.NEGATIVE and name.startswith("GET") else [])

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        told = case.as_transport_kwargs(base_url="http://manager")
        told.pop("timeout", None)
        asked = requests.Request(**told).prepare()
        address = urllib.parse.urlsplit(str(asked.url))
        content = asked.body if isinstance(asked.body, bytes) else str(asked.body or "").encode()
        answer = fleet.ask(
            f"{address.path}?{address.query}" if address.query else address.path,
            scope=None,
            method=str(asked.method),
            headers={"authorization": f"Bearer {bearer}", "content-type": "application/json"},
            content=content,
        )
        case.validate_response(answer, checks=checks)

    try:
        each()
    except FailureGroup as failures:
        pytest.fail("\n".join(str(failure) for failure in failures.exceptions))


def test_every_operation_is_asked() -> None:
    assert len(OPERATIONS) == len(described.OPERATIONS) + 3 + 4
    assert Scope.METRICS in SCOPES.values()
