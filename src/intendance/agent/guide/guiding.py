"""Guided restores, in the caller's own process: only the caller's keyring can open a set.

What is decided is written down before it is done, and what is done may be done again: a kill at any instant leaves a
guide that the next start goes on with, or takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from intendance.agent import restoring, service
from intendance.agent.compose import Node, open_node, person
from intendance.agent.follow import Watcher
from intendance.agent.guide.beginning import begin
from intendance.agent.guide.case import Case, Cases, Item, Safety, Wanted
from intendance.agent.guide.told import evidence
from intendance.agent.guide.unharmed import safety_copy
from intendance.agent.layout import StateLayout
from intendance.agent.stopping import Stopper
from intendance.engines.replacing import Replacement, open_replacement
from intendance.model.errors import IntendanceError
from intendance.model.errors.guide import (
    GuideNone,
    GuideNotConfirmed,
    GuideOver,
    GuideUnderWay,
)
from intendance.model.evidence.guide import GuideStep
from intendance.model.frozen import dataclass
from intendance.runs.progress import Reading
from intendance.system import lock
from intendance.system.clock import Clock, monotonic_seconds, rfc3339

Moved = Callable[[Reading], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """A guide as it is now. `seqs` are the records of what this call did; `removals` what a person types to be rid of
    what is kept, by asset."""

    case: Case
    node: str
    zone: str
    seqs: tuple[int, ...] = ()
    removals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """How a guide goes on: who looks on, and whether a missing safety copy is accepted. `state` is opened anew by what
    backs up."""

    state: Path
    clock: Clock
    watcher: Watcher
    moved: Moved
    without_safety_copy: bool = False


def prepare(state: Path, clock: Clock, wanted: Wanted, moved: Moved) -> Guided:
    """Steps one to three: what is lost, the set, and a test restore beside. An open guide is gone on with.

    Raises GuideUnderWay, and what the steps raise; nothing in production is touched.
    """
    with _guide(state, clock, wanted.name) as guide:
        case = guide.cases.latest(wanted.name)
        if case is None or case.state != "open":
            case = guide.begin(wanted)
        elif _says_otherwise(wanted, case.wanted):
            raise GuideUnderWay(name=wanted.name, since=case.began_at, scope=_scope(case.wanted))
        return guide.answer(guide.test(case, moved))


def replace_production(going: Going, name: str, confirmed: str) -> Guided:
    """Steps four and five: a safety copy that is read back, what was tested in production, and a look at it.

    Raises GuideNone, GuideNotConfirmed, GuideUnsafe, GuideRefused; `--back` is the way back from there.
    """
    with _guide(going.state, going.clock, name) as guide:
        case = guide.open_case(name, "go on with")
        _confirm(confirmed, name, f"intendance restore guide {name} --confirm {name}")
        if not case.touched:
            case = guide.save(case, going)
        return guide.answer(guide.verify(guide.replace(case)))


def put_back(state: Path, clock: Clock, name: str, confirmed: str) -> Guided:
    """The way back: production as it was before the latest guide touched it. Raises GuideNone, GuideNotConfirmed."""
    with _guide(state, clock, name) as guide:
        case = guide.cases.latest(name)
        if case is None or not case.touched or case.state in ("back", "cancelled"):
            raise GuideNone(name=name, act="take back")
        _confirm(confirmed, name, f"intendance restore guide {name} --back --confirm {name}")
        return guide.answer(guide.back(case))


def cancel(state: Path, clock: Clock, name: str) -> Guided:
    """End a guide that touched nothing; its test restore goes. Raises GuideNone, GuideOver."""
    with _guide(state, clock, name) as guide:
        case = guide.open_case(name, "cancel")
        if case.touched:
            raise GuideOver(name=name)
        return guide.answer(guide.cancel(case))


def open_guide(state: Path, clock: Clock, name: str) -> Case | None:
    """The open guide of an asset or site, if there is one."""
    with open_node(state, clock) as node:
        case = Cases(node.book).latest(name)
        return case if case is not None and case.state == "open" else None


@contextmanager
def _guide(state: Path, clock: Clock, name: str) -> Iterator[_Guide]:
    """One guide of a name at a time. Raises LockHeld, StateUnwritable."""
    with open_node(state, clock) as node:
        node.book.expect_writable()
        place = StateLayout(state).asset_lock(f"guide.{name}")
        with lock.held(place, purpose=f"A guided restore of {name}"):
            yield _Guide(node)


def _confirm(given: str, name: str, command: str) -> None:
    if given != name:
        raise GuideNotConfirmed(name=name, given=given, command=command)


def _says_otherwise(asked: Wanted, begun: Wanted) -> bool:
    """Whether somebody asks for something else than the guide that is open; who asks for nothing goes on with it."""
    return asked not in (begun, Wanted(name=asked.name))


def _scope(wanted: Wanted) -> str:
    if wanted.paths:
        return f"{len(wanted.paths)} paths" if len(wanted.paths) > 1 else wanted.paths[0]
    return ".".join(filter(None, (wanted.database, wanted.table))) or "all of it"


class _Guide:
    """What the steps do, on an open node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.cases = Cases(node.book)
        self._seqs: list[int] = []

    def answer(self, case: Case) -> Guided:
        removals = []
        if case.state == "done":
            for item in case.items:
                if item.present:
                    with self._replacement(case, item) as replacement:
                        removals.append(replacement.removal())
        zone = self.node.plan.organisation.timezone
        return Guided(case=case, node=self.node.book.node, zone=zone, seqs=tuple(self._seqs), removals=tuple(removals))

    def open_case(self, name: str, act: str) -> Case:
        case = self.cases.latest(name)
        if case is None or case.state != "open":
            raise GuideNone(name=name, act=act)
        return case

    def begin(self, wanted: Wanted) -> Case:
        """Steps one and two."""
        started = monotonic_seconds()
        case = begin(self.node, wanted, self.cases)
        case = self._record(case, "identify", started)
        return self._record(case, "choose", started)

    def test(self, case: Case, moved: Moved) -> Case:
        """Step three: each set beside what it will replace."""
        if case.tested:
            return case
        started = monotonic_seconds()
        for index, item in enumerate(case.items):
            if item.tested is not None:
                continue
            try:
                case = self._test_one(case, index, moved)
            except IntendanceError as error:
                self._record(case, "test", started, error)
                raise
        return self._record(case, "test", started)

    def _test_one(self, case: Case, index: int, moved: Moved) -> Case:
        item = case.items[index]
        with self._replacement(case, item) as replacement:
            replacement.discard()  # of an earlier start, of which nothing was noted
            replacement.prepare(item.source_bytes)
            asked = restoring.Asked(
                asset=item.asset, into=replacement.into, point=item.set, store=item.store, guided=True
            )
            job, context = restoring.put_together(self.node, asked)
            restored = restoring.perform(self.node, job, context, moved)
        case = case.with_item(index, tested=restored.evidence.checks)
        self.cases.write(case, (), person())
        return case

    def save(self, case: Case, going: Going) -> Case:
        """Before step four: what stands in production, as a set that was read back to its last byte."""
        for asset in case.assets:
            if case.safety_of(asset) is not None:
                continue
            safety = (
                safety_copy(self.node, going.state, asset, going.watcher, going.moved,
                            accept_none=going.without_safety_copy)
                if any(item.present for item in case.of(asset))
                else Safety(asset=asset)
            )  # fmt: skip
            case = replace(case, safety=(*case.safety, safety))
            self.cases.write(case, (), person())
        return case

    def replace(self, case: Case) -> Case:
        """Step four. Nobody interrupts it: a signal waits until it has ended."""
        if case.replaced:
            return case
        started = monotonic_seconds()
        Stopper()
        with self._locked(case):
            try:
                for index in range(len(case.items)):
                    case = self._planned(case, index)
                for index in range(len(case.items)):
                    case = self._replace_one(case, index)
            except IntendanceError as error:
                self._record(case, "replace", started, error)
                raise
        return self._record(case, "replace", started)

    def _planned(self, case: Case, index: int) -> Case:
        """Write down what will be done, before anything is."""
        item = case.items[index]
        if item.plan is not None:
            return case
        with self._replacement(case, item) as replacement:
            plan = replacement.plan()
        case = case.with_item(index, plan=plan)
        self.cases.write(case, (), person())
        return case

    def _replace_one(self, case: Case, index: int) -> Case:
        item = case.items[index]
        if item.replaced or item.plan is None:
            return case
        with self._replacement(case, item) as replacement:
            replacement.forward(item.plan)
        case = case.with_item(index, replaced=True)
        self.cases.write(case, (), person())
        return case

    def verify(self, case: Case) -> Case:
        """Step five, and what is left of the test goes."""
        started = monotonic_seconds()
        for index, item in enumerate(case.items):
            with self._replacement(case, item) as replacement:
                checks = replacement.check(item.plan or {}, item.details)
                replacement.tidy()
            case = case.with_item(index, verified=checks)
        case = replace(case, state="done")
        return self._record(case, "verify", started)

    def back(self, case: Case) -> Case:
        """Everything as it was, the last first."""
        started = monotonic_seconds()
        Stopper()
        with self._locked(case):
            try:
                for item in reversed(case.items):
                    if item.plan is not None:
                        with self._replacement(case, item) as replacement:
                            replacement.back(item.plan)
            except IntendanceError as error:
                self._record(case, "back", started, error)
                raise
        case = replace(case, state="back")
        return self._record(case, "back", started)

    def cancel(self, case: Case) -> Case:
        """The test restores go."""
        started = monotonic_seconds()
        for item in case.items:
            with self._replacement(case, item) as replacement:
                replacement.discard()
        case = replace(case, state="cancelled")
        return self._record(case, "cancelled", started)

    def _record(self, case: Case, step: GuideStep, started: float, error: IntendanceError | None = None) -> Case:
        """Write a step down, with the case as it is after it."""
        took_ms = round(1000 * (monotonic_seconds() - started))
        now = rfc3339(self.node.clock.read().at)
        written = [(asset, evidence(case, asset, step, took_ms, now, error)) for asset in case.assets]
        case = replace(case, steps={asset: each.steps for asset, each in written})
        self._seqs += self.cases.write(case, written, person())
        return case

    @contextmanager
    def _replacement(self, case: Case, item: Item) -> Iterator[Replacement]:
        asset = service.find_asset(self.node, item.asset)
        replacement = open_replacement(asset, item.target, case.stamp, item.found)
        try:
            yield replacement
        finally:
            replacement.close()

    @contextmanager
    def _locked(self, case: Case) -> Iterator[None]:
        """No backup reads what is being replaced. Raises LockHeld."""
        with ExitStack() as stack:
            for asset in sorted(case.assets):
                place = self.node.layout.asset_lock(asset)
                stack.enter_context(lock.held(place, purpose=f"Replacing {asset}"))
            yield
