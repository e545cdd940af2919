"""What rules that read samples are judged for: the machine itself, and a server on it. Pure.

They are judged each time: a roll-up comes each hour, is about all of them, and must not end what else was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.evidence.sample import DatabaseExcursion, DatabaseRolledUp, SampleExcursion, SampleRollup
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

IDENTITY = "node"
"""What a waiver of such a rule is about."""

KINDS = frozenset({"sample.rollup", "sample.excursion"})
"""Kinds of evidence that are about the machine and about no asset."""
OF_A_SERVER = frozenset({"sample.database"})
"""Those that are about one asset."""


_SAMPLED = KINDS | OF_A_SERVER


def samples(rule: Rule) -> bool:
    """Whether a rule reads samples. It is given nothing else but the plan and what declares its subject."""
    return not _SAMPLED.isdisjoint([need.kind for need in rule.needs])


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The judged node under the plan in force, and what was seen of it, oldest first. Nobody else has seen it."""

    node: str
    plans: tuple[Fact[PlanAdopted], ...]
    rollups: tuple[Fact[SampleRollup], ...] = ()
    excursions: tuple[Fact[SampleExcursion], ...] = ()
    asset: None = None

    @property
    def declared(self) -> Fact[PlanAdopted]:
        """What makes it a subject: the first plan that was read."""
        return self.plans[0]

    @property
    def first_declared(self) -> datetime:
        """When its first plan was adopted."""
        return self.plans[0].at

    def by_others(self) -> Machine:
        """The same machine without its own word about itself."""
        return replace(self, rollups=(), excursions=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database server of the plan, and what was seen of it, oldest first. Nobody else has seen it.

    `entries` says what each of `rollups` tells of this server; None: nothing.
    """

    node: str
    asset: str
    declared: Fact[AssetDeclared]
    first_declared: datetime
    rollups: tuple[Fact[SampleRollup], ...] = ()
    entries: tuple[DatabaseRolledUp | None, ...] = ()
    strains: tuple[Fact[DatabaseExcursion], ...] = ()

    def by_others(self) -> Server:
        """The same server without the node's own word about it."""
        return replace(self, rollups=(), entries=(), strains=())


class Servers:
    """The servers among subjects, and the roll-ups that all of them read."""

    def __init__(self, rollups: tuple[Fact[SampleRollup], ...]) -> None:
        self._rollups = rollups
        self._entries = [{each.asset: each for each in fact.data.databases} for fact in rollups]

    def of(self, subject: Subject, strains: Sequence[Fact[DatabaseExcursion]]) -> Server:
        """A subject as rules that read samples see it."""
        return Server(
            node=subject.node,
            asset=subject.asset,
            declared=subject.declared,
            first_declared=subject.first_declared,
            rollups=self._rollups,
            entries=tuple(entries.get(subject.asset) for entries in self._entries),
            strains=tuple(strains),
        )
