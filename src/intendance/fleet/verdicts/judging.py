"""Nodes judged from the evidence that arrived: what the rules say of them, and what that changes.

By the driver's own words alone, so that a process that does nothing else begins quickly (`crowd`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.gathering import gather
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.fleet.database.instants import to_us
from intendance.fleet.database.plain import Readable, Speaks
from intendance.fleet.verdicts import decide, rows, writing
from intendance.fleet.verdicts.program import mark
from intendance.fleet.verdicts.source import NodeLedger, sensible
from intendance.fleet.verdicts.unattested import told_why
from intendance.fleet.verdicts.writing import Judged, Weaker
from intendance.fleet.words.spoken import Words
from intendance.model.errors.fleet import EvidenceSenseless
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.verdict import Verdict
from intendance.system.collector import paused

MOST_ASSETS = 1000
"""Of one node: judging them takes 0.6 s of CPU and gives 14,000 verdicts; a record may name ten times as many, and a
node that was taken would say so again each second."""
TOGETHER = 20
"""Nodes whose verdicts are written in one transaction: beats are written four times a second, and wait for it."""

Say = Callable[[str], object]


class Judging:
    """Judges nodes: reads what there is of each, and writes what that changes."""

    def __init__(self, database: Readable, say: Say, program: str = "") -> None:
        self._database = database
        self._say = say
        self.program = program or mark()
        self.rulebook: Rulebook = load()
        performed = {name: rule for name, rule in self.rulebook.rules.items() if rule.performed}
        self._performed = replace(self.rulebook, rules=performed)
        self._unreadable: set[str] = set()

    def judge(self, names: Iterable[str], now: datetime) -> int:
        """Judge some nodes and write what that changed, some of them in each transaction; how many there were.

        Raises DatabaseUnreachable.
        """
        count = 0
        for some in _in_parts(list(names), TOGETHER):
            with paused(), self._database.read() as connection:
                before = _told(connection, some)
                words = _newest_words(connection, some)
                found = [self._judge(connection, name, now, before[name], words.get(name, 0)) for name in some]
            with self._database.begin(durable=False) as connection:  # what is lost is judged again, as it was
                writing.write(connection, found, self.program, to_us(now))
            count += len(found)
        return count

    def from_nothing(self, name: str, now: datetime) -> tuple[Verdict, ...]:
        """What the rules say of a node now, whatever was found before. Raises RecordUnreadable, EvidenceSenseless,
        DatabaseUnreachable."""
        with paused(), self._database.read() as connection:
            return self._evaluate(connection, NodeLedger(connection, name), name, now)

    def _judge(
        self, connection: Speaks, name: str, now: datetime, before: Mapping[decide.Key, Verdict], words: int
    ) -> Judged:
        ledger = NodeLedger(connection, name)
        try:
            found = self._evaluate(connection, ledger, name, now)
        except (RecordUnreadable, EvidenceSenseless) as error:
            found = decide.unjudgeable(before.values(), error.code, now)
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
            weaker=self._weaker(ledger, before.values(), found),
        )

    def _weaker(self, ledger: NodeLedger, before: Iterable[Verdict], found: Iterable[Verdict]) -> Weaker | None:
        """That the node's plan asks less of it than the one before, under the number of the record that says so."""
        gone = decide.dropped(before, found, self._performed.rules)
        plans = ledger.facts("plan.adopted", latest=1) if gone else ()
        if not plans:  # of a node that was made anew no plan has arrived yet
            return None
        return Weaker(plans[0].seq, gone)

    def _evaluate(self, connection: Speaks, ledger: NodeLedger, name: str, now: datetime) -> tuple[Verdict, ...]:
        plans = ledger.facts("plan.adopted", latest=1)
        if not plans:
            return ()
        plan: PlanAdopted = plans[0].data
        if len(plan.assets) > MOST_ASSETS:
            detail = f"it declares {len(plan.assets)} assets, and one node may have {MOST_ASSETS}"
            raise EvidenceSenseless(node=name, detail=detail)
        begun = ledger.facts("genesis", latest=1)
        trusted = begun[0].data.trusted_keys if begun else ()
        words = Words(connection, name, trusted=trusted, hosts=plan.hosts)
        with sensible(name):
            facts, horizons = gather(ledger, self._performed, plan, plan.assets, now, words)
            found = evaluate(self._performed, facts, now, name, horizons)
        return told_why(found, words)


class _Row(NamedTuple):
    """A verdict as it stands in its table."""

    node: str
    rule: str
    asset: str
    state: str
    severity: str
    since_us: int
    reason: str
    evidence: str
    attested_by: str
    next_change_us: int | None


_TOLD = f"SELECT {', '.join(_Row._fields)} FROM verdict WHERE node IN (%s) AND rule NOT IN (%s)"  # noqa: S608 -- fixed words
_NEWEST_WORDS = "SELECT node, max(id) FROM word WHERE node IN (%s) GROUP BY node"


def _told(connection: Speaks, names: Sequence[str]) -> Mapping[str, Mapping[decide.Key, Verdict]]:
    """What was found before of some nodes."""
    found: dict[str, dict[decide.Key, Verdict]] = {name: {} for name in names}
    for row in writing.ask(connection, _TOLD, names, decide.FLEET_RULES):
        each = rows.to_verdict(_Row(*row))
        found[each.node][decide.key(each)] = each
    return found


def _newest_words(connection: Speaks, names: Sequence[str]) -> Mapping[str, int]:
    """The number of the newest word of others on some nodes, where there is one: asked before they are read, so that
    what comes in between is found again."""
    return {name: int(newest) for name, newest in writing.ask(connection, _NEWEST_WORDS, names)}


def _in_parts(names: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), count):
        yield names[first : first + count]
