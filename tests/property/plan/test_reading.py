"""Plans of any content: what is written is read back, every reader agrees, nothing ever breaks the reader."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from intendance.model.plan import Recipient
from intendance.plan import adopted, durations, forms, references, relations, shape, source, writing
from intendance.plan.compiled import compile_plan
from intendance.plan.load import check, published_schema
from intendance.plan.schema import Plan as Declared

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SCHEMA = published_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

slugs = st.text("abcz019-", min_size=1, max_size=8).filter(lambda text: not text.startswith("-"))
lines = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)
paths = st.lists(st.from_regex(r"[A-Za-z0-9_ é-]{1,12}", fullmatch=True), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
crons = st.tuples(
    st.integers(0, 59), st.integers(0, 23), st.sampled_from(["*", "1", "15", "*/2"]), st.sampled_from(["*", "1-6"]),
    st.sampled_from(["*", "SUN", "1-5"]),
).map(lambda fields: " ".join(map(str, fields)))  # fmt: skip
times = {"schedule": crons, "catch_up": st.sampled_from(["once", "all", "none"])}
inspections = st.fixed_dictionaries({}, optional=times)
deadlines = st.sampled_from(["1min", "4h", "26h30", "7d"])
schedules = st.fixed_dictionaries({}, optional={**times, "deadline": deadlines})
secrets = st.one_of(
    st.fixed_dictionaries({"file": paths}),
    st.fixed_dictionaries({"env": st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True)}),
    st.fixed_dictionaries({"command": st.lists(lines, min_size=1, max_size=3)}),
)


zones = st.sampled_from(["UTC", "Europe/Brussels"])
nodes = st.fixed_dictionaries({"id": slugs}, optional={"region": lines, "labels": st.dictionaries(slugs, lines)})


def backups(kind: str, stores: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            kind: schedules,
            "stores": st.lists(st.sampled_from(stores), min_size=1, unique=True),
            "retention": st.fixed_dictionaries({"points": st.integers(90, 4000).map(lambda days: f"{days}d")}),
        },
        optional={"inspect": inspections},
    )


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    stores = draw(st.lists(slugs, min_size=1, max_size=3, unique=True))
    people = draw(st.lists(slugs, min_size=2, max_size=3, unique=True))
    assets: dict[str, Any] = {}
    for number, name in enumerate(draw(st.lists(slugs, min_size=1, max_size=4, unique=True))):
        asset: dict[str, Any]
        if draw(st.booleans()):
            asset = {"kind": "files", "path": f"/tree-{number}" + draw(paths)}
            if draw(st.booleans()):
                asset["exclude"] = draw(st.lists(st.from_regex(r"[a-z*.]{0,5}[a-z]", fullmatch=True), unique=True))
            backup = backups("full", stores)
        else:
            connect: dict[str, Any] = draw(st.fixed_dictionaries({}, optional={"credentials": secrets}))
            if draw(st.booleans()):
                connect["socket"] = f"/socket-{number}"
            else:
                connect |= {"host": f"db-{number}.example.org", "port": draw(st.integers(1, 65535))}
            asset = {"kind": "mariadb", "connect": connect}
            backup = backups("logical", stores)
        if draw(st.integers(0, 5)):
            asset["backup"] = draw(backup)
        assets[name] = asset
    return {
        "version": 1,
        "fleet": draw(slugs),
        "organisation": {"name": draw(lines), "timezone": draw(zones), "language": "fr"},
        "catalogues": draw(st.lists(st.sampled_from(["maint", "asbl"]), min_size=1, unique=True)),
        "node": draw(nodes),
        "keys": {
            "backup_recipients": [
                {"name": f"key-{n}", "file": f"k{n}.asc", "fingerprint": f"{n:040X}", "held_by": holder}
                for n, holder in enumerate(people)
            ]
        },
        "stores": {name: {"kind": "directory", "path": f"/store-{n}"} for n, name in enumerate(stores)},
        "assets": assets,
        "contacts": {name: {"name": f"Person {n}"} for n, name in enumerate(people)},
    }  # fmt: skip


RECIPIENTS = (Recipient(name="k", fingerprint="A" * 40, held_by="x", armored="…\n"),)


@given(plans(), st.sampled_from([None, True, False]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_is_read_back_as_written_and_compiled_alike(data: dict[str, Any], style: bool | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=style, allow_unicode=True, sort_keys=False, width=60)
    located, duplicates = source.read(text)
    assert located.data == data
    assert not duplicates
    assert shape.faults(SCHEMA, data) == []
    assert list(references.faults(SCHEMA, data)) == []
    assert relations.faults(data) == []
    plan = compile_plan(data, RECIPIENTS, Path("/etc/intendance"))
    assert adopted.decode(adopted.encode(plan)) == plan
    again = compile_plan(source.read(json.dumps(data, ensure_ascii=False))[0].data, RECIPIENTS, Path("/etc/intendance"))
    assert adopted.encode(again) == adopted.encode(plan)


@given(plans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_the_one_line_form_that_remedies_are_written_in_reads_back(data: dict[str, Any]) -> None:
    assert source.read(writing.flow(data))[0].data == data


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for name, item in inner for spot in spots(item, (*path, name)))]


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_changed_anywhere_is_judged_alike_by_every_reader(data: st.DataObject) -> None:
    """Shape alone: forms such as cron lines are ours to judge, so what they refuse is left out of the comparison."""
    plan = copy.deepcopy(data.draw(plans()))
    *parents, last = data.draw(st.sampled_from([spot for spot in spots(plan) if spot]))
    holder = plan
    for step in parents:
        holder = holder[step]
    wrong = st.sampled_from([None, True, 7, 0.5, "", "x", [], {}, ["x"], {"x": "y"}, {"kind": "files"}])
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "remove":
        del holder[last]
    elif change == "add" and isinstance(holder, dict):
        holder[data.draw(slugs)] = data.draw(wrong)
    else:
        holder[last] = data.draw(wrong)
    assume(plan.get("version") is not True)  # 1 == True to pydantic's Literal
    ours = shape.faults(SCHEMA, plan)
    theirs = VALIDATOR.is_valid(plan)
    try:
        Declared.model_validate(plan)
        declared = True
    except ValidationError:
        declared = False
    assert theirs == declared
    if not theirs:
        assert ours
    for fault in ours:
        assert fault.message
        assert fault.fix


@given(st.binary(max_size=300))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_no_bytes_break_the_reader(content: bytes) -> None:
    checked = check(content, file="plan", folder=Path("/nonexistent"), now=NOW)
    assert checked.plan is None
    assert checked.problems
    for problem in checked.problems:
        assert problem.line >= 1
        assert problem.column >= 1


@given(st.text(st.sampled_from("ab:-[]{}*&!|>'\"#,? \n\t%@`0~<"), max_size=60))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_no_punctuation_breaks_the_reader_and_what_it_reads_is_what_yaml_says(text: str) -> None:
    try:
        located, duplicates = source.read(text)
    except source.Unreadable as unreadable:
        event(str(unreadable.message))
        return
    if "<<" in text or "!" in text or duplicates:
        return
    assert set(located.places) >= {spot for spot in spots(located.data) if located.data is not None}


@given(st.integers(0, 10**9))
def test_a_length_of_time_is_read_back_as_written(seconds: int) -> None:
    assert durations.parse(durations.write(seconds)) == seconds


@given(st.text(max_size=12))
def test_a_length_of_time_has_a_unit(text: str) -> None:
    try:
        seconds = durations.parse(text)
    except ValueError:
        return
    assert seconds >= 0
    assert any(text.endswith(unit) for unit in ("s", "min", "h", "d", "w", "y")) or "h" in text


@given(st.sampled_from(sorted(forms.FORMS)), st.text(max_size=60))
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_a_form_and_each_refusal_says_what_to_write(name: str, text: str) -> None:
    misform = forms.FORMS[name](text)
    if misform is not None:
        assert misform.message
        assert misform.fix


@given(crons)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_cron_line_that_fires_is_accepted(cron: str) -> None:
    assert forms.cron(cron) is None


@given(st.text(max_size=60))
def test_the_name_that_is_proposed_is_itself_a_name(text: str) -> None:
    assert forms.slug(forms.as_slug(text)) is None
