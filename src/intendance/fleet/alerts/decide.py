"""What an alert becomes, who is told at which step, and when what could not be sent is tried again. Pure.

Figures are those of the design; instants are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Literal

from intendance.model.alerting import AlertStep, Urgency, Way
from intendance.model.frozen import dataclass

State = Literal["pending", "firing", "acked", "resolved"]
Change = Literal["opened", "fired", "reopened", "acked", "ack_expired", "unacked", "resolved"]
Purpose = Literal["firing", "resolved"]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
REOPENED_WITHIN_US = 15 * MINUTE_US
ACK_LASTS_US = 4 * HOUR_US
WAIT_US: Mapping[Urgency, int] = {"critical": 10 * SECOND_US, "warning": 30 * SECOND_US}
"""How long others are waited for that may go into the same message."""
RESOLVED_WAIT_US = 30 * SECOND_US
REPEAT_US: Mapping[Urgency, int] = {"critical": 4 * HOUR_US, "warning": 24 * HOUR_US}
BACK_OFF_S = (5, 15, 45, 120, 300)
JITTER = 0.2
UNSENT_AFTER_US = MINUTE_US
FAILURES = 2
EXPIRES_US = 24 * HOUR_US
SMS_AN_HOUR = 6
FOLDED_FROM = 4
"""Groups that are told the same person at the same moment, from which on they are one message."""

_SPELL = 1000
_RESOLVED = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alert as it stands. `episode` counts how often it came anew; one that comes back within 15 minutes of its
    end is the same episode. `acked_until_us`: until when somebody has it in hand."""

    state: State
    episode: int = 1
    started_us: int = 0
    fired_us: int | None = None
    acked_by: str = ""
    acked_until_us: int | None = None
    resolved_us: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What happened to an alert, and how it stands then."""

    change: Change
    standing: Standing


def key_of(cause: str, node: str, labels: Mapping[str, str]) -> str:
    """What makes two sightings the same alert: the cause, the node, and what else tells it apart."""
    told = "\0".join((cause, node, *(f"{name}={labels[name]}" for name in sorted(labels))))
    return sha256(told.encode()).hexdigest()


def observed(former: Standing | None, now_us: int, *, lasting_us: int = 0) -> Move | None:
    """What is wrong is seen (again); it fires once it was seen for `lasting_us`. None: nothing changes."""
    if former is not None and former.state == "pending":
        if now_us - former.started_us < lasting_us:
            return None
        return Move("fired", replace(former, state="firing", fired_us=now_us))
    if former is not None and former.state != "resolved":
        return None
    if former is not None and _is_same_episode(former, now_us):
        in_hand = former.acked_until_us is not None and former.acked_until_us > now_us
        return Move("reopened", replace(former, state="acked" if in_hand else "firing", resolved_us=None))
    episode = 1 if former is None else former.episode + 1
    if lasting_us > 0:
        return Move("opened", Standing(state="pending", episode=episode, started_us=now_us))
    return Move("opened", Standing(state="firing", episode=episode, started_us=now_us, fired_us=now_us))


def _is_same_episode(ended: Standing, now_us: int) -> bool:
    """What never fired was told to nobody, and so nobody takes it for the same."""
    if ended.resolved_us is None or ended.fired_us is None:
        return False
    return now_us - ended.resolved_us <= REOPENED_WITHIN_US


def cleared(former: Standing, now_us: int) -> Move | None:
    """What was wrong is no more."""
    if former.state == "resolved":
        return None
    return Move("resolved", replace(former, state="resolved", resolved_us=now_us))


def acked(former: Standing, by: str, now_us: int, lasting_us: int = ACK_LASTS_US) -> Move | None:
    """Somebody takes it in hand for a while; only what fires can be. A second acknowledgement moves the end."""
    if former.state not in ("firing", "acked"):
        return None
    return Move("acked", replace(former, state="acked", acked_by=by, acked_until_us=now_us + lasting_us))


def expired(former: Standing, now_us: int) -> Move | None:
    """The time for which it was in hand is over, and it is as wrong as before."""
    if former.state != "acked" or former.acked_until_us is None or former.acked_until_us > now_us:
        return None
    return Move("ack_expired", replace(former, state="firing", acked_until_us=None))


def unacked(former: Standing) -> Move | None:
    """Who has it in hand, or somebody else, lets it go before the time is over."""
    if former.state != "acked":
        return None
    return Move("unacked", replace(former, state="firing", acked_until_us=None))


def suppression(*, silence: str = "", window: str = "", inhibited: bool = False, flapping: bool = False) -> str | None:
    """Why nobody is told; None: people are. The most deliberate reason is the one that is given."""
    if silence:
        return f"silence:{silence}"
    if window:
        return f"window:{window}"
    if inhibited:
        return "inhibited"
    return "flapping" if flapping else None


# --- steps ----------------------------------------------------------------------------------------------------------


def step_number(spell: int, index: int) -> int:
    """The number of a step: `spell` counts how often people were told that it was over and it came back."""
    return spell * _SPELL + min(index, _RESOLVED - 1)


def resolved_number(spell: int) -> int:
    """The number under which people are told that it is over."""
    return spell * _SPELL + _RESOLVED


def spell_of(step: int) -> int:
    """The spell that a step belongs to."""
    return step // _SPELL


def index_of(step: int) -> int:
    """Which step of the plan a number is; from their end on, one that repeats."""
    return step % _SPELL


def is_resolved(step: int) -> bool:
    """Whether a step tells that it is over."""
    return index_of(step) == _RESOLVED


def first_wait_us(steps: Sequence[AlertStep], urgency: Urgency) -> int:
    """From firing to the first message: others are waited for, and for what the plan says."""
    return max(WAIT_US[urgency], steps[0].after_seconds * SECOND_US if steps else 0)


def next_wait_us(steps: Sequence[AlertStep], index: int, urgency: Urgency) -> int:
    """From one step to the next, while nobody answers; after the last one the plan repeats itself."""
    if index + 1 < len(steps):
        return max(SECOND_US, (steps[index + 1].after_seconds - steps[index].after_seconds) * SECOND_US)
    return REPEAT_US[urgency]


def people(steps: Sequence[AlertStep], index: int) -> tuple[tuple[str, Way], ...]:
    """Who is told at a step, by what; a repetition tells everybody of all steps."""
    chosen = (steps[index],) if index < len(steps) else tuple(steps)
    return tuple(dict.fromkeys((step.to, way) for step in chosen for way in step.by))


def ahead(
    steps: Sequence[AlertStep], step: int, next_us: int, urgency: Urgency
) -> tuple[tuple[int, tuple[tuple[str, Way], ...]], ...]:
    """Who is still told and when, if nobody answers: from the step that waits to the first repetition of the plan."""
    found = []
    for index in range(index_of(step), max(index_of(step), len(steps)) + 1):
        found.append((next_us, people(steps, index)))
        next_us += next_wait_us(steps, index, urgency)
    return tuple(found)


# --- messages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A step of an alert that is to be told now, to `told`."""

    alert: int
    group: str
    urgency: Urgency
    step: int
    told: tuple[tuple[str, Way], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message: whom, by what, about which alerts. The first of them names it."""

    contact: str
    way: Way
    urgency: Urgency
    purpose: Purpose
    dues: tuple[Due, ...]


def notices(dues: Iterable[Due]) -> tuple[Notice, ...]:
    """The messages that tell of all that is due: one per person, way and group, or one for many groups at once.

    So ten thousand nodes of fifty sites are one mail for each person, not fifty.
    """
    of_person: dict[tuple[str, Way, Urgency, Purpose], dict[str, list[Due]]] = {}
    for due in dues:
        purpose: Purpose = "resolved" if is_resolved(due.step) else "firing"
        for contact, way in due.told:
            groups = of_person.setdefault((contact, way, due.urgency, purpose), {})
            groups.setdefault(due.group, []).append(due)
    made = []
    for (contact, way, urgency, purpose), groups in of_person.items():
        folded = (
            [[each for group in groups.values() for each in group]] if len(groups) >= FOLDED_FROM else groups.values()
        )
        made += [
            Notice(contact=contact, way=way, urgency=urgency, purpose=purpose,
                   dues=tuple(sorted(members, key=lambda each: each.alert)))
            for members in folded
        ]  # fmt: skip
    return tuple(made)


def idempotency_key(key: str, started_us: int, episode: int, step: int, contact: str, way: Way) -> str:
    """The same message has the same key, whoever makes it again: alert, episode, step, contact, channel.

    The alert's own key and beginning stand for it, so that no other database ever gives the same.
    """
    told = "\0".join((key, str(started_us), str(episode), str(step), contact, way))
    return sha256(told.encode()).hexdigest()[:40]


def sms_allowed(sent_us: Sequence[int], now_us: int) -> bool:
    """Whether a person may still get a text message: six an hour, so that a storm does not empty the account."""
    return sum(now_us - at < HOUR_US for at in sent_us) < SMS_AN_HOUR


def summary_at_us(sent_us: Sequence[int], now_us: int) -> int:
    """When the one summary of what was kept back goes: as soon as the oldest of the hour is an hour old."""
    within = [at for at in sent_us if now_us - at < HOUR_US]
    return min(within, default=now_us) + HOUR_US


# --- tries ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a message after a try: sent, tried again at `next_us`, or dead."""

    state: Literal["sent", "failed", "dead"]
    next_us: int


def fate(outcome: str, tries: int, now_us: int, expires_us: int, chance: float) -> Fate:
    """After the try number `tries` (from 1); `chance` in [0, 1) spreads the next one by a fifth, so that many do not
    come back together. What has lasted a day, or will never be taken, is dead."""
    if outcome == "accepted":
        return Fate(state="sent", next_us=now_us)
    pause = BACK_OFF_S[min(tries, len(BACK_OFF_S)) - 1] * SECOND_US
    next_us = now_us + int(pause * (1 - JITTER + 2 * JITTER * chance))
    if outcome == "permanent" or next_us >= expires_us:
        return Fate(state="dead", next_us=now_us)
    return Fate(state="failed", next_us=next_us)


def needs_other_way(urgency: Urgency, failures: int, made_us: int, now_us: int) -> bool:
    """Whether a message that did not leave goes by the person's other way too: what is critical after two failures or
    a minute."""
    return urgency == "critical" and (failures >= FAILURES or now_us - made_us >= UNSENT_AFTER_US)
