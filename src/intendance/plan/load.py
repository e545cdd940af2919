"""Reading a plan file: every problem at once, each with its place and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.catalogue.load import load as load_rules
from intendance.catalogue.rule import Rulebook
from intendance.model.errors.plan import NodeUnknown, NodeUnnamed, PlanInvalid, PlanMissing, PlanUnreadable
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.plan import advice, entries, fleet, recipients, references, relations, shape, source
from intendance.plan.bounds import law
from intendance.plan.bounds.seen import NOTHING_SEEN, Seen
from intendance.plan.compiled import compile_plan
from intendance.plan.declared import by_place, declared
from intendance.plan.fleet import NodePlan
from intendance.plan.placing import Report
from intendance.plan.problems import Fault, Problem
from intendance.plan.saying import say
from intendance.plan.shape import Schema
from intendance.plan.source import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A plan file after all checks: the compiled plan of each of its nodes when there is no problem, else none.

    `of_fleet`: it has `nodes`; `home` is the node whose ledger this machine keeps, empty where there is none.
    """

    file: str
    content: bytes
    plans: Mapping[str, Plan]
    of_fleet: bool
    home: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def source_sha256(self) -> str:
        return sha256(self.content).hexdigest()

    @property
    def is_valid(self) -> bool:
        return bool(self.plans)

    @property
    def plan(self) -> Plan | None:
        """The plan of a file that holds just one; None when it is invalid or of several nodes."""
        return next(iter(self.plans.values())) if len(self.plans) == 1 else None

    @property
    def declared(self) -> tuple[str, ...]:
        """The places of what this version does not perform, on any of the nodes."""
        return tuple(dict.fromkeys(place for plan in self.plans.values() for place in plan.declared))

    def valid(self, node: str | None = None) -> Plan:
        """The plan of the node that is named, else of this machine's. Raises PlanInvalid, NodeUnnamed, NodeUnknown."""
        if not self.plans:
            count = len(self.problems)
            raise PlanInvalid(plan=self.file, count="one problem" if count == 1 else f"{count} problems")
        wanted = node or (self.home if self.of_fleet else "")
        if not wanted and self.plan is None:
            raise NodeUnnamed(plan=self.file, nodes=", ".join(self.plans))
        if wanted and wanted not in self.plans:
            raise NodeUnknown(plan=self.file, node=wanted, nodes=", ".join(self.plans))
        return self.plans[wanted] if wanted else next(iter(self.plans.values()))

    def warnings_of(self, node: str) -> tuple[Problem, ...]:
        """The warnings that are about one node, and those about all."""
        return tuple(each for each in self.warnings if not each.nodes or node in each.nodes)


def schema_text() -> str:
    """The JSON Schema of plans, as the package carries it."""
    return Path(__file__).with_name("schema.json").read_text(encoding="utf-8")


def published_schema() -> dict[str, Any]:
    """The same as data."""
    schema: dict[str, Any] = json.loads(schema_text())
    return schema


def load(path: Path, now: datetime, seen: Seen = NOTHING_SEEN) -> Checked:
    """Read and check the plan file at `now`. Raises PlanMissing, PlanUnreadable; what its text holds are problems.

    `seen` is what the node's ledger knows of its assets and waivers, where there is one.
    """
    try:
        if path.is_dir():
            raise PlanUnreadable(plan=path, detail="it is a folder")
        with path.open("rb") as file:
            content = file.read(source.MAX_BYTES + 1)
    except FileNotFoundError:
        raise PlanMissing(looked=path) from None
    except OSError as error:
        raise PlanUnreadable(plan=path, detail=error.strerror or str(error)) from None
    return check(content, file=str(path), folder=path.absolute().parent, now=now, seen=seen)


def check(content: bytes, *, file: str, folder: Path, now: datetime, seen: Seen = NOTHING_SEEN) -> Checked:
    """Check a plan's bytes; `file` is its name in messages, `folder` where its relative files are looked for."""
    report = Report(file=file)
    judged = _Judged()
    warnings: tuple[Problem, ...] = ()
    try:
        text = _text(content)
        report.lines = text.splitlines()
        located, duplicates = source.read(text)
        report.places = located.places
        if located.data is None:
            raise _EMPTY
        judged = _judge_all(located.data, folder, now, seen)
        warnings = report.problems(judged.warnings, judged.nodes)
        found = report.problems(judged.faults, judged.nodes, [(twice.mark, _twice(twice)) for twice in duplicates])
    except source.Unreadable as unreadable:
        fault = Fault(path=unreadable.path, code=unreadable.code, message=unreadable.message, fix=unreadable.fix)
        found = (report.at(unreadable.mark, fault),)
    return Checked(
        file=file,
        content=content,
        plans=judged.plans if not found else {},
        of_fleet=judged.of_fleet,
        home=seen.node,
        problems=found,
        warnings=warnings,
    )


_EMPTY = source.Unreadable(
    "empty", say("it is empty"), say("begin with `version: 1`; `docs/plan.md` describes every option"), Mark(0, 0)
)


def _text(content: bytes) -> str:
    """The file's text. Raises source.Unreadable."""
    start = Mark(0, 0)
    if len(content) > source.MAX_BYTES:
        said = say("it is larger than 1 MiB, which no plan is")
        raise source.Unreadable("too-large", said, say("see that it is the file you mean"), start)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        mark = Mark(before.count(b"\n"), len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")))
        raise source.Unreadable("not-utf-8", say("it is not UTF-8 text"), say("save it again as UTF-8"), mark) from None
    return text


@dataclass(slots=True)
class _Judged:
    """What was found on each node: compiled plans where all is well, faults, warnings."""

    of_fleet: bool = False
    nodes: tuple[str, ...] = ()
    plans: dict[str, Plan] = field(default_factory=dict)
    faults: list[tuple[NodePlan, Fault]] = field(default_factory=list)
    warnings: list[tuple[NodePlan, Fault]] = field(default_factory=list)


def _judge_all(data: Any, folder: Path, now: datetime, seen: Seen) -> _Judged:
    """Every node of the file, by what its own plan will say."""
    schema, rulebook, keys = published_schema(), load_rules(), recipients.KeyRing(folder, now)
    judged = _Judged(of_fleet=fleet.is_fleet(data))
    if judged.of_fleet:
        judged.faults += [(NodePlan(data=data), fault) for fault in fleet.faults(data)]
    found = fleet.nodes(schema, data)
    judged.nodes = tuple(each.node for each in found)
    for each in found:
        known = seen if each.node in ("", seen.node) else NOTHING_SEEN
        plan, faults, warnings = _judge(schema, rulebook, each.data, keys, folder, now, known)
        judged.faults += [(each, fault) for fault in faults]
        judged.warnings += [(each, fault) for fault in warnings]
        if plan is not None and judged.of_fleet:
            judged.warnings += [(each, fault) for fault in entries.warnings(data, each, rulebook, now)]
        if plan is not None:
            judged.plans[plan.node.id] = plan
    return judged


def _judge(
    schema: Schema, rulebook: Rulebook, data: Any, ring: recipients.KeyRing, folder: Path, now: datetime, seen: Seen
) -> tuple[Plan | None, list[Fault], list[Fault]]:
    """The compiled plan when all is well, the faults, and the warnings."""
    faults = shape.faults(schema, data)
    broken = {fault.path for fault in faults}
    between = [*references.faults(schema, data), *relations.faults(data)]
    between += law.faults(data, rulebook, now, seen)
    faults += [fault for fault in between if fault.path not in broken]
    keys = ring.judge(data)
    faults += [fault for fault in keys.faults if fault.path not in broken]
    if faults:
        return None, faults, keys.warnings
    plan = compile_plan(data, keys.usable, folder, by_place(declared(schema, data)))
    return plan, [], keys.warnings + advice.warnings(data, folder) + law.warnings(data, rulebook, now)


def _twice(duplicate: source.Duplicate) -> Fault:
    name, first = str(duplicate.path[-1]), duplicate.first.line + 1
    said = say("`{name}` is written twice; the first is on line {line}", name=name, line=first)
    return Fault(path=duplicate.path, at="name", code="written-twice", message=said, fix=say("keep one of the two"))
