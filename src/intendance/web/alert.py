"""One alert: what it is about, its life as a time line, and every message with what the other side answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from intendance.fleet.alerts.seen import AlertSeen, Shown, SilenceSeen, StepSeen
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import Verdict
from intendance.web import addresses, alerts, words
from intendance.web import alert_words as told
from intendance.web.alert_words import Delivery, Table
from intendance.web.entries import Statement, split
from intendance.web.node import Held, held

_SPANS = {"opened": "pending", "fired": "fail", "reopened": "fail", "acked": "charge", "ack_expired": "fail",
          "unacked": "fail", "suppressed": "held", "told_again": "fail", "resolved": ""}  # fmt: skip
"""How an alert stands from an event on, as its lane shows it; what is not here changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A line of its life; `shape` is a class of the sheet, `said` somebody's reason."""

    when: str
    iso: str
    shape: str
    text: str
    said: str
    ahead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which it stood in one way, as shares of the lane's width."""

    shape: str
    left: str
    width: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Its life at a glance: how it stood, when messages were made (`shape` fail: they did not leave)."""

    label: str
    stretches: tuple[Stretch, ...]
    marks: tuple[tuple[str, str, str], ...]
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """An alert that this one stands for."""

    label: str
    href: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    number: int
    title: str
    shape: str
    mark: str
    question: str
    answer: str
    heading: str
    why: str
    facts: tuple[str, ...]
    statement: Statement
    name: str
    name_href: str
    node: str
    node_href: str
    untold: str
    who: str
    command: tuple[str, ...]
    advice: str
    ack: tuple[str, ...]
    lane: Lane | None
    life: tuple[Happening, ...]
    deliveries: tuple[Delivery, ...]
    under: tuple[Under, ...]
    under_label: str
    held: tuple[Held, ...]


def alert_page(
    shown: Shown,
    due: Sequence[StepSeen],
    silences: Sequence[SilenceSeen],
    verdicts: Sequence[Verdict],
    standing: Standing,
    table: Table,
    _: Translator,
) -> AlertPage:
    """The page of one alert; `verdicts` are what its rule says now, of its subject."""
    each = shown.alert
    verdict = verdicts[0] if verdicts else None
    kind = alerts.kind_of(each)
    name, href = told.subject(each, standing.organisation, _)
    by_number = {str(one.number): one for one in silences}
    shape = {"ringing": "fail", "resolved": "pass"}.get(kind, "pending")
    statement = alerts.statement(each, standing, _)
    broken = verdict if kind != "resolved" else None
    return AlertPage(
        number=each.told.number,
        title=_("Alert {number}").format(number=each.told.number) + f" · {name}",
        shape=shape,
        mark={"fail": "✖", "pending": "◔", "pass": "✔"}[shape],
        question=_("Alert {number}, {urgency}").format(number=each.told.number, urgency=told.urgency(each, _)),
        answer=_standing(each, table, _),
        heading=_("What was wrong") if kind == "resolved" else _("What is wrong"),
        why=alerts.because(each, broken, standing, _),
        facts=tuple(_facts(each, table, _)),
        statement=statement,
        name=name,
        name_href=href,
        node=each.told.node,
        node_href=addresses.node(each.told.node) if each.told.node else "",
        untold="" if each.suppressed is None else told.why_untold(each.suppressed, by_number, table, _),
        who=alerts.who(each, table, _),
        command=alerts.typed(broken, standing),
        advice="" if broken is None or alerts.typed(broken, standing) else words.advice(standing.rulebook, broken, _),
        ack=split(f"intendance alert ack {each.told.number} --for 4h") if each.state == "firing" else (),
        lane=_lane(shown, table, _),
        life=tuple(_life(shown, due, table, _)),
        deliveries=tuple(_deliveries(shown, due, table, _)),
        under=tuple(_under(one, standing, _) for one in shown.under),
        under_label=_.plural("It stands for {n}", "It stands for {n}", each.members).format(
            n=sizes.number(each.members, _.language)
        ),
        held=tuple(held(one, standing, _) for one in verdicts),
    )


def _standing(each: AlertSeen, table: Table, _: Translator) -> str:
    """How it stands, in one sentence."""
    age = words.length(table.now - each.told.since, _, up=True)
    if each.state == "resolved":
        ended = each.resolved_at or table.now
        lasted = words.length(ended - each.told.since, _, up=True)
        return _("Over. It lasted {length}.").format(length=lasted)
    if each.state == "acked":
        return _("{person} has it in hand.").format(person=told.person(each.acked_by))
    if each.state == "pending":
        return _("Not told yet: it rings if it lasts.")
    if each.suppressed is not None:
        return _("Nobody is told.")
    return _("Nobody has answered for {length}.").format(length=age)


def _facts(each: AlertSeen, table: Table, _: Translator) -> Iterable[str]:
    yield _("Seen {moment}").format(moment=table.brief(each.told.since, _, seconds=True))
    if each.fired_at is not None:
        yield _("Rang {moment}").format(moment=table.brief(each.fired_at, _, seconds=True))
    if each.resolved_at is not None and each.state == "resolved":
        yield _("Over {moment}").format(moment=table.brief(each.resolved_at, _, seconds=True))
    if each.episode > 1:
        yield _("Episode {n}").format(n=each.episode)


def _life(shown: Shown, due: Sequence[StepSeen], table: Table, _: Translator) -> Iterable[Happening]:
    for event in shown.events:
        text = told.happened(event, table, _)
        if event.until is not None:
            text = f"{text} {_('Until {moment}.').format(moment=dates.moment(event.until, table.zone, _.language))}"
        yield Happening(
            when=table.brief(event.at, _, seconds=True),
            iso=event.at.isoformat(),
            shape={"acked": "charge", "resolved": "pass", "suppressed": "waived", "told": "plain"}.get(
                event.event, "pending" if event.event == "opened" else "fail"
            ),
            text=text,
            said=_("“{reason}”").format(reason=event.reason) if event.reason else "",
            ahead=False,
        )
    for step in due:
        people = told.people(step.to, table, _)
        nobody = _("If nobody has answered: nobody is told, for the plan names nobody.")
        yield Happening(
            when=table.brief(step.at, _, seconds=True),
            iso=step.at.isoformat(),
            shape="pending",
            text=_("If nobody has answered: {people}.").format(people=people) if people else nobody,
            said="",
            ahead=True,
        )
    if shown.alert.state == "acked" and shown.alert.acked_until is not None:
        yield Happening(
            when=table.brief(shown.alert.acked_until, _, seconds=True),
            iso=shown.alert.acked_until.isoformat(),
            shape="pending",
            text=_("If it is not over: it rings again."),
            said="",
            ahead=True,
        )


def _deliveries(shown: Shown, due: Sequence[StepSeen], table: Table, _: Translator) -> Iterable[Delivery]:
    """Every try, then what is still due."""
    rows: list[tuple[datetime, int, Delivery]] = []
    for message in shown.messages:
        tries = shown.tries.get(message.number, ())
        failed = [each for each in tries if each.result != "accepted"]
        over = message.state in ("dead", "failed") and bool(failed)
        earlier = failed[:-1] if over else failed
        rows += [(each.at, message.number, told.tried(message, each, table, _)) for each in earlier]
        last = failed[-1].at if over else message.sent_at or message.made_at
        rows.append((last, message.number, told.sent(message, table, _)))
    yield from (row for _at, _number, row in sorted(rows, key=lambda each: each[:2]))
    for step in due:
        yield from told.planned(step, table, _)


def _lane(shown: Shown, table: Table, _: Translator) -> Lane | None:
    """Its life at a glance, from its first event to now, or to its end."""
    events = [each for each in shown.events if each.event in _SPANS]
    if not events:
        return None
    begun = events[0].at
    end = shown.alert.resolved_at if shown.alert.state == "resolved" else table.now
    ended = max(end or table.now, events[-1].at)
    whole = (ended - begun).total_seconds() or 1.0
    stretches = []
    for each, following in zip(events, [*(one.at for one in events[1:]), ended], strict=True):
        shape = _SPANS[each.event]
        if each.event in ("opened", "reopened"):
            shape = "held" if each.data.get("suppressed") else _opened(shown, each.event)
        if shape and following > each.at:
            left, width = ((each.at - begun).total_seconds() / whole, (following - each.at).total_seconds() / whole)
            stretches.append(Stretch(shape=shape, left=f"{left:.2%}", width=f"{width:.2%}",
                                     told=told.happened(each, table, _)))  # fmt: skip
    marks = []
    for message in shown.messages:
        share = min(1.0, max(0.0, (message.made_at - begun).total_seconds() / whole))
        row = told.sent(message, table, _)
        marks.append((f"{share:.2%}", row.shape, f"{row.when} {row.who} {row.way} {row.outcome}"))
    return Lane(
        label=_("How it stood, and when people were told"),
        stretches=tuple(stretches),
        marks=tuple(marks),
        first=table.brief(begun, _),
        last=_("now") if ended == table.now else table.brief(ended, _),
    )


def _opened(shown: Shown, event: str) -> str:
    """What waits before it rings says so once it does; what rings at once has no such event."""
    waits = any(each.event == "fired" for each in shown.events) or shown.alert.state == "pending"
    return "pending" if event == "opened" and waits else "fail"


def _under(each: AlertSeen, standing: Standing, _: Translator) -> Under:
    return Under(
        label=str(each.told.number),
        href=addresses.alert(each.told.number),
        name=told.subject(each, standing.organisation, _)[0],
        text=told.sentence(each, _),
    )
