"""Alerts: does each have somebody? What rings first, what is in hand and until when, what was over lately. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import TypeVar

from intendance.fleet.alerts.listing import SIZES, Kind, ListedPart
from intendance.fleet.alerts.seen import AlertSeen, MessageSeen, OpenAlerts, SilenceSeen, StepSeen, WaySeen
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import Verdict
from intendance.web import addresses, words
from intendance.web import alert_words as told
from intendance.web.alert_words import Delivery, Table
from intendance.web.entries import Statement, split
from intendance.web.parts import Part, cut

T = TypeVar("T")

ENTRIES = 25
"""Alerts that are shown whole; more are one line each."""

_LEFT = frozenset({"sent", "delivered"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """What alerts are told from: the open ones and those that were over lately, with their messages and what is due.
    `open_now` counts all that are open, of which the most urgent are `found`, in `parts`; `chosen` is the one kind that
    was asked for; `verdicts` are by rule, node and asset."""

    found: Sequence[AlertSeen]
    open_now: Mapping[str, OpenAlerts]
    parts: Mapping[Kind, ListedPart] = field(default_factory=dict)
    chosen: str = ""
    verdicts: Mapping[tuple[str, str, str | None], Verdict]
    messages: Mapping[int, tuple[MessageSeen, ...]]
    due: Mapping[int, tuple[StepSeen, ...]]
    silences: Sequence[SilenceSeen]
    ways: Sequence[WaySeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEntry:
    """An alert among others; `nobody`: it rings, and nobody has it in hand. `untold` says why nobody is told;
    `told_with` names the alert before it whose messages told of it too."""

    number: int
    label: str
    href: str
    shape: str
    urgency: str
    name: str
    name_href: str
    statement: Statement
    why: str
    command: tuple[str, ...]
    since: str
    who: str
    untold: str
    nobody: bool
    deliveries: tuple[Delivery, ...]
    earlier: str
    told_with: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSection:
    shape: str
    label: str
    remark: str
    entries: tuple[AlertEntry, ...]
    lines: tuple[AlertEntry, ...]
    turn: Part[AlertEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """An alert that is over."""

    label: str
    href: str
    name: str
    statement: Statement
    opened: str
    lasted: str
    by: str
    shape: str
    messages: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced:
    number: int
    matches: tuple[tuple[str, str], ...]
    reason: str
    who: str
    until: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayLine:
    who: str
    way: str
    when: str
    answer: str
    shape: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    name: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsPage:
    title: str
    shape: str
    mark: str
    question: str
    clauses: tuple[str, ...]
    facts: tuple[str, ...]
    nobody: bool
    sections: tuple[AlertSection, ...]
    over: Part[Over]
    over_label: str
    chosen: str
    silences: tuple[Silenced, ...]
    ways: tuple[WayLine, ...]


def alerts_page(alerted: Alerted, standing: Standing, table: Table, _: Translator) -> AlertsPage:
    """The page of all alerts."""
    shape, clauses = _answer(alerted, table, _)
    over = _of(alerted, "resolved")
    over_count = alerted.parts["over"].count if "over" in alerted.parts else 0
    title = " · ".join([_title(alerted, _), standing.organisation])
    return AlertsPage(
        title=title,
        shape=shape,
        mark={"fail": "✖", "pending": "◔", "pass": "✔"}[shape],
        question=_("Does every alert have somebody?"),
        clauses=clauses,
        facts=tuple(_facts(alerted, table, _)),
        nobody=not alerted.ways,
        sections=tuple(_sections(alerted, standing, table, _)),
        over=_turn(alerted, "over", tuple(_over(each, alerted, standing, table, _) for each in over), _),
        over_label=_.plural("{n} over", "{n} over", over_count).format(n=sizes.number(over_count, _.language)),
        chosen=alerted.chosen,
        silences=tuple(silenced(each, table, _) for each in alerted.silences),
        ways=tuple(_way(each, table, _) for each in alerted.ways),
    )


def alerts_open(count: int, alone: int, _: Translator) -> Link:
    """What the wall says of alerts, and where they are."""
    told_so = _.plural("{n} alert open, {alone} without an answer", "{n} alerts open, {alone} without an answer", count)
    named = told_so.format(n=sizes.number(count, _.language), alone=sizes.number(alone, _.language))
    return Link(name=named if count else _("No alert open"), href=addresses.ALERTS)


def kind_of(each: AlertSeen) -> str:
    """Where an alert stands: `ringing`, `held` back, `acked`, `pending`, `resolved`."""
    if each.state == "firing":
        return "ringing" if each.suppressed is None else "held"
    return each.state


def verdicts_of(standing: Standing) -> Mapping[tuple[str, str, str | None], Verdict]:
    """What does not hold, by rule, node and asset."""
    return {(each.rule, each.node, each.asset): each for each in standing.verdicts}


def _of(alerted: Alerted, kind: str) -> list[AlertSeen]:
    return [each for each in alerted.found if kind_of(each) == kind]


def _count(alerted: Alerted, kind: str) -> int:
    return alerted.open_now[kind].count if kind in alerted.open_now else 0


def _answer(alerted: Alerted, table: Table, _: Translator) -> tuple[str, tuple[str, ...]]:
    if not alerted.ways:
        return "fail", (_("No."), _("The plan names nobody to tell."))
    alone, held = alerted.open_now.get("ringing"), _count(alerted, "held")
    if alone is not None:
        age = words.length(table.now - alone.first_at, _, up=True)
        several = _("{count} alerts wait for an answer, the first for {length}.")
        clause = _("One alert has waited for an answer for {length}.") if alone.count == 1 else several
        told_so = clause.format(count=words.spelt(_, alone.count), length=age)
        return "fail", (_("No."), words.sentence(told_so))
    if held:
        several = _("Nobody is told of {count} alerts.")
        clause = _("Nobody is told of one alert.") if held == 1 else several
        return "pending", (clause.format(count=words.spelt(_, held)),)
    if _count(alerted, "acked"):
        return "pass", (_("Yes."), _("Each open alert is in somebody’s hands."))
    if _count(alerted, "pending"):
        return "pass", (_("Yes."), _("Nothing rings."))
    return "pass", (_("Yes."), _("No alert is open."))


def _title(alerted: Alerted, _: Translator) -> str:
    counts = {kind: _count(alerted, kind) for kind in ("ringing", "acked")}
    shown = [_counted(kind, count, _) for kind, count in counts.items() if count]
    return ", ".join(shown) or _("Alerts")


def _facts(alerted: Alerted, table: Table, _: Translator) -> Iterable[str]:
    still = [each for each in alerted.found if each.state != "resolved"]
    if still:
        count = sum(each.count for each in alerted.open_now.values())
        yield _.plural("{n} alert open", "{n} alerts open", count).format(n=sizes.number(count, _.language))
        told_of = {each.number: each for one in still for each in alerted.messages.get(one.told.number, ())}
        left = sum(each.state in _LEFT for each in told_of.values())
        if told_of and len(still) == count:
            text = _.plural("{left} of {n} message accepted", "{left} of {n} messages accepted", len(told_of))
            yield text.format(left=sizes.number(left, _.language), n=sizes.number(len(told_of), _.language))
    proven = [each.proven.sent_at for each in alerted.ways if each.proven is not None and each.proven.sent_at]
    if proven:
        yield _("Last message that left: {moment}").format(moment=table.brief(max(proven), _))
    elif alerted.ways:
        yield _("No message has left yet")


def _counted(kind: str, count: int, _: Translator) -> str:
    forms = {
        "ringing": _.plural("{n} rings", "{n} ring", count),
        "acked": _.plural("{n} in hand", "{n} in hand", count),
        "held": _.plural("{n} held back", "{n} held back", count),
        "pending": _.plural("{n} not yet told", "{n} not yet told", count),
    }
    return forms[kind].format(n=sizes.number(count, _.language))


def _sections(alerted: Alerted, standing: Standing, table: Table, _: Translator) -> Iterable[AlertSection]:
    remarks: dict[Kind, tuple[str, str]] = {
        "ringing": ("fail", _("worst first")),
        "acked": ("charge", _("still broken")),
        "held": ("waived", _("nobody is told, on purpose")),
        "pending": ("pending", _("rings if it lasts")),
    }
    room = ENTRIES
    for kind, (shape, remark) in remarks.items():
        of_kind = _of(alerted, kind)
        if not of_kind:
            continue
        made = list(_told_once([entry(each, alerted, standing, table, _) for each in of_kind], _))
        whole, lines = made[:room], made[room:]
        room -= len(whole)
        count = max(_count(alerted, kind), len(of_kind))
        yield AlertSection(
            shape=shape,
            label=_counted(kind, count, _),
            remark=remark,
            entries=tuple(whole),
            lines=tuple(lines),
            turn=_turn(alerted, kind, tuple(made), _),
        )


def _turn(alerted: Alerted, kind: Kind, lines: tuple[T, ...], _: Translator) -> Part[T]:
    """Which of how many these are, and where the others are."""
    part = alerted.parts.get(kind)
    if part is None:
        return Part(lines=lines)
    return cut(lines, part.number, part.count, partial(addresses.alerts, kind), _, size=SIZES[part.kind])


def _told_once(entries: Sequence[AlertEntry], _: Translator) -> Iterable[AlertEntry]:
    """Messages that tell of several alerts are shown with the first of them."""
    shown: dict[tuple[Delivery, ...], str] = {}
    for each in entries:
        first = shown.setdefault(each.deliveries, each.label)
        again = each.deliveries and first != each.label
        told_with = _("told with {alert}").format(alert=first)
        yield replace(each, deliveries=(), earlier="", told_with=told_with) if again else each


def entry(each: AlertSeen, alerted: Alerted, standing: Standing, table: Table, _: Translator) -> AlertEntry:
    """One alert among others."""
    verdict = alerted.verdicts.get((each.told.cause, each.told.node, each.told.labels.get("asset")))
    name, name_href = told.subject(each, standing.organisation, _)
    messages = alerted.messages.get(each.told.number, ())
    rows = [told.sent(message, table, _) for message in messages[-told.SHOWN :]]
    for step in alerted.due.get(each.told.number, ())[:1]:
        rows += told.planned(step, table, _)
    silences = {str(one.number): one for one in alerted.silences}
    kind = kind_of(each)
    earlier = len(messages) - told.SHOWN
    text = _.plural("{n} earlier message", "{n} earlier messages", earlier)
    return AlertEntry(
        number=each.told.number,
        label=_("alert {number}").format(number=each.told.number),
        href=addresses.alert(each.told.number),
        shape={"ringing": "fail", "acked": "charge", "held": "waived", "pending": "pending"}.get(kind, "pass"),
        urgency=told.urgency(each, _),
        name=name,
        name_href=name_href,
        statement=statement(each, standing, _),
        why=because(each, verdict, standing, _),
        command=typed(verdict, standing),
        since=_("for {length}").format(length=words.length(table.now - each.told.since, _, up=True)),
        who=who(each, table, _),
        untold="" if each.suppressed is None else told.why_untold(each.suppressed, silences, table, _),
        nobody=kind == "ringing",
        deliveries=tuple(rows),
        earlier=text.format(n=sizes.number(earlier, _.language)) if earlier > 0 else "",
    )


def statement(each: AlertSeen, standing: Standing, _: Translator) -> Statement:
    """What is wrong: the rule that is broken, or what the manager saw."""
    rule = standing.rulebook.rules.get(each.told.cause)
    if rule is None:
        return Statement(title=told.sentence(each, _), rule="", href=addresses.alert(each.told.number))
    return Statement(title=rule.title.of(_.language), rule=rule.id, href=addresses.rule(rule.id))


def because(each: AlertSeen, verdict: Verdict | None, standing: Standing, _: Translator) -> str:
    """Why, in a sentence or two."""
    if verdict is not None:
        return words.because(standing.rulebook, verdict, standing.zone, _)
    return each.why("fr" if _.language == "fr" else "en")


def typed(verdict: Verdict | None, standing: Standing) -> tuple[str, ...]:
    """What to type about it on the node."""
    found = None if verdict is None else words.command(standing.rulebook, verdict)
    return split(found) if found else ()


def who(each: AlertSeen, table: Table, _: Translator) -> str:
    """Who has it in hand, until when, and what they said."""
    if each.state != "acked" or each.acked_until is None:
        return ""
    until, by = dates.moment(each.acked_until, table.zone, _.language), told.person(each.acked_by)
    if each.said:
        return _("{person}, until {moment}: {reason}").format(person=by, moment=until, reason=each.said)
    return _("{person}, until {moment}").format(person=by, moment=until)


def _over(each: AlertSeen, alerted: Alerted, standing: Standing, table: Table, _: Translator) -> Over:
    told_of = alerted.messages.get(each.told.number, ())
    messages = [message for message in told_of if message.state != "dropped"]  # held back, and told in a summary
    left = sum(message.state in _LEFT for message in messages)
    shape, words_of = "na", _("nobody was told")
    if messages:
        shape = "pass" if left == len(messages) else "fail"
        words_of = _("{left} of {n} accepted").format(left=left, n=len(messages))
    ended = each.resolved_at or table.now
    return Over(
        label=str(each.told.number),
        href=addresses.alert(each.told.number),
        name=told.subject(each, standing.organisation, _)[0],
        statement=statement(each, standing, _),
        opened=table.brief(each.told.since, _),
        lasted=words.length(ended - each.told.since, _, up=True),
        by=told.person(each.acked_by) or _("nobody needed to"),
        shape=shape,
        messages=words_of,
    )


def silenced(each: SilenceSeen, table: Table, _: Translator) -> Silenced:
    """A silence that holds or will."""
    return Silenced(
        number=each.number,
        matches=tuple(each.matches.items()),
        reason=each.reason,
        who=told.person(each.made_by),
        until=table.brief(each.to_at, _),
        command=split(f"intendance alert silence --end {each.number}"),
    )


def _way(each: WaySeen, table: Table, _: Translator) -> WayLine:
    last, proven = each.last, each.proven
    shown = last if last is not None and (proven is None or last.number > proven.number) else proven
    if shown is None:
        return WayLine(who=table.name(each.contact), way=told.way(each.way, _), when="", answer="", shape="unknown",
                       word=_("never tried"))  # fmt: skip
    works = shown.state in _LEFT
    at = shown.sent_at or shown.made_at
    return WayLine(
        who=table.name(each.contact),
        way=told.way(each.way, _),
        when=dates.moment(at, table.zone, _.language),
        answer=told.answered(shown.code, shown.detail, shown.provider_id),
        shape="pass" if works else "fail",
        word=_("works") if works else _("did not leave"),
    )
