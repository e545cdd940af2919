"""What programs do about alerts, as people do by command and page: take one in hand, silence, let people be told again.

The same sent again, because the answer was lost, moves the end and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from intendance.api import cursor
from intendance.api.alerts import NUMBER, AlertShown, SilenceShown, alert_shown, silence_shown
from intendance.api.operation import PAGE, Call, Operation, Parameter
from intendance.fleet.alerts.service import (
    LONGEST_ACK_SECONDS,
    LONGEST_LABEL,
    LONGEST_REASON,
    LONGEST_SILENCE_SECONDS,
    MOST_LABELS,
)
from intendance.fleet.tokens.decide import Scope
from intendance.model.frozen import dataclass

Reason = Annotated[str, Meta(min_length=1, max_length=LONGEST_REASON, description="Why it can wait, in one line.")]
Label = Annotated[str, Meta(min_length=1, max_length=LONGEST_LABEL)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acking:
    """To take an alert in hand: nobody else is told until it is over, or for so long. 7 days at most."""

    reason: Reason
    lasting_seconds: Annotated[int, Meta(ge=1, le=LONGEST_ACK_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silencing:
    """To tell nobody of what matches all of it (`node`, `site`, `cause`, and what an alert's `labels` name), for so
    long. 30 days at most."""

    matches: Annotated[Mapping[Label, Label], Meta(min_length=1, max_length=MOST_LABELS)]
    reason: Reason
    lasting_seconds: Annotated[int, Meta(ge=1, le=LONGEST_SILENCE_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertAcked:
    """The alert, as it is in hand now."""

    schema: Literal["intendance.alert-acked/1"] = "intendance.alert-acked/1"
    alert: AlertShown


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertUnacked:
    """The alert, which nobody has in hand any more."""

    schema: Literal["intendance.alert-unacked/1"] = "intendance.alert-unacked/1"
    alert: AlertShown


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSilence:
    """A silence that was made, or moved, or `ended`."""

    schema: Literal["intendance.silence/1"] = "intendance.silence/1"
    silence: SilenceShown
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceList:
    """Silences, the newest first: those that hold, and those that are over."""

    schema: Literal["intendance.silences/1"] = "intendance.silences/1"
    silences: tuple[SilenceShown, ...]
    next: str | None


def ack(call: Call) -> AlertAcked:
    """Take an alert in hand. Raises AlertUnknown, AlertNotFiring, ReasonUnusable, DatabaseUnreachable."""
    asked: Acking = call.body
    number, length = call.numbers["alert"], asked.lasting_seconds
    seen = call.services.alerts.ack(number, by=call.actor, lasting_seconds=length, reason=asked.reason)
    return AlertAcked(alert=alert_shown(seen))


def unack(call: Call) -> AlertUnacked:
    """Let an alert go. Raises AlertUnknown, AlertNotInHand, DatabaseUnreachable."""
    return AlertUnacked(alert=alert_shown(call.services.alerts.unack(call.numbers["alert"], by=call.actor)))


def silence(call: Call) -> OneSilence:
    """Tell nobody of what matches, for a while. Raises ReasonUnusable, NothingMatched, DatabaseUnreachable."""
    asked: Silencing = call.body
    seen = call.services.alerts.silence(
        asked.matches, reason=asked.reason, by=call.actor, lasting_seconds=asked.lasting_seconds
    )
    return OneSilence(silence=silence_shown(seen), ended=False)


def end_silence(call: Call) -> OneSilence:
    """Let people be told again. Raises SilenceUnknown, DatabaseUnreachable."""
    seen = call.services.alerts.end_silence(call.numbers["silence"], by=call.actor)
    return OneSilence(silence=silence_shown(seen), ended=True)


def silences(call: Call) -> SilenceList:
    """A page of silences. Raises DatabaseUnreachable."""
    (before,) = call.after(int) or (None,)
    found = call.services.alerts.silences_made(before=before, limit=call.limit)
    more = cursor.write(found[-1].number) if len(found) == call.limit else None
    return SilenceList(silences=tuple(map(silence_shown, found)), next=more)


OPERATIONS = (
    Operation(
        name="ack",
        method="POST",
        path="/api/v1/alerts/{alert}/ack",
        summary="Take an alert in hand: nobody else is told for a while",
        scope=Scope.ACK,
        answered=ack,
        body=Acking,
        answer=AlertAcked,
        parameters=(NUMBER,),
        kept=False,
        raised=(409,),
    ),
    Operation(
        name="unack",
        method="POST",
        path="/api/v1/alerts/{alert}/unack",
        summary="Let an alert go that somebody has in hand: people are told again",
        scope=Scope.ACK,
        answered=unack,
        answer=AlertUnacked,
        parameters=(NUMBER,),
        kept=False,
        raised=(409,),
    ),
    Operation(
        name="silences",
        path="/api/v1/silences",
        summary="Silences that hold or are over, who made them and who ended them, the newest first",
        scope=Scope.READ,
        answered=silences,
        answer=SilenceList,
        parameters=PAGE,
    ),
    Operation(
        name="silence",
        method="POST",
        path="/api/v1/silences",
        summary="Tell nobody of what matches, for a while",
        scope=Scope.ACK,
        answered=silence,
        body=Silencing,
        answer=OneSilence,
        kept=False,
    ),
    Operation(
        name="end_silence",
        method="POST",
        path="/api/v1/silences/{silence}/end",
        summary="Let people be told again, before a silence is over",
        scope=Scope.ACK,
        answered=end_silence,
        answer=OneSilence,
        parameters=(
            Parameter(name="silence", where="path", kind="whole", summary="Its number, as lists say it.", smallest=1),
        ),
        kept=False,
    ),
)
