"""Whether every silence of a node raised an alert that left (MAINT_002). Pure.

What beats and alerts say is compared here by itself: nothing of the code that alerts is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from intendance.catalogue.checks.heartbeats import MINUTE, WINDOW, Heartbeats, unobserved
from intendance.catalogue.finding import Finding, after
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import SKEW
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Param, State

SETTLED = timedelta(seconds=1)
"""A beat that came in time is written, and a tick of the one who alerts comes, within it."""
WRITTEN = timedelta(seconds=5)
"""What happened is in the tables so long after."""
_LOOK_AGAIN = timedelta(minutes=15)
_SURE_MINUTES = 4
"""Minutes in a row without a beat that are a silence of more than two minutes wherever in theirs the beats beside came:
a beat may fill the minute before its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A time without a beat: from the last one to the next (None: still). Or one in which nobody could be heard."""

    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which the alert about a node's silence was open.

    `accepted_at` is when a server first took a message about it. `held`: why people were not told on purpose, `silence`
    (a person's), `window`, `flapping` or `acked`; empty when they were to be told.
    """

    opened_at: datetime
    ended_at: datetime | None = None
    accepted_at: datetime | None = None
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a manager knows of a node's silences; `silences` and `spells` are those of its last days, oldest first.

    `gaps` are the times in which the manager could hear nobody. `canary_at` is when the alert about a phantom that fell
    silent last left by the way of every alert.
    """

    beats: Heartbeats
    silences: tuple[Quiet, ...] = ()
    gaps: tuple[Quiet, ...] = ()
    spells: tuple[Spell, ...] = ()
    canary_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    silence: timedelta
    opened: timedelta
    accepted: timedelta
    canary: timedelta

    @classmethod
    def of(cls, rule: Rule) -> _Bounds:
        names = ("heartbeat.silence_max", "alert.opened_max", "alert.accepted_max", "canary.age_max")
        silence, opened, accepted, canary = (timedelta(seconds=rule.seconds(name)) for name in names)
        return cls(silence=silence, opened=opened, accepted=accepted, canary=canary)

    def settled_at(self, due_at: datetime) -> datetime:
        """When all that should have happened is written."""
        return due_at + self.opened + self.accepted + WRITTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fate:
    """What became of a silence whose alert was due: `fault` is a reason's code, or empty."""

    due_at: datetime
    fault: str = ""
    held: bool = False
    late_s: int = 0


def alerted(rule: Rule, subject: Watched, now: datetime) -> Finding:
    """Each silence was told of in time, and the daily canary shows that one would be."""
    bounds = _Bounds.of(rule)
    since = _counted_from(subject, now)
    dues = [(quiet, due) for quiet in _silences(subject, now) if (due := due_at(quiet, subject.gaps, bounds.silence))]
    mine = [(quiet, due) for quiet, due in dues if due >= since]
    settled = [(quiet, due) for quiet, due in mine if bounds.settled_at(due) <= now]
    waiting = [bounds.settled_at(due) for _, due in mine if bounds.settled_at(due) > now]
    fates = [_fate(quiet, due, subject.spells, bounds, now) for quiet, due in settled]
    look_at = min([now + _LOOK_AGAIN, *waiting])
    broken = [fate for fate in fates if fate.fault]
    if broken:
        return _broken(broken, look_at)
    canary = _canary(subject, bounds, now, look_at)
    if canary.state is not State.PASS:
        return canary
    return unobserved(subject.beats, now) or _held(fates, subject, canary)


def _counted_from(subject: Watched, now: datetime) -> datetime:
    """A silence counts for a day, and until a later canary shows that the way is mended."""
    day = now - WINDOW
    counted = day if subject.canary_at is None else min(day, subject.canary_at)
    return max(subject.beats.expected_at, counted)


def due_at(quiet: Quiet, gaps: Sequence[Quiet], silence: timedelta) -> datetime | None:
    """When the alert about a silence is due: once it lasted so long while the manager could hear. None: it did not."""
    due = quiet.from_at + silence
    for gap in sorted(gaps, key=_from):
        if gap.from_at > due + SETTLED or (gap.to_at is not None and gap.to_at <= quiet.from_at):
            continue
        if gap.to_at is None:
            return None
        due = max(due, gap.to_at + silence)
    return None if quiet.to_at is not None and quiet.to_at < due + SETTLED else due


def _from(quiet: Quiet) -> datetime:
    return quiet.from_at


def _silences(subject: Watched, now: datetime) -> Iterator[Quiet]:
    """Those that were written down to the microsecond, and those that only the minutes show."""
    expected = subject.beats.expected_at
    for quiet in subject.silences:
        if quiet.from_at >= expected:
            yield quiet
        elif quiet.to_at is None or quiet.to_at > expected:
            yield Quiet(from_at=expected, to_at=quiet.to_at)
    for run in _runs(subject.beats, now):
        if not any(_touch(run, quiet) for quiet in subject.silences):
            yield run


def _touch(one: Quiet, other: Quiet) -> bool:
    first = one.to_at is None or one.to_at >= other.from_at
    return first and (other.to_at is None or other.to_at >= one.from_at)


def _runs(beats: Heartbeats, now: datetime) -> Iterator[Quiet]:
    """Minutes in a row that brought nothing while the manager could hear, and the beat that ended them."""
    first = max(0, (beats.expected_at - beats.began_at) // MINUTE + 1)
    end = (now - beats.began_at) // MINUTE
    began = first
    for minute in range(first, end):
        if beats.blind >> minute & 1:
            began = minute + 1
        elif beats.heard >> minute & 1:
            if minute - began >= _SURE_MINUTES and began > first:
                yield Quiet(from_at=beats.began_at + (began + 1) * MINUTE, to_at=beats.began_at + minute * MINUTE)
            began = minute + 1


def _fate(quiet: Quiet, due: datetime, spells: Sequence[Spell], bounds: _Bounds, now: datetime) -> _Fate:
    """What became of it, once everything about it is written."""
    standing = [each for each in spells if each.ended_at is None or each.ended_at >= due]
    opened = [each for each in standing if each.opened_at <= due + bounds.opened]
    if not opened:
        ended = quiet.to_at or now
        late = [each for each in standing if each.opened_at <= ended + bounds.opened]
        return _late("opened_late", due, late[0].opened_at) if late else _Fate(due_at=due, fault="not_opened")
    spell = opened[-1]
    if spell.held:
        return _Fate(due_at=due, held=True)
    if spell.accepted_at is None:
        return _Fate(due_at=due, fault="not_accepted")
    if spell.accepted_at > max(spell.opened_at, due) + bounds.accepted:
        return _late("accepted_late", due, spell.accepted_at)
    return _Fate(due_at=due)


def _late(fault: str, due: datetime, at: datetime) -> _Fate:
    return _Fate(due_at=due, fault=fault, late_s=-int(-(at - due).total_seconds() // 1))


def _broken(broken: Sequence[_Fate], look_at: datetime) -> Finding:
    """The first of those that were not told of in time says since when; the last, why."""
    last = broken[-1]
    params: dict[str, Param] = {"due_at": last.due_at, "count": len(broken)}
    if last.late_s:
        params["late_s"] = last.late_s
    return Finding(
        State.FAIL, last.fault, params, broken[0].due_at, (), Attestor.MANAGER, next_change_at=look_at
    )  # fmt: skip


def _canary(subject: Watched, bounds: _Bounds, now: datetime, look_at: datetime) -> Finding:
    """Whether a canary came through lately; the first is due once one could have. One that is dated in the future was
    dated by a clock that was wrong, and would count for as long as that was."""
    bound_s = int(bounds.canary.total_seconds())
    expected = subject.beats.expected_at
    if subject.canary_at is None:
        due = expected + bounds.canary
        state, code = (State.PENDING, "canary_due") if now <= due else (State.FAIL, "canary_never")
        since = expected if state is State.PENDING else due
        changes = min(after(due), look_at) if state is State.PENDING else look_at
        return Finding(state, code, {"due_at": due}, since, (), Attestor.MANAGER, next_change_at=changes)
    if subject.canary_at > now + SKEW:
        return Finding(
            State.UNKNOWN, "clock_ahead", {"ahead_at": subject.canary_at}, None, (), Attestor.MANAGER,
            next_change_at=look_at,
        )  # fmt: skip
    ends = subject.canary_at + bounds.canary
    params: dict[str, Param] = {"canary_at": subject.canary_at, "bound_s": bound_s}
    if now > ends:
        return Finding(State.FAIL, "canary_old", params, ends, (), Attestor.MANAGER, next_change_at=look_at)
    since = max(expected, min(subject.canary_at, now))
    return Finding(State.PASS, "", params, since, (), Attestor.MANAGER, next_change_at=min(after(ends), look_at))


def _held(fates: Sequence[_Fate], subject: Watched, canary: Finding) -> Finding:
    """It holds; what was kept back on purpose is said."""
    held = sum(fate.held for fate in fates)
    told = len(fates) - held
    params: dict[str, Param] = {"canary_at": canary.params["canary_at"]}
    if held:
        code, params = "alerted_held", params | {"count": told, "held": held}
    elif told:
        code, params = "alerted", params | {"count": told}
    else:
        code = "no_silence"
    since = max(canary.since or subject.beats.expected_at, *(fate.due_at for fate in fates), subject.beats.expected_at)
    return Finding(State.PASS, code, params, since, (), Attestor.MANAGER, next_change_at=canary.next_change_at)
