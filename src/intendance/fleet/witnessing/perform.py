"""The fleet log's checkpoint shown to each witness of the plan, whenever it grew; cosignatures are kept beside it.

In a thread of its own: a witness that does not answer delays nobody.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from intendance.fleet.database.connect import Database
from intendance.fleet.witnessing import decide, findings
from intendance.fleet.witnessing.decide import Condition, Said, WitnessStanding
from intendance.fleet.witnessing.standings import forget_others, read_standings, write_standing
from intendance.ledger import tiles
from intendance.ledger.cosignature import WitnessKey, cosigned, with_lines
from intendance.ledger.layout import Layout
from intendance.ledger.note import Checkpoint, read_checkpoint
from intendance.ledger.report import Report
from intendance.ledger.signed_tree import SignedTree
from intendance.ledger.tlog import consistency_proof
from intendance.model.errors import IntendanceError
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.plan import Witness
from intendance.notifiers.line import Line, trusted
from intendance.notifiers.web import Answer, post
from intendance.system.clock import Clock
from intendance.system.publish import publish

LOOK_SECONDS = 2.0
DEADLINE_SECONDS = 10.0
_TRIES = 3
"""A witness that says from where to go on is asked at once; two managers of one log may ask it meanwhile."""

Ask = Callable[[str, bytes], Answer]


class Witnessing:
    """Shows the log in `folder` to the witnesses of the plan. For one thread."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        named: Callable[[], Sequence[Witness]],
        clock: Clock,
        say: Callable[[str], None],
        ask: Ask | None = None,
    ) -> None:
        self._database = database
        self._layout = Layout(folder)
        self._named = named
        self._clock = clock
        self._say = say
        self._ask_at = ask or add_checkpoint
        self._tried: dict[str, tuple[datetime, bytes]] = {}
        self._told = ""

    def run(self, ending: threading.Event) -> None:
        """Look until told to stop; what cannot be read or written now is tried again."""
        while not ending.wait(LOOK_SECONDS):
            try:
                self.look()
                self._told = ""
            except (IntendanceError, OSError) as error:
                told = error.message if isinstance(error, IntendanceError) else str(error)
                if told != self._told:
                    self._say(f"the fleet log is not shown to its witnesses: {told}")
                self._told = told

    def look(self) -> None:
        """Ask each witness that is due. Raises DatabaseUnreachable, NoteMalformed, OSError."""
        keys = {each.url: WitnessKey.parse(each.key) for each in self._named()}
        with self._database.read() as connection:
            known = {each.name: each for each in read_standings(connection)}
        names = {key.name for key in keys.values()}
        if known.keys() - names:
            with self._database.begin() as connection:
                forget_others(connection, names)
        head = self._head() if keys else None
        if head is None:
            return
        for url, key in keys.items():
            now = self._clock.read().at
            tried_at, note = self._tried.get(key.name, (None, b""))
            if decide.is_due(known.get(key.name), tried_at, now, is_new=note != head.note):
                self._tried[key.name] = now, head.note
                self._show(url, key, head, known)

    def _head(self) -> Checkpoint | None:
        try:
            return read_checkpoint(self._layout.checkpoint.read_bytes())[0]
        except FileNotFoundError:
            return None  # nothing was recorded yet

    def _show(self, url: str, key: WitnessKey, head: Checkpoint, known: Mapping[str, WitnessStanding]) -> None:
        said = self._answer(url, key, head)
        if said.condition is Condition.COSIGNED:
            publish(self._kept(key), with_lines(head.note, [said.line]), replace=True)
        standing = decide.after(known.get(key.name), key.name, said, head.size, self._clock.read().at)
        former = known.get(key.name)
        if former is None or former.condition is not standing.condition:
            self._say(f"witness {key.name}: {standing.condition}{': ' if standing.detail else ''}{standing.detail}")
        with self._database.begin() as connection:
            write_standing(connection, standing)
            if standing.condition.grave:
                findings.keep(connection, standing, head, self._clock.read().at)

    def _answer(self, url: str, key: WitnessKey, head: Checkpoint) -> Said:
        old = self._cosigned_size(key, head)
        said = Said(Condition.SILENT)
        for _ in range(_TRIES):
            proof = self._proof(old, head)
            if proof is None:
                return Said(Condition.SILENT, "the log's own tiles do not give a proof: see `intendance ledger verify`")
            try:
                answer = self._ask_at(url, decide.request(old, proof, head))
            except (OSError, http.client.HTTPException, ValueError) as error:
                return Said(Condition.SILENT, str(error) or type(error).__name__)
            said = decide.read_answer(answer.status, answer.body, old=old, head=head, key=key)
            if said.known_size is None:
                break
            old = said.known_size
        return said

    def _kept(self, key: WitnessKey) -> Path:
        return self._layout.witnessed / quote(key.name, safe="")

    def _cosigned_size(self, key: WitnessKey, head: Checkpoint) -> int:
        """From where the witness will go on, as far as we know; it says so itself when that is wrong."""
        try:
            checkpoint, note = read_checkpoint(self._kept(key).read_bytes())
        except (FileNotFoundError, NoteMalformed):
            return 0
        found = cosigned(note, key)
        return min(checkpoint.size, head.size) if found is not None and found.genuine else 0

    def _proof(self, old: int, head: Checkpoint) -> list[bytes] | None:
        if old in (0, head.size):
            return []
        tree = SignedTree(lambda tile: tiles.read(self._layout.log, tile), head, Report())
        try:
            return consistency_proof(old, head.size, tree.node)
        except LookupError:
            return None


def add_checkpoint(url: str, body: bytes) -> Answer:
    """Ask a witness, on a line that is cut at its deadline. Raises OSError, HTTPException, ValueError."""
    with Line(DEADLINE_SECONDS) as line:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return post(line, f"{url.rstrip('/')}/add-checkpoint", body, headers, trusted)
