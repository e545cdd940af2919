"""How long a restore will take from what drills measured: for another size, over another link. Pure.

A restore makes ready, brings the streams in, replays and checks. While a stream comes in, the link fetches parts and
the machine decrypts and loads those that are there, so that the slower of the two sets the pace and the other is seen
only at the first part: `slower + fill * faster`, where `fill` is the share of the first parts in all bytes. The link's
rate is the one of the link, the machine's that of the drill's hardware.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from intendance.model.evidence.drill import DrillCompleted, Hardware, Leg
from intendance.model.frozen import dataclass

LOOKED_BACK_UPON = 5
"""Drills, the newest, of which each says what it leads to expect; their median counts."""

PART_BYTES = 64 << 20
"""Of the first part of a set, where nobody wrote down how large it is: a part ends there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What has to come back: bytes before compression and as stored, those of the first part of each stream among
    them; and what the link gives, in bytes a second."""

    source_bytes: int
    stored_bytes: int
    first_bytes: int
    link_bytes_per_second: float


def rto_seconds(load: Load, drills: Sequence[DrillCompleted]) -> float | None:
    """The median of what the latest drills lead to expect; None without one that measured anything.

    Give drills of one asset, one kind and like hardware (`alike`), newest first.
    """
    legs = [(drill, _leg(drill, "restore")) for drill in drills if drill.stored_bytes]
    expected = [_expected(load, drill, leg) for drill, leg in legs[:LOOKED_BACK_UPON] if leg is not None]
    return median(expected) if expected else None


def alike(drills: Iterable[DrillCompleted], kind: str, hardware: Hardware) -> tuple[DrillCompleted, ...]:
    """Those of a kind that ran on such a machine: as many processors of that name, and that file system."""
    wanted = (kind, hardware.cpus, hardware.cpu, hardware.scratch)
    return tuple(
        drill
        for drill in drills
        if (drill.kind, drill.hardware.cpus, drill.hardware.cpu, drill.hardware.scratch) == wanted
    )


def link_rate(drill: DrillCompleted) -> float:
    """Bytes a second that the link of a drill gave."""
    return drill.link.fetched_bytes / (max(1, drill.link.fetch_ms) / 1000)


def _expected(load: Load, drill: DrillCompleted, leg: Leg) -> float:
    phases = leg.phases
    grown = load.source_bytes / max(1, leg.restored_bytes)
    was_streaming = phases.load_ms / 1000
    # Older releases read each part twice.
    passes = max(1.0, leg.read_bytes / drill.stored_bytes)
    was_link = passes * drill.stored_bytes / link_rate(drill)
    was_machine = _machine(was_streaming, was_link, _fill(drill.first_bytes, drill.stored_bytes), drill)
    link = load.stored_bytes / load.link_bytes_per_second
    streaming = _together(link, was_machine * grown, _fill(load.first_bytes, load.stored_bytes))
    around = max(0, phases.total_ms - phases.load_ms - phases.replay_ms - phases.check_ms) / 1000
    return around + streaming + (phases.replay_ms + phases.check_ms) / 1000 * grown


def _together(link: float, machine: float, fill: float) -> float:
    return max(link, machine) + fill * min(link, machine)


def _machine(streaming: float, link: float, fill: float, drill: DrillCompleted) -> float:
    """Seconds of the machine's own in what both took together."""
    alone = streaming - fill * link
    if alone >= link:
        return alone
    # The link set the pace, and hid the machine's time but for the first part's. By hand nothing had to be fetched.
    by_hand = _leg(drill, "by_hand")
    hidden = by_hand.phases.load_ms / 1000 if by_hand is not None else link
    return min(link, max(0.0, streaming - link) + (1 - fill) * min(hidden, link))


def _fill(first_bytes: int, stored_bytes: int) -> float:
    return min(1.0, (first_bytes or PART_BYTES) / max(1, stored_bytes))


def _leg(drill: DrillCompleted, name: str) -> Leg | None:
    return next((leg for leg in drill.legs if leg.name == name), None)
