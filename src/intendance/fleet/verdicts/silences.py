"""What the manager's tables say of nodes that fell silent, of the alerts about that, and of the messages that left."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from intendance.catalogue.checks.heartbeats import Heartbeats
from intendance.catalogue.checks.silences import Quiet, Spell, Watched
from intendance.fleet.alerts.perform import MISSING
from intendance.fleet.alerts.recording import in_chunks
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.settings import read_setting
from intendance.fleet.database.tables import alert, alert_event, beat_silence, node_state, observability_gap, outbox
from intendance.fleet.detection import canary
from intendance.fleet.detection.perform import FLEET, SITE
from intendance.model.frozen import dataclass

READ = timedelta(days=3)
"""What is read: longer than a silence counts where a canary comes through in time."""
_SETTLED_US = 71_000_000
_HELD_US = 65_000_000
"""What keeps people from being told of an alert counts for as long as its message is waited for."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that a server took: of which alerts, made when, taken when. `more`: not all of them are named."""

    alerts: frozenset[int]
    made_us: int
    sent_us: int
    more: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """The alert `number` was open from `opened_us` on; `told_us` are the moments at which people were told of it."""

    number: int
    site: str
    opened_us: int
    ended_us: int | None
    held: str
    told_us: tuple[int, ...]


def watched(connection: Connection, heard: Mapping[str, Heartbeats], now: datetime) -> Mapping[str, Watched]:
    """What is known of the silences of some nodes. What comes first is asked first: silences before their alerts, and
    these before their messages."""
    since_us = to_us(now - READ)
    gaps = _gaps(connection, since_us)
    silences = _silences(connection, heard, since_us, to_us(now))
    spells = _spells(connection, heard, since_us)
    done = read_setting(connection, canary.DONE)
    return {
        name: Watched(
            beats=beats,
            silences=tuple(silences.get(name, ())),
            gaps=gaps,
            spells=tuple(spells.get(name, ())),
            canary_at=None if done is None else from_us(done),
        )
        for name, beats in heard.items()
    }


def silent_lately(connection: Connection, since: datetime, now: datetime) -> set[str]:
    """The nodes of whose silence there is more to say than there was at an instant: it ended since, or has lasted for
    so long since that everything about it should be written."""
    state, ended = node_state.c, beat_silence.c
    lasting = select(state.node).where(
        state.deadline_us > to_us(since) - _SETTLED_US, state.deadline_us <= to_us(now) - _SETTLED_US
    )
    found = set(connection.execute(lasting).scalars())
    return found | set(connection.execute(select(ended.node).where(ended.to_us >= to_us(since))).scalars())


def _gaps(connection: Connection, since_us: int) -> tuple[Quiet, ...]:
    gap = observability_gap.c
    asked = select(gap.from_us, gap.to_us).where(gap.to_us.is_(None) | (gap.to_us >= since_us)).order_by(gap.from_us)
    return tuple(_quiet(row.from_us, row.to_us) for row in connection.execute(asked))


def _quiet(first_us: int, last_us: int | None) -> Quiet:
    return Quiet(from_at=from_us(first_us), to_at=None if last_us is None else from_us(last_us))


def _silences(
    connection: Connection, names: Iterable[str], since_us: int, now_us: int
) -> Mapping[str, Sequence[Quiet]]:
    """Those that a beat ended, and those that last."""
    found: dict[str, list[Quiet]] = defaultdict(list)
    wanted = list(names)
    ended = beat_silence.c
    asked = select(ended.node, ended.from_us, ended.to_us).where(ended.node.in_(wanted), ended.to_us >= since_us)
    lasting = select(node_state.c.node, node_state.c.last_seen_us).where(
        node_state.c.node.in_(wanted), node_state.c.last_seen_us <= now_us - MISSING_US
    )
    open_ones = connection.execute(lasting).all()  # before those that ended: none is between the two
    for over in connection.execute(asked.order_by(ended.from_us)):
        found[over.node].append(_quiet(over.from_us, over.to_us))
    for row in open_ones:
        if not any(each.from_at == from_us(row.last_seen_us) for each in found[row.node]):
            found[row.node].append(_quiet(row.last_seen_us, None))
    return found


def _spells(connection: Connection, names: Iterable[str], since_us: int) -> Mapping[str, Sequence[Spell]]:
    """The spells of the alerts about some nodes, oldest first. What stands for many tells of each of them."""
    mine = alert.c.cause.in_((MISSING,)) & alert.c.node.in_(list(names))
    lately = alert.c.resolved_us.is_(None) | (alert.c.resolved_us >= since_us)
    rows = connection.execute(select(alert).where(mine, lately).order_by(alert.c.id)).all()
    if not rows:
        return {}
    masses = connection.execute(select(alert).where(alert.c.cause.in_((SITE, FLEET)), lately)).all()
    spans = _spans(connection, [*rows, *masses])
    sent = _sent(connection, min((span.opened_us for each in spans.values() for span in each), default=since_us))
    of_many = [span for row in masses for span in spans[row.id]]
    found: dict[str, list[Spell]] = defaultdict(list)
    for row in rows:
        found[row.node] += [_spell(span, of_many, sent) for span in spans[row.id]]
    return {name: sorted(each, key=_opened) for name, each in found.items()}


def _opened(spell: Spell) -> datetime:
    return spell.opened_at


def _spell(span: _Span, of_many: Sequence[_Span], sent: Sequence[_Sent]) -> Spell:
    accepted, held = _accepted(span, sent), span.held
    if held == "inhibited":
        above = [each for each in of_many if each.site in ("", span.site) and _together(each, span)]
        taken = [at for each in above if (at := _accepted(each, sent)) is not None]
        accepted = min(taken, default=accepted)
        held = next((each.held for each in above if each.held), "") if accepted is None else ""
    return Spell(
        opened_at=from_us(span.opened_us),
        ended_at=None if span.ended_us is None else from_us(span.ended_us),
        accepted_at=None if accepted is None else from_us(accepted),
        held=held,
    )


def _together(above: _Span, span: _Span) -> bool:
    """Whether an alert about many stood when this one was to be told."""
    return above.opened_us <= span.opened_us + _HELD_US and (above.ended_us is None or above.ended_us >= span.opened_us)


def _accepted(span: _Span, sent: Sequence[_Sent]) -> int | None:
    """When a server first took a message about it."""
    end = span.ended_us
    of_it = (
        each.sent_us
        for each in sent
        if each.made_us >= span.opened_us
        and (end is None or each.made_us <= end)
        and (span.number in each.alerts or (each.more and each.made_us in span.told_us))
    )
    return min(of_it, default=None)


def _sent(connection: Connection, since_us: int) -> Sequence[_Sent]:
    asked = select(outbox.c.content, outbox.c.made_us, outbox.c.sent_us).where(
        outbox.c.purpose == "firing", outbox.c.state.in_(("sent", "delivered")), outbox.c.made_us >= since_us
    )
    found = []
    for row in connection.execute(asked):
        told = json.loads(row.content)
        numbers = frozenset(told["alerts"])
        found.append(_Sent(numbers, row.made_us, row.sent_us, told["count"] > len(told["alerts"])))
    return found


def _spans(connection: Connection, rows: Sequence[Row[Any]]) -> Mapping[int, Sequence[_Span]]:
    events: dict[int, list[Row[Any]]] = defaultdict(list)
    for chunk in in_chunks(row.id for row in rows):
        asked = select(alert_event).where(alert_event.c.alert.in_(chunk)).order_by(alert_event.c.id)
        for event in connection.execute(asked):
            events[event.alert].append(event)
    return {row.id: _spans_of(row.id, str(row.group_key).split("|")[0], events[row.id]) for row in rows}


class _Story:
    """The spans of one alert, from each opening to its end, as its events come."""

    def __init__(self, number: int, site: str) -> None:
        self._number, self._site = number, site
        self._opened: int | None = None
        self._held = ""
        self._told: list[int] = []
        self._in_hand_until = 0
        self.ended: list[_Span] = []

    def take(self, event: str, at_us: int, data: Mapping[str, Any]) -> None:
        """Take the next event."""
        if event in ("opened", "reopened"):
            self._opened, self._told = at_us, []
            self._held = _kind(data.get("suppressed")) or ("acked" if self._in_hand_until > at_us else "")
        elif event == "acked":
            self._in_hand_until = data["until_us"]
            self._keep_back(at_us, "acked")
        elif event in ("ack_expired", "unacked"):
            self._in_hand_until = 0
        elif event == "suppressed":
            self._keep_back(at_us, _kind(data.get("reason")))
        elif event == "told":
            self._told.append(at_us)
        elif event == "resolved":
            self.ended += self.spans(at_us)
            self._opened = None

    def _keep_back(self, at_us: int, why: str) -> None:
        """What comes once its message must have left keeps nothing back."""
        if self._opened is not None and at_us - self._opened <= _HELD_US:
            self._held = self._held or why

    def spans(self, end_us: int | None) -> list[_Span]:
        """The span that is open, if one is."""
        if self._opened is None:
            return []
        return [_Span(self._number, self._site, self._opened, end_us, self._held, tuple(self._told))]


def _spans_of(number: int, site: str, events: Iterable[Row[Any]]) -> list[_Span]:
    story = _Story(number, site)
    for event in events:
        story.take(event.event, event.at_us, json.loads(event.data))
    return [*story.ended, *story.spans(None)]


def _kind(reason: str | None) -> str:
    """Why nobody is told, in one word: a silence or window without its name."""
    return (reason or "").split(":")[0]
