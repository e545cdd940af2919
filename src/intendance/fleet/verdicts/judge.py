"""Nodes judged from the evidence that arrived: which are due, what the rules say of them, and what that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.gathering import gather
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_head, judged, node, verdict, word
from intendance.fleet.verdicts import decide, rows, writing
from intendance.fleet.verdicts.hearing import FLEET_RULES
from intendance.fleet.verdicts.program import mark
from intendance.fleet.verdicts.source import NodeLedger
from intendance.fleet.verdicts.unattested import told_why
from intendance.fleet.verdicts.writing import Judged
from intendance.fleet.words.service import Words
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.verdict import Verdict
from intendance.system.collector import paused

TOGETHER = 20
"""Nodes whose verdicts are written in one transaction: beats are written four times a second, and wait for it."""
_ALL_EVERY = timedelta(seconds=10)
"""All nodes are looked through so often; in between only those whose head is said to have changed since."""
_MARGIN = timedelta(seconds=15)
"""How far apart the clocks of managers that share a database may be, and how long a transaction may take."""


class Judge:
    """Judges nodes. What it wrote of a node stays until a record or an instant may change it."""

    def __init__(self, database: Database, say: Callable[[str], object], program: str = "") -> None:
        self._database = database
        self._say = say
        self.program = program or mark()
        self.rulebook: Rulebook = load()
        performed = {name: rule for name, rule in self.rulebook.rules.items() if rule.performed}
        self._performed = replace(self.rulebook, rules=performed)
        self._unreadable: set[str] = set()
        self._looked_at: datetime | None = None
        self._all_looked_at: datetime | None = None

    def due(self, now: datetime) -> list[str]:
        """The nodes to judge now: those whose evidence grew, whose verdicts time may have changed, or that another
        version judged. Raises DatabaseUnreachable."""
        all_at = self._all_looked_at
        whole = all_at is None or not all_at <= now < all_at + _ALL_EVERY
        since = None if whole or self._looked_at is None else self._looked_at - _MARGIN
        with self._database.read() as connection:
            asked = (self._changed(since), _timely(now))
            found = {row.node for each in asked for row in connection.execute(each)}
        self._looked_at = now
        if whole:
            self._all_looked_at = now
        return sorted(found)

    def _changed(self, since: datetime | None) -> Select[tuple[str]]:
        head = evidence_head.c
        asked = (
            select(head.node)
            .join(node, (node.c.node == head.node) & (node.c.incarnation == head.incarnation))
            .outerjoin(judged, judged.c.node == head.node)
            .where(node.c.decommissioned_us.is_(None))
            .where(
                or_(
                    judged.c.node.is_(None),
                    judged.c.incarnation != head.incarnation,
                    judged.c.size != head.signed_size,
                    judged.c.program != self.program,
                    judged.c.words != _newest_word(head.node),
                )
            )
        )
        return asked if since is None else asked.where(head.changed_us >= to_us(since))

    def judge(self, names: Iterable[str], now: datetime) -> int:
        """Judge some nodes and write what that changed, some of them in each transaction; how many there were.

        Raises DatabaseUnreachable.
        """
        count = 0
        for some in _in_parts(list(names), TOGETHER):
            with paused(), self._database.read() as connection:
                before = _told(connection, some)
                found = [self._judge(connection, name, now, before[name]) for name in some]
            with self._database.begin(durable=False) as connection:  # what is lost is judged again, as it was
                writing.write(connection, found, self.program, to_us(now))
            count += len(found)
        return count

    def from_nothing(self, name: str, now: datetime) -> tuple[Verdict, ...]:
        """What the rules say of a node now, whatever was found before. Raises RecordUnreadable, DatabaseUnreachable."""
        with paused(), self._database.read() as connection:
            return self._evaluate(connection, NodeLedger(connection, name), name, now)

    def _judge(self, connection: Connection, name: str, now: datetime, before: Mapping[decide.Key, Verdict]) -> Judged:
        ledger = NodeLedger(connection, name)
        words = connection.execute(select(_newest_word(name))).scalar_one()
        try:
            found = self._evaluate(connection, ledger, name, now)
        except RecordUnreadable as error:
            found = ()
            if name not in self._unreadable:
                self._say(f"{name} cannot be judged: {error.message}")
                self._unreadable.add(name)
        return Judged(
            node=name,
            incarnation=ledger.incarnation,
            size=ledger.size,
            words=words,
            again_at=decide.judge_again_at(found, now),
            changes=decide.compare(before, found),
        )

    def _evaluate(self, connection: Connection, ledger: NodeLedger, name: str, now: datetime) -> tuple[Verdict, ...]:
        plans = ledger.facts("plan.adopted", latest=1)
        if not plans:
            return ()
        plan: PlanAdopted = plans[0].data
        begun = ledger.facts("genesis", latest=1)
        trusted = begun[0].data.trusted_keys if begun else ()
        words = Words(connection, name, trusted=trusted, hosts=plan.hosts)
        facts, horizons = gather(ledger, self._performed, plan, plan.assets, now, words)
        return told_why(evaluate(self._performed, facts, now, name, horizons), words)


def _newest_word(name: Any) -> Any:
    """The number of the newest word of others on a node, 0 where there is none: asked before they are read, so that
    what comes in between is found again."""
    newest = select(func.max(word.c.id)).where(word.c.node == name).scalar_subquery()
    return func.coalesce(newest, 0)


def _told(connection: Connection, names: Sequence[str]) -> Mapping[str, Mapping[decide.Key, Verdict]]:
    """What was found before of some nodes."""
    found: dict[str, dict[decide.Key, Verdict]] = {name: {} for name in names}
    own = verdict.c.node.in_(names) & verdict.c.rule.not_in(FLEET_RULES)
    for each in map(rows.to_verdict, connection.execute(select(verdict).where(own))):
        found[each.node][decide.key(each)] = each
    return found


def _timely(now: datetime) -> Select[tuple[str]]:
    belonging = select(node.c.node).where(node.c.decommissioned_us.is_(None))
    return select(judged.c.node).where(judged.c.again_us <= to_us(now), judged.c.node.in_(belonging))


def _in_parts(names: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), count):
        yield names[first : first + count]
