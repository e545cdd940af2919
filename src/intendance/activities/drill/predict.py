"""How long a restore will take from what drills measured: for another size, over another link. Pure.

The product reads, decrypts and loads at the same time, so the slowest of the three sets the pace; making ready, the
replay and the checks come before and after it. Reading is the link's share: as many bytes as the drill read from the
store, at the link's rate. The other rates are those of the drill's hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from intendance.model.evidence.drill import DrillCompleted, Leg
from intendance.model.frozen import dataclass

LOOKED_BACK_UPON = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What has to come back, in bytes before compression and as stored, and what the link gives, in bytes a second."""

    source_bytes: int
    stored_bytes: int
    link_bytes_per_second: float


def rto_seconds(load: Load, drills: Sequence[DrillCompleted]) -> float | None:
    """The median of what the latest drills lead to expect; None without one that measured anything.

    Give drills of one asset, one kind and like hardware, newest first.
    """
    measured = [(drill, leg) for drill in drills for leg in drill.legs if leg.name == "restore" and drill.stored_bytes]
    expected = [_expected(load, drill, leg) for drill, leg in measured[:LOOKED_BACK_UPON]]
    return median(expected) if expected else None


def link_rate(drill: DrillCompleted) -> float:
    """Bytes a second that the link of a drill gave."""
    return drill.link.fetched_bytes / (max(1, drill.link.fetch_ms) / 1000)


def _expected(load: Load, drill: DrillCompleted, leg: Leg) -> float:
    phases = leg.phases
    grown = load.source_bytes / max(1, leg.restored_bytes)
    stored = load.stored_bytes / drill.stored_bytes
    passes = (leg.read_bytes or drill.stored_bytes) / drill.stored_bytes
    link = passes * load.stored_bytes / load.link_bytes_per_second
    was_link = passes * drill.stored_bytes / link_rate(drill)
    streaming = _streaming_ms(leg) / 1000
    # Where the link set the pace, nothing is known of how fast the others are but that they are no slower.
    others = streaming if was_link < 0.7 * streaming else max(0.0, phases.load_ms / 1000 - was_link)
    around = max(0, phases.total_ms - _streaming_ms(leg) - phases.replay_ms - phases.check_ms) / 1000
    after = (phases.replay_ms + phases.check_ms) / 1000 * grown
    return around + max(link, others * max(grown, stored)) + after


def _streaming_ms(leg: Leg) -> int:
    return max(leg.phases.load_ms, leg.phases.decrypt_ms)
