"""What a witness's answer means, and when it is asked again (C2SP tlog-witness). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from intendance.language import dates
from intendance.ledger.cosignature import Cosigned, WitnessKey, cosigned, line_of, with_lines
from intendance.ledger.note import Checkpoint, b64, read_note
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass

AGAIN = timedelta(minutes=10)
"""A log that does not grow is shown again, so that the cosignature says as of when nothing was rewritten."""
AFTER_FAILURE = timedelta(minutes=1)
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n", re.ASCII)


class Condition(StrEnum):
    """How a witness and the log stand: it cosigned; it does not answer; it takes nothing from us (it does not know the
    log, or its key is another); or it has seen another history of the log, longer (`rolled_back`) or other
    (`forked`)."""

    COSIGNED = "cosigned"
    SILENT = "silent"
    DECLINED = "declined"
    ROLLED_BACK = "rolled_back"
    FORKED = "forked"

    @property
    def grave(self) -> bool:
        """Whether no sound log brings it about."""
        return self in (Condition.ROLLED_BACK, Condition.FORKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessStanding:
    """What is known of one witness: the newest size that it cosigned and when it did, by its own clock; when it last
    said anything; since when it is as it is."""

    name: str
    condition: Condition
    since: datetime
    size: int = 0
    cosigned_at: datetime | None = None
    answered_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer means; `line` is the cosignature, with `cosigned`. `known_size`: ask again, from there."""

    condition: Condition
    detail: str = ""
    line: str = ""
    at_seconds: int = 0
    known_size: int | None = None


def request(old: int, proof: Sequence[bytes], head: Checkpoint) -> bytes:
    """What is posted to add-checkpoint."""
    lines = [f"old {old}", *map(b64, proof), "", ""]
    return "\n".join(lines).encode() + head.note


def read_answer(status: int, body: bytes, *, old: int, head: Checkpoint, key: WitnessKey) -> Said:
    """The meaning of an answer to what was asked from `old` entries."""
    if status == 200:
        return _cosigned(body, head, key)
    if status == 409:
        return _conflict(body, old, head)
    if status == 422:
        return Said(Condition.FORKED, f"it does not recognise the first {old} records")
    if status in (400, 403, 404):
        return Said(Condition.DECLINED, f"it answers with {status}")
    return Said(Condition.SILENT, f"it answers with {status}")


def _cosigned(body: bytes, head: Checkpoint, key: WitnessKey) -> Said:
    try:
        note = read_note(with_lines(head.note, [body.decode()]))
    except (NoteMalformed, UnicodeDecodeError):
        return Said(Condition.DECLINED, "its answer is no cosignature")
    found: Cosigned | None = cosigned(note, key)
    if found is None or not found.genuine:
        return Said(Condition.DECLINED, "its answer carries no cosignature of the key in the plan")
    mine = [each for each in note.signatures if (each.name, each.key_id) == (key.name, key.key_id)]
    kept = next(each for each in mine if int.from_bytes(each.signature[:8]) == found.at_seconds)
    return Said(Condition.COSIGNED, line=line_of(kept), at_seconds=found.at_seconds)


def _conflict(body: bytes, old: int, head: Checkpoint) -> Said:
    told = _SIZE.fullmatch(body.decode("ascii", "replace"))
    if told is None:
        return Said(Condition.SILENT, "its answer names no size")
    size = int(told[1])
    if size > head.size:
        return Said(Condition.ROLLED_BACK, f"it cosigned {size} records, the log now holds {head.size}")
    if size == old:
        return Said(Condition.FORKED, f"it cosigned {size} other records")
    return Said(Condition.SILENT, f"it cosigned {size} records and would not go on from there", known_size=size)


def is_due(standing: WitnessStanding | None, tried_at: datetime | None, now: datetime, *, is_new: bool) -> bool:
    """Whether to ask a witness now: at once when the log has another head than it was shown, else now and then; after a
    failure a minute later."""
    if standing is None or tried_at is None or tried_at > now:
        return True
    if standing.condition is not Condition.COSIGNED:
        return now - tried_at >= AFTER_FAILURE
    return is_new or now - tried_at >= AGAIN


def after(former: WitnessStanding | None, name: str, said: Said, size: int, now: datetime) -> WitnessStanding:
    """How a witness stands once it said something, or nothing."""
    same = former is not None and former.condition is said.condition
    answered = now if said.condition is not Condition.SILENT else former.answered_at if former else None
    is_new = said.condition is Condition.COSIGNED
    return WitnessStanding(
        name=name,
        condition=said.condition,
        since=former.since if same and former is not None else now,
        size=size if is_new else former.size if former else 0,
        cosigned_at=_instant(said.at_seconds, now) if is_new else former.cosigned_at if former else None,
        answered_at=answered,
        detail=said.detail,
    )


def repeated(count: int, first: datetime, last: datetime, detail: str) -> str:
    """What a finding says that a witness made so many times."""
    return f"said {count} times, first at {dates.iso(first)}, last at {dates.iso(last)}; the latest: {detail}"


def _instant(at_seconds: int, now: datetime) -> datetime:
    """A witness's clock may be wrong; what it says is told as it is, as far as there are such years."""
    try:
        return datetime.fromtimestamp(at_seconds, now.tzinfo)
    except (OverflowError, ValueError, OSError):
        return now
