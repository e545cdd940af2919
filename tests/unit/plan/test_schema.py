"""The declaration of options, what is generated from it, and that all its readers agree."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from intendance.catalogue.load import load as load_rules
from intendance.plan import fleet, reference, shape
from intendance.plan.bounds.limits import limit
from intendance.plan.editing import editor_schema
from intendance.plan.forms import FORMS
from intendance.plan.load import published_schema, schema_text
from intendance.plan.schema import Plan
from tests.support.plans import EXAMPLES, Plans

DOCS = EXAMPLES.parent
EXAMPLE_NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
CALL = "generate it again: ./dev sh -- python -m intendance.plan.reference docs"


def groups() -> list[tuple[str, dict[str, Any]]]:
    schema = published_schema()
    return [("Plan", schema), *schema["$defs"].items()]


def test_the_published_schema_is_current() -> None:
    assert schema_text() == reference.schema_text(), CALL


def test_the_reference_page_is_current() -> None:
    assert (DOCS / "plan.md").read_text(encoding="utf-8") == reference.page(), CALL


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(published_schema())


OF_FLEETS: dict[str, tuple[bool, dict[str, Any]]] = {
    "nothing but a name": (True, {"web-01": {}}),
    "a part of an asset": (True, {"web-01": {"assets": {"settings": {"exclude": ["cache/*"]}}}}),
    "an asset of its own": (True, {"web-01": {"assets": {"more": {"kind": "files", "path": "/srv"}}}}),
    "another way to the secret": (
        True,
        {"db-01": {"assets": {"crud-db": {"connect": {"credentials": {"env": "DB"}}}}}},
    ),
    "no node": (False, {}),
    "a name that is none": (False, {"Web 01": {}}),
    "nothing written": (False, {"web-01": None}),
    "another fleet": (False, {"web-01": {"fleet": "other"}}),
    "another name": (False, {"web-01": {"node": {"id": "web-02"}}}),
    "an unknown option": (False, {"web-01": {"assets": {"settings": {"colour": "red"}}}}),
    "half an item of a list": (False, {"web-01": {"probes": [{"name": "home"}]}}),
}


@pytest.mark.parametrize("case", OF_FLEETS)
def test_editors_read_files_of_fleets(case: str) -> None:
    valid, nodes = OF_FLEETS[case]
    data = yaml.safe_load((EXAMPLES / "fleet.yaml").read_text(encoding="utf-8"))
    reader = jsonschema.Draft202012Validator(editor_schema(published_schema()))
    reader.check_schema(reader.schema)
    assert reader.is_valid(data | {"nodes": nodes}) is valid


@pytest.mark.parametrize(("name", "group"), groups())
def test_every_option_has_a_sentence_and_an_example_that_is_accepted(name: str, group: dict[str, Any]) -> None:
    for option, declared in group["properties"].items():
        referred = published_schema()["$defs"].get(declared.get("$ref", "").rpartition("/")[2], {})
        sentence = declared.get("description", referred.get("description", ""))
        assert sentence.endswith("."), f"{name}.{option}"
        (example,) = declared["examples"]
        if (name, option) != ("Plan", "keys"):  # its example shows the shape with an ellipsis
            assert not shape.faults({"$defs": published_schema()["$defs"], **declared}, example), f"{name}.{option}"


def test_every_option_stands_on_the_reference_page() -> None:
    page = reference.page()
    for name, group in groups():
        for option in (*group["properties"], *group.get("x-later", ())):
            assert f"`{option}`" in page, f"{name}.{option}"


def test_every_group_has_a_section_of_the_reference_page() -> None:
    assert {definition for _, _, definition in reference._GROUPS} == set(published_schema()["$defs"])


def test_every_form_named_by_the_schema_exists_and_is_used() -> None:
    named = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            named.add(value.get("x-form"))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(published_schema())
    assert named - {None} == set(FORMS)


@pytest.mark.gnupg
@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_every_example_of_the_manual_is_a_valid_plan_to_all_readers(name: str, plans: Plans) -> None:
    checked = plans.check(plans.example(name))
    assert checked.problems == ()
    assert checked.is_valid
    data = yaml.safe_load(plans.file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(editor_schema(published_schema())).validate(data)
    for node in fleet.nodes(published_schema(), data):
        jsonschema.Draft202012Validator(published_schema()).validate(node.data)
        Plan.model_validate(node.data)


WRONG: dict[str, Any] = {
    "unknown option": ("colour", "red"),
    "wrong type": ("fleet", 7),
    "empty list": ("catalogues", []),
    "wrong choice": ("catalogues", ["iso"]),
    "wrong name": ("assets", {"A B": {"kind": "files", "path": "/x"}}),
    "two references": (
        "assets",
        {"a": {"kind": "mariadb", "connect": {"socket": "/s", "credentials": {"file": "f", "env": "E"}}}},
    ),
    "no connection": ("assets", {"a": {"kind": "mariadb", "connect": {}}}),
    "no policy": ("alerts", {}),
    "a share or a mapping": ("thresholds", {"disk": 80}),
    "another kind of store": ("stores", {"a": {"kind": "tape", "path": "/x"}}),
    "one asset is no site": ("sites", {"a": {"assets": ["crud-db"]}}),
    "two answers of a check": (
        "assets",
        {
            "a": {
                "kind": "mariadb",
                "connect": {"socket": "/s"},
                "drill": {"host": "h", "checks": [{"sql": "SELECT 1", "equals": 1, "at_least": 1}]},
            }
        },
    ),
    "null": ("node", None),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_one_reader_refuses_all_refuse(case: str) -> None:
    name, value = WRONG[case]
    data = yaml.safe_load((EXAMPLES / "site.yaml").read_text(encoding="utf-8")) | {name: value}
    assert shape.faults(published_schema(), data)
    assert not jsonschema.Draft202012Validator(published_schema()).is_valid(data)
    assert not jsonschema.Draft202012Validator(editor_schema(published_schema())).is_valid(data)
    with pytest.raises(ValidationError):
        Plan.model_validate(data)


@pytest.mark.parametrize(
    ("catalogue", "kind", "rule", "days"),
    [
        ("maint", "mariadb", "MAINT_013", 90),
        ("maint", "files", "MAINT_013", 90),
        ("maint", "sqlite", "MAINT_013", 90),
        ("asbl", "mariadb", "ASBL_010", 30),
        ("asbl", "sqlite", "ASBL_010", 30),
        ("asbl", "files", "ASBL_011", 28),
    ],
)
def test_sets_are_kept_as_long_as_the_design_demands(catalogue: str, kind: str, rule: str, days: int) -> None:
    found = limit(load_rules(), (catalogue,), "retention.kept_min", kind)
    assert found is not None
    assert (found.rule.id, found.value) == (rule, days * 86_400)


def test_the_schema_tells_editors_about_defaults_and_units() -> None:
    schedule = json.loads(schema_text())["$defs"]["BackupSchedule"]["properties"]
    assert schedule["catch_up"]["default"] == "once"
    assert schedule["deadline"]["default"] == "24h"
    assert "day of the week" in schedule["schedule"]["x-unit"]


def test_no_option_has_a_name_that_other_readers_of_yaml_take_for_a_value() -> None:
    for name, group in groups():
        for option in group["properties"]:
            assert yaml.safe_load(option) == option, f"{name}.{option}"
