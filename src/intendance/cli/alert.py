"""`intendance alert`: what is wrong now, who was told, and what people do about it; on the manager's machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from intendance.agent.compose import person
from intendance.cli import alert_words as words
from intendance.cli.output import Invocation, Output
from intendance.cli.page import page_for
from intendance.model.errors import Exit, UsageError
from intendance.plan import durations
from intendance.system.clock import monotonic_seconds, wait

if TYPE_CHECKING:
    from intendance.fleet.alerts.listing import Kind
    from intendance.fleet.alerts.seen import MessageSeen
    from intendance.fleet.alerts.service import Alerts
    from intendance.model.alerting import Way

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
Number = Annotated[
    int, typer.Argument(metavar="NUMBER", help="The alert's number, as messages and `alert list` say it.")
]

_LONGEST_SILENCE_SECONDS = 30 * 86_400
_LONGEST_ACK_SECONDS = 7 * 86_400
_POLL_SECONDS = 0.2


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="What is wrong now, who was told, and what people do about it.", no_args_is_help=True)
    noun.command("list")(list_)
    noun.command("show")(show)
    noun.command("ack")(ack)
    noun.command("unack")(unack)
    noun.command("silence")(silence)
    noun.command("test")(try_ways)
    root.add_typer(noun, name="alert")


def list_(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Those of the last 30 days that are over too.")] = False,
    show: Annotated[
        str, typer.Option(metavar="KIND", help="Only those that stand so: ringing, acked, held, pending or over.")
    ] = "",
    part: Annotated[int, typer.Option(min=1, max=999_999, help="Which part of them, as the page counts.")] = 1,
    json: Json = False,
) -> None:
    """List what is wrong now, the most urgent first, and the silences that hold."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    kind = _kind(show, part, all_=all_)
    with open_alerts(invocation.state, invocation.clock) as (alerts, settings):
        listed = None if kind is None else alerts.part(kind, part)
        found = alerts.listed(ended=all_) if listed is None else listed.found
        silences, now, kinds = alerts.silences(), alerts.now, alerts.open_by_kind()
        observer, zone = alerts.observer(), alerts.policy.zone
    if json:
        answer: dict[str, Any] = {"schema": "intendance.alerts/1", "fleet": settings.fleet}
        answer |= {"alerts": [words.alert_json(each) for each in found]}
        answer |= {"silences": [words.silence_json(each) for each in silences]}
        answer |= {"observer": words.observer_json(observer)}
        Output(as_json=True).json(answer)
        return
    page = page_for(sys.stdout)
    words.draw_list(page, invocation.language, found, silences if listed is None else (), zone, now)
    words.draw_end(page, invocation.language, found, listed, kinds)
    if observer is not None:
        words.draw_observer(page, invocation.language, observer, zone)
    page.write(sys.stdout)


def _kind(show: str, part: int, *, all_: bool) -> Kind | None:
    """What `--show` asks for. Raises UsageError."""
    from intendance.fleet.alerts.listing import SIZES

    found = next((kind for kind in SIZES if kind == show), None)
    if show and found is None:
        kinds = ", ".join(SIZES)
        raise UsageError(message=f"`--show {show}` is none of {kinds}.")
    if not show and part > 1:
        raise UsageError(message="A part is one of the alerts that stand alike: name them, as `--show ringing`.")
    if show and all_:
        raise UsageError(message="`--all` lists every kind: leave it out, or `--show`.")
    return found


def show(context: typer.Context, number: Number, json: Json = False) -> None:
    """Show one alert: what it means, what happened, whom it was told and what became of each message."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    with open_alerts(invocation.state, invocation.clock) as (alerts, _settings):
        shown, zone, now = alerts.shown(number), alerts.policy.zone, alerts.now
    if json:
        answer: dict[str, Any] = {"schema": "intendance.alert/1", "alert": words.alert_json(shown.alert)}
        answer |= {"events": [words.event_json(each) for each in shown.events]}
        answer |= {"messages": [words.message_json(each) for each in shown.messages]}
        Output(as_json=True).json(answer)
        return
    page = page_for(sys.stdout)
    words.draw_one(page, invocation.language, shown, zone, now)
    page.write(sys.stdout)


def ack(
    context: typer.Context,
    number: Number,
    lasting: Annotated[
        str, typer.Option("--for", metavar="LENGTH", help="After how long others are told again, if it is not over.")
    ] = "4h",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has it in hand. [who types this]")] = "",
    reason: Annotated[str, typer.Option(help="Why it can wait; whoever looks at the alert reads it.")] = "",
    json: Json = False,
) -> None:
    """Take an alert in hand: nobody else is told until it is over, or until the time is."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    seconds = _length(lasting, "--for", _LONGEST_ACK_SECONDS)
    with open_alerts(invocation.state, invocation.clock) as (alerts, _settings):
        who = f"person:{by}" if by else person()
        seen = alerts.ack(number, by=who, lasting_seconds=seconds, reason=reason or None)
        zone = alerts.policy.zone
    if json:
        Output(as_json=True).json({"schema": "intendance.alert-acked/1", "alert": words.alert_json(seen)})
        return
    page = page_for(sys.stdout)
    words.draw_acked(page, invocation.language, seen, zone)
    page.write(sys.stdout)


def unack(context: typer.Context, number: Number, json: Json = False) -> None:
    """Let go an alert that somebody has in hand: people are told again."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    with open_alerts(invocation.state, invocation.clock) as (alerts, _settings):
        seen = alerts.unack(number, by=person())
    if json:
        Output(as_json=True).json({"schema": "intendance.alert-unacked/1", "alert": words.alert_json(seen)})
        return
    page = page_for(sys.stdout)
    words.draw_unacked(page, invocation.language, seen)
    page.write(sys.stdout)


def silence(
    context: typer.Context,
    match: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What is silenced: node, site, cause; all that are given must match."),
    ] = None,
    lasting: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long; 30 days at most.")] = "",
    reason: Annotated[str, typer.Option(help="Why nobody needs to be told.")] = "",
    end: Annotated[int | None, typer.Option("--end", metavar="NUMBER", help="End this silence now.")] = None,
    json: Json = False,
) -> None:
    """Tell nobody of what matches, for a while. Alerts go on and say that they are silenced."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    matches = _matches(match or [])
    if (end is None) != bool(matches and reason and lasting):
        raise UsageError(message="A silence takes `--match`, `--for` and `--reason`; or `--end NUMBER` alone.")
    seconds = 0 if end is not None else _length(lasting, "--for", _LONGEST_SILENCE_SECONDS)
    with open_alerts(invocation.state, invocation.clock) as (alerts, _settings):
        if end is not None:
            seen = alerts.end_silence(end, by=person())
        else:
            seen = alerts.silence(matches, reason=reason, by=person(), lasting_seconds=seconds)
        zone = alerts.policy.zone
    if json:
        answer = {"schema": "intendance.silence/1", "silence": words.silence_json(seen), "ended": end is not None}
        Output(as_json=True).json(answer)
        return
    page = page_for(sys.stdout)
    words.draw_silence(page, invocation.language, seen, zone, ended=end is not None)
    page.write(sys.stdout)


def _matches(given: list[str]) -> dict[str, str]:
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals and value):
            raise UsageError(message=f"`--match {each}` is not NAME=VALUE: write for example `--match node=web-01`.")
        found[name] = value
    return found


def _length(text: str, option: str, limit_seconds: int) -> int:
    """Seconds. Raises UsageError."""
    try:
        seconds = durations.parse(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= limit_seconds:
        longest = durations.write(limit_seconds)
        raise UsageError(message=f"`{option} {text}` is no length of time up to {longest}: write for example `2h`.")
    return seconds


def try_ways(
    context: typer.Context,
    to: Annotated[str, typer.Option(metavar="CONTACT", help="Only this contact of the plan.")] = "",
    by: Annotated[str, typer.Option(metavar="WAY", help="Only by email, or by sms.")] = "",
    patience: Annotated[
        str, typer.Option("--wait", metavar="LENGTH", help="How long to wait for the answers.")
    ] = "1min",
    json: Json = False,
) -> None:
    """Send a message to everybody whom the plan names, by the running manager, and say what became of each."""
    from intendance.fleet.compose import open_alerts

    invocation: Invocation = context.obj
    if by not in {"", "email", "sms"}:
        raise UsageError(message=f"`--by {by}` is no way of telling: write `email` or `sms`.")
    seconds = _length(patience, "--wait", 600)
    with open_alerts(invocation.state, invocation.clock) as (alerts, _settings):
        numbers = alerts.try_ways(contact=to, way=cast("Way | None", by or None))
        found = _awaited(alerts, numbers, seconds)
    if json:
        messages: list[dict[str, Any]] = [words.message_json(each) for each in found]
        Output(as_json=True).json({"schema": "intendance.alert-test/1", "messages": messages})
    else:
        page = page_for(sys.stdout)
        words.draw_test(page, invocation.language, found)
        page.write(sys.stdout)
    arrived = sum(each.state in {"sent", "delivered"} for each in found)
    if arrived < len(found):
        raise typer.Exit(Exit.PARTIAL if arrived else Exit.FAILED)


def _awaited(alerts: Alerts, numbers: tuple[int, ...], seconds: int) -> tuple[MessageSeen, ...]:
    end = monotonic_seconds() + seconds
    while True:
        found = alerts.messages(numbers)
        if all(each.ended for each in found) or monotonic_seconds() > end:
            return found
        wait(_POLL_SECONDS)
