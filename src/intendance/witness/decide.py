"""Whether a witness may cosign what it is shown: C2SP tlog-witness, add-checkpoint. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from intendance.ledger.note import Checkpoint, Note, VerifierKey, read_checkpoint, unb64, verify_note
from intendance.ledger.tlog import EMPTY_ROOT, HASH_BYTES, verify_consistency
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass

PATH = "/add-checkpoint"
LIMIT_BYTES = 64 * 1024
"""A proof has at most 63 lines of 45 bytes; a checkpoint with some signatures is a kilobyte."""
MOST_PROOF_LINES = 63
SIZE_MEDIA = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)

Logs = Mapping[str, Collection[VerifierKey]]
"""The keys that are trusted for each origin."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a log asks for: to cosign `checkpoint`, which grew from `old_size` entries as `proof` shows."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note


@dataclass(frozen=True, slots=True)
class Declined:
    """Why not: an HTTP status and a sentence. `size` is that of the latest cosigned checkpoint, with status 409."""

    status: int
    reason: str
    size: int | None = None


def read_submission(body: bytes) -> Submission | Declined:
    """A request as it came."""
    head, gap, signed = body.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    old = _OLD.fullmatch(lines[0])
    proof = [unb64(line) if line.isascii() else None for line in lines[1:]]
    if not gap or old is None or len(proof) > MOST_PROOF_LINES:
        return Declined(400, "an old size, at most 63 lines of proof, an empty line and a checkpoint are expected")
    hashes = tuple(each for each in proof if each is not None and len(each) == HASH_BYTES)
    if len(hashes) != len(proof):
        return Declined(400, "a line of the proof is not a hash in base64")
    try:
        checkpoint, note = read_checkpoint(signed)
    except NoteMalformed as error:
        return Declined(400, f"the checkpoint cannot be read: {error.params['detail']}")
    return Submission(int(old[1]), hashes, checkpoint, note)


def signers(logs: Logs, asked: Submission) -> tuple[VerifierKey, ...] | Declined:
    """The trusted keys that signed what is shown."""
    trusted = logs.get(asked.checkpoint.origin)
    if trusted is None:
        return Declined(404, "no log of this origin is known here")
    signed = tuple(key for key in trusted if verify_note(asked.note, key))
    return signed or Declined(403, "no key that is trusted for this log signed the checkpoint")


def judge(latest: Checkpoint | None, asked: Submission) -> Declined | None:
    """Whether what is shown, by the log's own signature, grew from the latest that was cosigned; None: it did."""
    size, new = 0 if latest is None else latest.size, asked.checkpoint
    if asked.old_size > new.size:
        return Declined(400, "the old size is larger than the checkpoint's")
    if asked.old_size != size:
        return Declined(409, "the latest that was cosigned is of another size", size)
    if latest is not None and new.size == size and new.root != latest.root:
        return Declined(409, "another tree of this size was cosigned", size)
    return None if _proven(latest, asked) else Declined(422, "the proof does not show that the log only grew")


def _proven(latest: Checkpoint | None, asked: Submission) -> bool:
    new = asked.checkpoint
    if new.size == 0:
        return not asked.proof and new.root == EMPTY_ROOT
    if latest is None or latest.size == 0:
        return not asked.proof
    return verify_consistency(latest.size, new.size, latest.root, new.root, asked.proof)
