"""The agent's sampling: a look each minute, a record each hour, and one at once for what passes its limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from intendance.activities.sample import databases, decide
from intendance.activities.sample.databases import Strain
from intendance.activities.sample.decide import Excursion, Key, Limits, Reading
from intendance.activities.sample.perform import Looker
from intendance.agent.compose import Node
from intendance.model.evidence.sample import DatabaseExcursion, SampleExcursion
from intendance.model.plan import DirectoryStore, FilesAsset, MariadbAsset, SqliteAsset

EVERY_SECONDS = 55.0
"""The agent looks once a minute at the latest, a little early now and then."""
_ACTOR = "schedule:sample"
_REMEMBERED = 100  # excursions read back at the start: more than are ever open at once


class Sampler:
    """Looks at the machine for as long as an agent lives; what was seen since the last record ends with a kill."""

    def __init__(self, node: Node, say: Callable[[str], None], looker: Looker | None = None) -> None:
        self._node = node
        self._say = say
        self._looker = looker or Looker(node.clock)
        self._readings: list[Reading] = []
        self._recent: deque[Reading] = deque()
        self._open: Mapping[Key, Excursion] | None = None
        self._strained: Mapping[databases.Key, Strain] | None = None
        self._blind = False

    def tend(self) -> None:
        """Look when it is time, and record what there is to record. Raises what the ledger refuses."""
        last = self._recent[-1] if self._recent else None
        if not decide.is_due(last, self._node.clock.read().mono_ns / 1e9, EVERY_SECONDS):
            return
        reading = self._look()
        if reading is None:
            return
        if decide.is_complete(self._readings, reading):
            self.end()
        if reading.cpu_permille is not None:  # the first look of a process has nothing to compare with
            self._readings.append(reading)
        self._recent.append(reading)
        self._judge()

    def end(self) -> None:
        """Record what was seen so far, when it is worth a record."""
        readings, self._readings = self._readings, []
        if decide.covers_a_step(readings):
            above = self._open_now().values()
            self._node.book.append(decide.roll_up(readings, self._limits(), above), actor=_ACTOR)

    def _look(self) -> Reading | None:
        try:
            return self._looker.look(self._places(), self._servers())
        except (OSError, KeyError, ValueError) as error:  # a machine without `/proc`, or with another one
            if not self._blind:
                self._say(f"the machine cannot be sampled: {error}")
            self._blind = True
            return None

    def _judge(self) -> None:
        limits = self._limits()
        for _ in range(len(self._recent) - decide.readings_needed(limits, EVERY_SECONDS)):
            self._recent.popleft()
        now_open, events = decide.excursions(self._open_now(), tuple(self._recent), limits)
        for event in events:
            self._node.book.append(event, actor=_ACTOR)
            self._say(_machine_sentence(event))
        self._open = now_open
        self._judge_databases(self._recent[-1])

    def _judge_databases(self, reading: Reading) -> None:
        if self._strained is None:
            recorded = self._node.book.facts("sample.database", latest=_REMEMBERED)
            self._strained = databases.still_open((fact.asset, fact.data) for fact in recorded)
        limits = databases.limits(self._node.plan.catalogues, self._node.plan.thresholds)
        seen = [each for each, _ in reading.databases]
        strained, events = databases.strains(self._strained, seen, reading.at, limits)
        for asset, event in events:
            self._node.book.append(event, actor=_ACTOR, asset=asset)
            self._say(_database_sentence(asset, event))
        self._strained = strained

    def _open_now(self) -> Mapping[Key, Excursion]:
        """What is above its limit: at first, what the ledger says; the last roll-up holds what was open then."""
        if self._open is None:
            rolled = self._node.book.facts("sample.rollup", latest=1)
            recorded = self._node.book.facts("sample.excursion", latest=_REMEMBERED)
            after = [
                fact.data for fact in recorded if not (rolled and rolled[0].data.limits) or fact.seq > rolled[0].seq
            ]
            self._open = decide.still_open(after, rolled[0].data.above if rolled else ())
        return self._open

    def _limits(self) -> Limits:
        return decide.limits(self._node.plan.catalogues, self._node.plan.thresholds)

    def _servers(self) -> Iterator[MariadbAsset]:
        for asset in self._node.plan.assets.values():
            if isinstance(asset, MariadbAsset):
                yield asset

    def _places(self) -> Iterator[Path]:
        """What shall not be full: the state, the stores, and the trees that are kept."""
        yield self._node.layout.state
        for store in self._node.plan.stores.values():
            if isinstance(store, DirectoryStore):
                yield Path(store.path)
        for asset in self._node.plan.assets.values():
            if isinstance(asset, FilesAsset | SqliteAsset):
                yield Path(asset.path)


def _machine_sentence(event: SampleExcursion) -> str:
    subject = f"{event.quantity} {event.place}".rstrip()
    if event.state == "unwatched":
        return f"{subject}: no longer watched against {event.limit_permille / 10:g} %"
    return f"{subject}: {event.seen_permille / 10:.1f} %, above {event.limit_permille / 10:g} % {event.state}"


def _database_sentence(asset: str, event: DatabaseExcursion) -> str:
    if event.quantity == "connections":
        return f"{asset}: {event.seen} connections, {event.limit} or more {event.state}"
    return f"{asset}: a statement runs for {event.seen / 1000:.0f} s, more than {event.limit / 1000:g} s {event.state}"
