"""How alerts, silences and messages read, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from intendance.cli.page import Ink, Page
from intendance.language import dates, durations, sizes
from intendance.language.texts import Translator, translator

if TYPE_CHECKING:
    from intendance.cli.output import Language
    from intendance.fleet.alerts.listing import ListedPart
    from intendance.fleet.alerts.own import ObserverSeen
    from intendance.fleet.alerts.seen import AlertSeen, EventSeen, MessageSeen, OpenAlerts, Shown, SilenceSeen

_INK: dict[str, Ink] = {"sent": "pass", "delivered": "pass", "dead": "fail", "failed": "fail"}


def draw_list(
    page: Page,
    language: Language,
    found: Sequence[AlertSeen],
    silences: Sequence[SilenceSeen],
    zone: str,
    now: datetime,
) -> None:
    """What is wrong, one line each, and the silences."""
    _ = translator(language, "alert_words")
    if not found:
        page.text(_("No alert."))
    for each in found:
        age = durations.write(int((now - each.told.since).total_seconds()), language)
        ink: Ink = "quiet" if each.state == "resolved" else "fail" if each.told.urgency == "critical" else "strong"
        left = ((f"{each.told.number}", ink), f" · {each.sentence(language)}")
        page.row((*left, *_more(_, each)), (f"{_state(_, each)} · {age}", "quiet"), indent=2, hang=4)
    if silences:
        page.blank()
        for one in silences:
            page.text(_silence(_, one, zone), indent=2, hang=4)


def draw_end(
    page: Page,
    language: Language,
    found: Sequence[AlertSeen],
    listed: ListedPart | None,
    kinds: Mapping[str, OpenAlerts],
) -> None:
    """Which of how many these are, where they are not all, and what to type for the others."""
    _ = translator(language, "alert_words")
    if listed is None:
        first, count = 1, sum(each.count for each in kinds.values())
        open_shown = sum(each.state != "resolved" for each in found)
        kind = next((each for each in ("ringing", "acked", "held", "pending") if each in kinds), "ringing")
        more = f"intendance alert list --show {kind}" if open_shown < count else ""
        shown = open_shown
    else:
        first, count, shown = listed.begin + 1, listed.count, listed.begin + len(listed.found)
        more = "" if listed.is_last else f"intendance alert list --show {listed.kind} --part {listed.number + 1}"
    if not more and first == 1:
        return
    page.blank()
    begin, last, of = (sizes.number(each, language) for each in (first, shown, count))
    page.text((_("{first} to {last} of {n}").format(first=begin, last=last, n=of), "quiet"))
    if more:
        page.command(more)


def draw_observer(page: Page, language: Language, seen: ObserverSeen, zone: str) -> None:
    """Who watches the manager from elsewhere, and whether it answers."""
    _ = translator(language, "alert_words")
    page.blank()
    if seen.failing_since is not None:
        since = dates.moment(seen.failing_since, zone, language)
        page.text(
            _("{host} watches the manager, and has not answered since {since}").format(host=seen.host, since=since)
        )
    elif seen.answered_at is None:
        page.text(_("{host} is to watch the manager, and was not asked yet").format(host=seen.host))
    else:
        at = dates.moment(seen.answered_at, zone, language)
        page.text((_("{host} watches the manager; it answered on {moment}").format(host=seen.host, moment=at), "quiet"))


def observer_json(seen: ObserverSeen | None) -> dict[str, Any] | None:
    """The same for programs."""
    if seen is None:
        return None
    answered, failing = seen.answered_at, seen.failing_since
    return {
        "host": seen.host,
        "answered_at": None if answered is None else dates.iso(answered),
        "failing_since": None if failing is None else dates.iso(failing),
    }


def _more(_: Translator, each: AlertSeen) -> tuple[str, ...]:
    return (f" ({_suppressed(_, each.suppressed)})",) if each.suppressed else ()


def _state(_: Translator, each: AlertSeen) -> str:
    if each.state == "acked":
        return _("in hand: {who}").format(who=each.acked_by.removeprefix("person:"))
    return {"pending": _("pending"), "firing": _("open"), "resolved": _("over")}[each.state]


def _suppressed(_: Translator, why: str) -> str:
    """Why nobody is told."""
    kind, _colon, name = why.partition(":")
    return {
        "silence": _("silenced by {name}"),
        "window": _("in the window {name}"),
        "inhibited": _("told with others"),
        "flapping": _("comes and goes"),
    }[kind].format(name=name)


def draw_one(page: Page, language: Language, shown: Shown, zone: str, now: datetime) -> None:
    """One alert with its story."""
    _ = translator(language, "alert_words")
    each = shown.alert
    page.text((each.sentence(language), "strong"))
    since = dates.moment(each.told.since, zone, language)
    age = durations.write(int((now - each.told.since).total_seconds()), language)
    page.text(_("{state}, since {since} ({age})").format(state=_state(_, each), since=since, age=age), *_more(_, each))
    page.text(each.why(language))
    if each.members:
        page.text(
            _.plural("It stands for {n} alert.", "It stands for {n} alerts.", each.members).format(n=each.members)
        )
    page.blank()
    for event in shown.events:
        page.row((_event(_, event),), (dates.moment(event.at, zone, language, seconds=True), "quiet"), indent=2, hang=4)
    if shown.messages:
        page.blank()
        draw_messages(page, _, shown.messages)
    if each.state == "firing":
        page.blank()
        page.command(f"intendance alert ack {each.told.number}")


def _event(_: Translator, event: EventSeen) -> str:
    said = {
        "opened": _("seen"),
        "fired": _("it lasts"),
        "reopened": _("it is back"),
        "acked": _("taken in hand by {who}"),
        "ack_expired": _("in hand for too long"),
        "unacked": _("let go by {who}"),
        "resolved": _("over"),
        "told": _("people are told"),
        "suppressed": _("nobody is told"),
        "told_again": _("people are told again"),
        "audited": _("found untold"),
    }[event.event]
    return said.format(who=event.actor.removeprefix("person:"))


def draw_messages(page: Page, _: Translator, messages: Sequence[MessageSeen]) -> None:
    """What became of messages."""
    for each in messages:
        answered = " ".join(part for part in (each.code, each.provider_id) if part)
        spans = (f"{each.contact} · {each.way} · ", (_fate(_, each), _INK.get(each.state, "strong")))
        page.row(spans, (answered, "quiet"), indent=2, hang=4)
        if each.state in {"failed", "dead"} and each.detail:
            page.text((each.detail, "quiet"), indent=4)


def _fate(_: Translator, each: MessageSeen) -> str:
    return {
        "queued": _("waits"),
        "sending": _("leaves now"),
        "sent": _("taken by the other side"),
        "delivered": _("delivered"),
        "failed": _("tried {n} times, will be tried again"),
        "dead": _("did not leave"),
        "dropped": _("held back"),
    }[each.state].format(n=each.tries)


def draw_acked(page: Page, language: Language, seen: AlertSeen, zone: str) -> None:
    """That somebody has it in hand."""
    _ = translator(language, "alert_words")
    until = "" if seen.acked_until is None else dates.moment(seen.acked_until, zone, language)
    line = _("{who} has alert {number} in hand until {until}.")
    who = seen.acked_by.removeprefix("person:")
    page.text(line.format(who=who, number=seen.told.number, until=until))


def draw_unacked(page: Page, language: Language, seen: AlertSeen) -> None:
    """That nobody has it in hand any more."""
    _ = translator(language, "alert_words")
    page.text(_("Nobody has alert {number} in hand any more: people are told again.").format(number=seen.told.number))


def draw_silence(page: Page, language: Language, seen: SilenceSeen, zone: str, *, ended: bool) -> None:
    """A silence that was made or ended."""
    _ = translator(language, "alert_words")
    if ended:
        page.text(_("Silence {number} is over: people are told again.").format(number=seen.number))
        return
    until = dates.moment(seen.to_at, zone, language)
    page.text(_("Silence {number} holds until {until}.").format(number=seen.number, until=until))
    page.command(f"intendance alert silence --end {seen.number}")


def _silence(_: Translator, one: SilenceSeen, zone: str) -> str:
    matches = ", ".join(f"{name}={value}" for name, value in one.matches.items())
    line = _("silence {number}: {matches} · until {until} · {who}: {reason}")
    who = one.made_by.removeprefix("person:")
    until = dates.moment(one.to_at, zone, _.language)
    return line.format(number=one.number, matches=matches, until=until, who=who, reason=one.reason)


def draw_test(page: Page, language: Language, messages: Sequence[MessageSeen]) -> None:
    """What became of a test."""
    _ = translator(language, "alert_words")
    draw_messages(page, _, messages)
    if any(not each.ended for each in messages):
        page.text(_("Some still wait: see that the manager runs."))


# --- for programs ---------------------------------------------------------------------------------------------------


def _iso(at: datetime | None) -> str | None:
    return None if at is None else dates.iso(at)


def alert_json(each: AlertSeen) -> dict[str, Any]:
    """An alert; `message` is English, for people."""
    return {
        "number": each.told.number,
        "cause": each.told.cause,
        "node": each.told.node or None,
        "labels": dict(each.told.labels),
        "params": dict(each.told.params),
        "urgency": each.told.urgency,
        "state": each.state,
        "suppressed": each.suppressed,
        "episode": each.episode,
        "since": dates.iso(each.told.since),
        "fired_at": _iso(each.fired_at),
        "acked_by": each.acked_by or None,
        "acked_until": _iso(each.acked_until),
        "resolved_at": _iso(each.resolved_at),
        "parent": each.parent,
        "members": each.members,
        "message": each.sentence("en"),
    }


def event_json(each: EventSeen) -> dict[str, Any]:
    """Something that happened."""
    return {"at": dates.iso(each.at), "event": each.event, "actor": each.actor or None, "data": dict(each.data)}


def message_json(each: MessageSeen) -> dict[str, Any]:
    """A message and its fate."""
    return {
        "number": each.number,
        "contact": each.contact,
        "way": each.way,
        "purpose": each.purpose,
        "state": each.state,
        "tries": each.tries,
        "code": each.code or None,
        "detail": each.detail or None,
        "provider_id": each.provider_id or None,
        "made_at": dates.iso(each.made_at),
        "next_at": None if each.ended else dates.iso(each.next_at),
        "sent_at": _iso(each.sent_at),
    }


def silence_json(each: SilenceSeen) -> dict[str, Any]:
    """A silence."""
    return {
        "number": each.number,
        "matches": dict(each.matches),
        "reason": each.reason,
        "made_by": each.made_by,
        "from": dates.iso(each.from_at),
        "until": dates.iso(each.to_at),
        "ended_at": _iso(each.ended_at),
        "ended_by": each.ended_by or None,
    }
