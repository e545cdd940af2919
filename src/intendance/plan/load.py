"""Reading a plan file: every problem at once, each with its place and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.catalogue.load import load as load_rules
from intendance.model.errors.plan import PlanInvalid, PlanMissing, PlanUnreadable
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.plan import advice, recipients, references, relations, shape, source
from intendance.plan.bounds import law
from intendance.plan.bounds.seen import NOTHING_SEEN, Seen
from intendance.plan.compiled import compile_plan
from intendance.plan.declared import by_place, declared, performed_stores
from intendance.plan.problems import Fault, OptionPath, Problem, dotted
from intendance.plan.saying import say
from intendance.plan.source import Located, Mark, Place
from intendance.system.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A plan file after all checks: the compiled plan when there is no problem, else None."""

    file: str
    content: bytes
    plan: Plan | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def source_sha256(self) -> str:
        return sha256(self.content).hexdigest()

    def valid(self) -> Plan:
        """The plan. Raises PlanInvalid."""
        if self.plan is None:
            count = len(self.problems)
            raise PlanInvalid(plan=self.file, count="one problem" if count == 1 else f"{count} problems")
        return self.plan


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
    report = _Report(file=file)
    plan: Plan | None = None
    warnings: tuple[Problem, ...] = ()
    try:
        text = _text(content)
        report.lines = text.splitlines()
        located, duplicates = source.read(text)
        report.places = located.places
        if located.data is None:
            raise _EMPTY
        plan, problems, notes = _judge(located, folder, now, seen)
        warnings = report.problems(notes)
        found = report.problems(problems, [(twice.mark, _twice(twice)) for twice in duplicates])
    except source.Unreadable as unreadable:
        fault = Fault(path=unreadable.path, code=unreadable.code, message=unreadable.message, fix=unreadable.fix)
        found = (report.at(unreadable.mark, fault),)
    return Checked(file=file, content=content, plan=plan if not found else None, problems=found, warnings=warnings)


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


def _judge(located: Located, folder: Path, now: datetime, seen: Seen) -> tuple[Plan | None, list[Fault], list[Fault]]:
    """The compiled plan when all is well, the faults, and the warnings."""
    data, schema, rulebook = located.data, published_schema(), load_rules()
    faults = shape.faults(schema, data)
    broken = {fault.path for fault in faults}
    between = [*references.faults(schema, data), *relations.faults(data, performed_stores(schema, data))]
    between += law.faults(data, rulebook, now, seen)
    faults += [fault for fault in between if fault.path not in broken]
    keys = recipients.judge(data, folder, now)
    faults += [fault for fault in keys.faults if fault.path not in broken]
    if faults:
        return None, faults, keys.warnings
    plan = compile_plan(data, keys.usable, folder, by_place(declared(schema, data)))
    return plan, [], keys.warnings + advice.warnings(data, folder) + law.warnings(data, rulebook, now)


def _twice(duplicate: source.Duplicate) -> Fault:
    name, first = str(duplicate.path[-1]), duplicate.first.line + 1
    said = say("`{name}` is written twice; the first is on line {line}", name=name, line=first)
    return Fault(path=duplicate.path, at="name", code="written-twice", message=said, fix=say("keep one of the two"))


class _Report:
    """Turns faults into problems with their place in the file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[str] = []
        self.places: dict[OptionPath, Place] = {}
        self._hidden: list[Place] = []

    def problems(self, faults: Iterable[Fault], placed: Iterable[tuple[Mark, Fault]] = ()) -> tuple[Problem, ...]:
        """The faults with their places, in the order of the file; no line shows a value that may be a secret."""
        listed = list(faults)
        self._hidden += [self.places[fault.path] for fault in listed if fault.secret and fault.path in self.places]
        found = [self.at(mark, fault) for mark, fault in placed]
        found += [self.at(self._mark(fault), fault) for fault in listed]
        return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.line, problem.column)))

    def at(self, mark: Mark, fault: Fault) -> Problem:
        return Problem(
            file=self.file,
            line=mark.line + 1,
            column=mark.column + 1,
            path=dotted(fault.path),
            code=fault.code,
            said=fault.message.masked(redact),
            remedy=fault.fix,
            rule=fault.rule,
            source=self._shown(mark.line),
        )

    def _mark(self, fault: Fault) -> Mark:
        """Where to point: at the option, or at the nearest one around it that is written."""
        for length in range(len(fault.path), -1, -1):
            place = self.places.get(fault.path[:length])
            if place is not None:
                exact = length == len(fault.path)
                return place.value if exact and fault.at == "value" else place.name
        return Mark(0, 0)

    def _shown(self, number: int) -> str:
        if number >= len(self.lines):
            return ""
        line = self.lines[number]
        for place in self._hidden:
            if place.value.line <= number <= place.end.line:
                first = place.value.column if number == place.value.line else 0
                end = place.end.column if number == place.end.line else len(line)
                line = line[:first] + "•" * (end - first) + line[end:]
        # What is hidden already keeps its width, so that the caret stays under its place.
        return "".join(each if each.startswith("•") else redact(each) for each in re.split("(•+)", line))
