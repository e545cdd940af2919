"""Which of the plan's witnesses cosigned a head of the fleet log: by their signatures, not by what was noted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from intendance.ledger.cosignature import WitnessKey, cosigned
from intendance.ledger.note import Checkpoint, read_checkpoint
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass
from intendance.model.plan import Witness

_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSigned:
    """A witness that the plan names: the newest size that it cosigned of this log (0: none that is here) and when, by
    its own clock; `cosigned` where that is the head itself: a longer one than is here is no good sign."""

    name: str
    size: int = 0
    at: datetime | None = None
    cosigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldQuorum:
    """How many witnesses the plan wants, how many of them cosigned the head of `size` records, and each of them."""

    size: int
    wanted: int
    cosigned: int
    witnesses: tuple[WitnessSigned, ...]

    @property
    def is_met(self) -> bool:
        """Whether each cosigned it; none wanted is none met."""
        return 0 < self.wanted == self.cosigned


def quorum(note: bytes, kept: Iterable[bytes], named: Sequence[Witness]) -> HeldQuorum:
    """What the cosigned checkpoints in `kept` say of the head in `note`. Raises NoteMalformed for a head that is
    none."""
    head = read_checkpoint(note)[0]
    notes = tuple(kept)
    found = tuple(_signed(each.key, head, notes) for each in named)
    return HeldQuorum(size=head.size, wanted=len(found), cosigned=sum(each.cosigned for each in found), witnesses=found)


def _signed(vkey: str, head: Checkpoint, kept: Sequence[bytes]) -> WitnessSigned:
    try:
        key = WitnessKey.parse(vkey)
    except NoteMalformed:
        return WitnessSigned(name=vkey.partition("+")[0])  # a key that is none has signed nothing
    newest = WitnessSigned(name=key.name)
    for content in kept:
        try:
            theirs, note = read_checkpoint(content)
        except NoteMalformed:
            continue  # a torn or foreign file says nothing of anybody
        seen = cosigned(note, key)
        if seen is None or not seen.genuine or theirs.origin != head.origin or theirs.size < newest.size:
            continue
        at = _BEGAN + timedelta(seconds=min(seen.at_seconds, _LATEST_SECONDS))
        same = (theirs.size, theirs.root) == (head.size, head.root)
        newest = WitnessSigned(name=key.name, size=theirs.size, at=at, cosigned=same)
    return newest
