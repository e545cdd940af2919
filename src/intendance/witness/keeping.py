"""What a witness keeps: its key, and of each log the latest checkpoint that it cosigned. One process at a time.

A checkpoint is on the disk before its cosignature leaves. What is there and cannot be read is never taken for nothing:
a witness that forgets is none.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from intendance.ledger.cosignature import WitnessKey, cosign, line_of
from intendance.ledger.keys import create_key, load_key
from intendance.ledger.note import Checkpoint, Note, VerifierKey, read_checkpoint, verify_note
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.errors.witness import LogsUnusable, WitnessDamaged, WitnessNamed
from intendance.model.frozen import dataclass
from intendance.system import lock
from intendance.system.clock import Clock
from intendance.system.publish import publish
from intendance.witness.decide import Declined, Logs, judge, read_submission, signers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class WitnessLayout:
    """The places of one witness's state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        """All of it, for its owner alone."""
        return self.state / "witness"

    @property
    def lock(self) -> Path:
        """Held by the one process that may cosign."""
        return self.folder / "lock"

    @property
    def key(self) -> Path:
        return self.folder / "witness.key"

    @property
    def verifier(self) -> Path:
        """The public key with its name, for whoever verifies."""
        return self.folder / "witness.vkey"

    @property
    def logs(self) -> Path:
        """The keys of the logs that are witnessed, one a line."""
        return self.folder / "logs"

    @property
    def heads(self) -> Path:
        return self.folder / "heads"

    def head(self, origin: str) -> Path:
        """The latest cosigned checkpoint of a log, as its log signed it: also good for `ledger verify --pin`."""
        return self.heads / quote(origin, safe="")


class Witness:
    """Cosigns for the logs that it knows. Safe from several threads."""

    def __init__(
        self, layout: WitnessLayout, key: WitnessKey, private: Ed25519PrivateKey, logs: Logs, clock: Clock
    ) -> None:
        self.key = key
        self._layout = layout
        self._private = private
        self._logs = logs
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def add_checkpoint(self, body: bytes) -> str | Declined:
        """The cosignature line for a request, once it is kept. Raises WitnessDamaged, OSError: then nothing left."""
        asked = read_submission(body)
        if isinstance(asked, Declined):
            return asked
        logs = self._logs  # whatever is known from the next request on
        signed_by = signers(logs, asked)
        if isinstance(signed_by, Declined):
            return signed_by
        with self._one_at_a_time:
            latest = self.latest(asked.checkpoint.origin, logs)
            refused = judge(latest, asked)
            if refused is not None:
                return refused
            if latest is None or latest.size != asked.checkpoint.size:
                publish(self._layout.head(asked.checkpoint.origin), _kept(asked.note, signed_by), replace=True)
            return cosign(asked.note.text, self.key.name, self._private, int(self._clock.read().at.timestamp()))

    def know(self, logs: Logs) -> None:
        """Know these logs from now on, unless what was cosigned of one fits none of its keys. Raises WitnessDamaged."""
        with self._one_at_a_time:
            for origin in logs:
                self.latest(origin, logs)
            self._logs = logs

    def latest(self, origin: str, logs: Logs | None = None) -> Checkpoint | None:
        """The latest that was cosigned of a log, by the keys that are known, or those of `logs`. Raises
        WitnessDamaged."""
        keys = (self._logs if logs is None else logs).get(origin, ())
        path = self._layout.head(origin)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            checkpoint, note = read_checkpoint(content)
        except NoteMalformed as error:
            raise WitnessDamaged(path=path, detail=error.params["detail"]) from None
        if checkpoint.origin != origin or not any(verify_note(note, key) for key in keys):
            raise WitnessDamaged(path=path, detail="no key that is trusted for this log signed it")
        return checkpoint


def _kept(note: Note, keys: tuple[VerifierKey, ...]) -> bytes:
    """The checkpoint with the log's own signatures: what strangers added is not worth a place."""
    own = {(key.name, key.key_id) for key in keys}
    lines = [line_of(each) for each in note.signatures if (each.name, each.key_id) in own]
    return f"{note.text}\n{''.join(lines)}".encode()


@contextmanager
def open_witness(state: Path, logs: Path | None, name: str, clock: Clock) -> Iterator[Witness]:
    """The witness of a state folder, made at the first start; nobody else cosigns meanwhile.

    Raises LockHeld, LogsUnusable, WitnessNamed, WitnessDamaged, LedgerKeyUnusable.
    """
    layout = WitnessLayout(state)
    with _holding(layout):
        key, private = _own_key(layout, name)
        witness = Witness(layout, key, private, {}, clock)
        witness.know(read_logs(logs or layout.logs))
        yield witness


def show_key(state: Path, name: str) -> WitnessKey:
    """The key of a state folder's witness, made if there is none yet; it may be at work meanwhile.

    Raises LockHeld, WitnessNamed, WitnessDamaged, LedgerKeyUnusable.
    """
    layout = WitnessLayout(state)
    if layout.verifier.exists():
        return _named(layout, name)
    with _holding(layout):
        return _own_key(layout, name)[0]


@contextmanager
def _holding(layout: WitnessLayout) -> Iterator[None]:
    layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.held(layout.lock, purpose="Witnessing"):
        for half_written in layout.heads.glob(".*.tmp"):
            half_written.unlink()
        yield


def _own_key(layout: WitnessLayout, name: str) -> tuple[WitnessKey, Ed25519PrivateKey]:
    if not layout.key.exists():
        if layout.verifier.exists() or layout.heads.exists():
            raise WitnessDamaged(path=layout.key, detail="it is missing, and checkpoints were cosigned with it")
        create_key(layout.key)
    private = load_key(layout.key)
    public = private.public_key().public_bytes_raw()
    if not layout.verifier.exists():
        made = WitnessKey(name or f"{socket.gethostname()}/witness", public)
        publish(layout.verifier, f"{made.text}\n".encode())
    key = _named(layout, name)
    if key.public != public:
        raise WitnessDamaged(path=layout.verifier, detail=f"it is not of the key {layout.key}")
    return key, private


def _named(layout: WitnessLayout, name: str) -> WitnessKey:
    try:
        key = WitnessKey.parse(layout.verifier.read_text().strip())
    except (NoteMalformed, UnicodeDecodeError):
        raise WitnessDamaged(path=layout.verifier, detail="it does not hold the key of a witness") from None
    if name and name != key.name:
        raise WitnessNamed(kept=key.name, named=name)
    return key


def read_logs(path: Path) -> dict[str, tuple[VerifierKey, ...]]:
    """The keys that a file trusts, by origin: one verifier key a line, `#` begins a remark. Raises LogsUnusable."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise LogsUnusable(path=path, detail=error.strerror or os.strerror(error.errno or 0)) from None
    except UnicodeDecodeError:
        raise LogsUnusable(path=path, detail="it is not text") from None
    found: dict[str, tuple[VerifierKey, ...]] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            key = VerifierKey.parse(text)
        except NoteMalformed:
            raise LogsUnusable(path=path, detail=f"line {number} is not a log's verifier key") from None
        if len(quote(key.name, safe="")) > _LONGEST_NAME:
            raise LogsUnusable(path=path, detail=f"the name in line {number} is too long")
        found[key.name] = (*found.get(key.name, ()), key)
    if not found:
        raise LogsUnusable(path=path, detail="it names no log")
    return found
