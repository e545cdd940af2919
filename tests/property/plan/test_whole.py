"""Plans that use all that can be written: read back as written, kept as declared; changed anyhow, told, not broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.language.texts import translator
from intendance.plan import adopted, references, relations, shape, source
from intendance.plan.compiled import SAMPLED, compile_plan
from intendance.plan.declared import by_place, declared
from intendance.plan.load import check
from intendance.plan.saying import DOMAIN, plain
from intendance.plan.schema import Plan as Declared
from tests.property.plan.test_reading import NOW, RECIPIENTS, SCHEMA, crons, lines, plans, secrets, slugs
from tests.support.plans import EXAMPLES

FRENCH = translator("fr", DOMAIN)
WHOLE = (EXAMPLES / "whole.yaml").read_text(encoding="utf-8")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

shares = st.decimals(min_value=1, max_value=100, places=1).map(lambda share: f"{share}%")
intervals = st.sampled_from(["1s", "60s", "5min", "1h30", "24h"])
latencies = st.sampled_from(["1ms", "500ms", "2s", "1min"])
instants = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}+01:00".rjust(25, "0"))
cadences = st.sampled_from(["weekly", "monthly", "quarterly", "yearly"])
tables = st.tuples(slugs, slugs).map(".".join)
answers = st.one_of(
    *(st.fixed_dictionaries({name: st.integers(-9, 9)}) for name in ("at_least", "at_most", "equals")),
    st.just({"compare": "source"}),
)
checks = st.builds(lambda answer, name: {"name": name, "sql": "SELECT 1", **answer}, answers, lines)


def mapping(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def maintenance(kind: str) -> dict[str, Any]:
    """What an asset may declare besides its backup."""
    drill = mapping({"host": st.just("laptop")}, schedule=crons)
    if kind != "mariadb":
        return {"drill": drill}
    purge = mapping({"table": tables, "column": slugs, "older_than": st.just("1y")}, schedule=crons)
    return {
        "drill": mapping({"host": st.just("laptop")}, schedule=crons, checks=st.lists(checks, min_size=1, max_size=2)),
        "upkeep": mapping({}, analyze=mapping({}, schedule=crons), purge=st.lists(purge, min_size=1, max_size=2)),
    }


def sections(people: list[str], assets: list[str]) -> dict[str, Any]:
    """The sections of a plan that is about these people and assets."""
    person = st.sampled_from(people)
    names = st.lists(slugs, min_size=1, max_size=3, unique=True)
    probes = st.builds(
        lambda named, each: [each | {"name": name} for name in named],
        names,
        mapping({"url": st.just("https://x.example.org/"), "every": intervals}, slo=shares),
    )
    site = mapping({"assets": st.lists(st.sampled_from(assets), min_size=2, unique=True)}) if len(assets) > 1 else None
    return {
        "manager": mapping({"urls": st.just(["https://fleet.example.org"])}, heartbeat=intervals),
        "thresholds": mapping(
            {},
            disk=shares,
            cpu=st.one_of(shares, mapping({"above": shares, "for": intervals})),
            page=latencies,
            connections=st.integers(1, 999),
        ),
        "probes": probes,
        "alerts": mapping(
            {"policy": mapping({}, warning=st.just([{"after": "0min", "to": people[0], "by": ["email"]}]))},
            email=mapping({"smtp": st.just("smtps://m.example.org"), "from": st.just("a@b.org")}, credentials=secrets),
        ).map(lambda alerts: alerts if "email" in alerts else {"policy": {}}),
        "providers": st.dictionaries(slugs, mapping({"name": lines}), max_size=2),
        **(
            {}
            if site is None
            else {"sites": st.dictionaries(slugs.filter(lambda name: name not in assets), site, max_size=2)}
        ),
        "waivers": st.lists(
            mapping(
                {
                    "rule": st.just("MAINT_004"),
                    "reason": lines,
                    "ticket": lines,
                    "granted_by": person,
                    "expires": instants,
                }
            ),
            max_size=2,
        ),
        "windows": st.builds(
            lambda named: [{"name": name, "rrule": "FREQ=DAILY;BYHOUR=3", "lasts": "2h"} for name in named], names
        ),
        "budget": mapping({"currency": st.just("EUR"), "year": st.integers(2000, 2100)}, staff=st.integers(0, 10**9)),
        "duties": mapping({}, access_review=cadences, training=cadences),
    }


@st.composite
def whole_plans(draw: st.DrawFn) -> dict[str, Any]:
    plan = draw(plans())
    people, assets = list(plan["contacts"]), list(plan["assets"])
    plan["contacts"][people[0]]["email"] = "someone@example.org"
    plan["hosts"] = {"laptop": {"held_by": draw(st.sampled_from(people))}}
    for asset in plan["assets"].values():
        asset.update(draw(mapping({}, **maintenance(asset["kind"]))))
    if draw(st.booleans()):
        plan["stores"]["away-from-here"] = {"kind": "s3", "bucket": "backups", "credentials": draw(secrets)}
        for asset in plan["assets"].values():
            if "backup" in asset and draw(st.booleans()):
                asset["backup"]["stores"] = [*asset["backup"]["stores"], "away-from-here"]
    return plan | draw(mapping({}, **sections(people, assets)))


@given(whole_plans(), st.sampled_from([None, True, False]))
@settings(SLOW, max_examples=40)
def test_a_whole_plan_is_read_back_as_written_and_kept_as_declared(data: dict[str, Any], style: bool | None) -> None:
    text = yaml.safe_dump(data, default_flow_style=style, allow_unicode=True, sort_keys=False, width=60)
    located, duplicates = source.read(text)
    assert located.data == data
    assert not duplicates
    assert shape.faults(SCHEMA, data) == []
    assert list(references.faults(SCHEMA, data)) == []
    assert relations.faults(data) == []
    VALIDATOR.validate(data)
    Declared.model_validate(data)
    kept = by_place(declared(SCHEMA, data))
    plan = compile_plan(data, RECIPIENTS, Path("/etc/intendance"), kept)
    assert adopted.decode(adopted.encode(plan)) == plan
    assert plan.declared == kept
    for place in ("budget", "windows", "duties"):
        if place in data:
            assert plan.declared[place] == data[place]
    for name, written in data.get("thresholds", {}).items():
        if name in SAMPLED:
            assert name in plan.thresholds
        else:
            assert plan.declared[f"thresholds.{name}"] == written
    again = source.read(json.dumps(data, ensure_ascii=False))[0].data
    compiled = compile_plan(again, RECIPIENTS, Path("/etc/intendance"), by_place(declared(SCHEMA, again)))
    assert adopted.encode(compiled) == adopted.encode(plan)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(spot for name, item in inner for spot in spots(item, (*path, name)))]


@given(st.data())
@settings(SLOW, max_examples=80)
def test_an_option_that_nobody_knows_is_told_wherever_it_stands(data: st.DataObject) -> None:
    plan = yaml.safe_load(WHOLE)
    holders = []
    for spot in spots(plan):
        holder = plan
        for step in spot:
            holder = holder[step]
        if isinstance(holder, dict) and spot not in FREELY_NAMED:
            holders.append((spot, holder))
    spot, holder = data.draw(st.sampled_from(holders))
    name = data.draw(st.sampled_from(["xyzzy", "schedul", "Path", "credential", "été"]))
    holder[name] = "x"
    told = [fault for fault in shape.faults(SCHEMA, plan) if fault.path == (*spot, name)]
    assert [fault.at for fault in told] == ["name"]


FREELY_NAMED = {("stores",), ("assets",), ("contacts",), ("providers",), ("sites",), ("hosts",), ("node", "labels")}

pieces = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.sampled_from(
        [
            "\n",
            "\t",
            "  ",
            ": ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "!!int ",
            "'",
            '"',
            "#",
            "|",
            ">",
            "%",
            "null",
            "7",
        ]
    ),
)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """The whole example with some of it cut, typed over or moved, as fingers and scripts do."""
    text = WHOLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 2, 5, 40, 400])))
        match draw(st.sampled_from(["type", "move", "twice"])):
            case "type":
                text = text[:start] + draw(pieces) + text[end:]
            case "move":
                to = draw(st.integers(0, len(text) - (end - start)))
                rest = text[:start] + text[end:]
                text = rest[:to] + text[start:end] + rest[to:]
            case _:
                text = text[:end] + text[start:end] + text[end:]
    return text


@given(edited())
@settings(SLOW, max_examples=60)
def test_whatever_is_typed_is_answered_with_places_and_never_with_a_trace(text: str) -> None:
    checked = check(text.encode(), file="intendance.yaml", folder=Path("/nonexistent"), now=NOW)
    count = len(text.splitlines()) or 1
    assert checked.problems  # its keys are nobody's, whatever else holds
    for problem in (*checked.problems, *checked.warnings):
        assert problem.file == "intendance.yaml"
        assert 1 <= problem.line <= count + 1
        assert problem.column >= 1
        assert problem.code
        assert problem.message
        assert problem.fix
        assert problem.said.write(FRENCH)
        assert problem.remedy.write(FRENCH)
        json.dumps(plain((*problem.said.params, *problem.remedy.params)))
