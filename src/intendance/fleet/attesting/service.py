"""The manager's own looks, one after the other, each in a child process: neither the leader nor the judge waits."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, select

from intendance.fleet.attesting import decide
from intendance.fleet.attesting.decide import Watched
from intendance.fleet.attesting.perform import Bench, fail, keep
from intendance.fleet.database.tables import evidence_head, node, node_state
from intendance.fleet.verdicts.source import NodeLedger, sensible
from intendance.fleet.words.spoken import MANAGER, Words
from intendance.model.errors import IntendanceError
from intendance.model.errors.attesting import LookEnded
from intendance.model.errors.fleet import EvidenceSenseless
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence.lifecycle import AssetDeclared
from intendance.system import process

if TYPE_CHECKING:
    from intendance.fleet.manager import Say

_LOOK_EVERY_SECONDS = 15.0
_POLL_SECONDS = 0.25
DEADLINE = timedelta(hours=6)
"""After so long a look is ended: the others wait for it."""


class Attesting:
    """Looks for as long as this manager leads. `leads` says so."""

    def __init__(self, bench: Bench, leads: Callable[[], bool], say: Say) -> None:
        self._bench = bench
        self._leads = leads
        self._say = say
        self._tried: dict[tuple[str, str], datetime] = {}
        self._told = ""

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; what cannot be reached is waited for."""
        while not stop.wait(_LOOK_EVERY_SECONDS):
            if not self._leads():
                continue
            try:
                self.look_due(stop)
                self._told = ""
            except (IntendanceError, OSError, sqlite3.Error) as error:  # the fleet log lies on a disk of its own kind
                told = error.message if isinstance(error, IntendanceError) else str(error)
                if told != self._told:
                    self._say(f"the manager's own looks into stores wait: {told}")
                self._told = told

    def look_due(self, stop: threading.Event) -> int:
        """Look at all that is due; how many looks there were. Raises DatabaseUnreachable, ProgramMissing, and what
        writing a ledger raises."""
        keep(self._bench)  # what a killed manager had recorded, and not told the judge
        found = self.due()
        count = 0
        for each in found:
            if stop.is_set() or not self._leads():
                break
            self._tried[each.node, each.asset] = self._now()
            self._look(each, stop)
            count += 1
        return count

    def due(self) -> tuple[Watched, ...]:
        """What is to be looked at now. Raises DatabaseUnreachable."""
        with self._bench.database.read() as connection:
            watched = [each for name in _members(connection) for each in self._sound(connection, name)]
        return decide.due(watched, self._now())

    def _sound(self, connection: Connection, name: str) -> list[Watched]:
        """The same of a node whose evidence can be read; of another nothing, and the others are looked at."""
        try:
            with sensible(name):
                return self._watched(connection, name)
        except (EvidenceSenseless, RecordUnreadable):
            return []  # the judge tells of it

    def _watched(self, connection: Connection, name: str) -> list[Watched]:
        ledger = NodeLedger(connection, name)
        plans = ledger.facts("plan.adopted", latest=1)
        words = Words(connection, name)
        found = []
        for asset in plans[0].data.assets if plans else ():
            declared = ledger.facts("asset.declared", asset=asset, latest=1)
            if not declared or not _has_stores(declared[0].data):
                continue
            looked = words.own("inspection.completed", asset=asset, latest=1)
            made = ledger.newest("backup.completed", asset=asset, latest=1)
            found.append(
                Watched(
                    node=name,
                    asset=asset,
                    looked_at=looked[0].at if looked else None,
                    tried_at=self._tried.get((name, asset)),
                    backed_up_at=made[0][1] if made else None,
                )
            )
        return found

    def _look(self, each: Watched, stop: threading.Event) -> None:
        bench = self._bench
        order = {
            "state": str(bench.plans.parent.parent), "fleet": bench.fleet, "common": str(bench.common),
            "address": bench.database.address,
            "node": each.node, "asset": each.asset,
        }  # fmt: skip
        child = process.start([sys.executable, "-m", "intendance.fleet.attesting"], stdin=subprocess.PIPE)
        try:
            with child.stdin:
                child.stdin.write(msgspec.json.encode(order))
            detail = self._awaited(child, stop)
        except BrokenPipeError:
            detail = child.stderr() or "it ended before it began"
        finally:
            child.kill()
        if detail:
            self._say(f"{MANAGER}: the look at {each.asset} of {each.node} ended: {detail}")
            fail(bench, each.node, each.asset, LookEnded(asset=each.asset, detail=detail))

    def _awaited(self, child: process.Child, stop: threading.Event) -> str:
        """What went wrong, where something did; a manager that ends leaves no trace of a look that it broke off."""
        began = self._now()
        while not child.has_ended(_POLL_SECONDS):
            if stop.is_set():
                return ""
            if abs(self._now() - began) > DEADLINE:
                return f"it took longer than {int(DEADLINE.total_seconds()) // 3600} h"
        code = child.wait()
        return "" if code == 0 else child.stderr()[-500:] or f"code {code}"

    def _now(self) -> datetime:
        return self._bench.clock.read().at


def _members(connection: Connection) -> list[str]:
    """The nodes whose ledgers arrive, and that were heard: until then one may run on this very machine."""
    heard = select(node_state.c.node).where(node_state.c.boot != "")
    here = select(node.c.node).where(
        node.c.decommissioned_us.is_(None), node.c.node.in_(select(evidence_head.c.node)), node.c.node.in_(heard)
    )
    return list(connection.execute(here.order_by(node.c.node)).scalars())


def _has_stores(declared: AssetDeclared) -> bool:
    return bool(declared.stores)
