"""One look of a node that may be alone: what is critical goes into its own outbox, and what waits there leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from intendance.agent.fallback import decide, words
from intendance.agent.fallback.alone import must_look, silent_since_us
from intendance.agent.fallback.outbox import Mail, Outbox
from intendance.agent.fallback.words import Trouble
from intendance.agent.judging import judge
from intendance.agent.opening import open_book
from intendance.language.texts import translator
from intendance.ledger.book import Book
from intendance.model.alerting import EmailChannel
from intendance.model.plan import Plan
from intendance.model.verdict import Severity, State
from intendance.notifiers import Message, Notifier, open_notifier
from intendance.plan import adopted
from intendance.system.clock import Clock

DEADLINE_SECONDS = 30.0
_FAILED_WITHIN = timedelta(days=1)


def look(state: Path, clock: Clock, opened: Callable[[EmailChannel], Notifier] = open_notifier) -> None:
    """Write what is critical, at most once in six hours, and send what waits. Raises what judging and the ledger
    raise."""
    plan, now_us = adopted.read(state), decide.microseconds(clock.read().at)
    alone = must_look(state, plan, now_us)
    since_us = silent_since_us(state, now_us)
    with open_book(state, clock) as book:
        outbox = Outbox(book)
        # What was written in a former silence is no news in this one, and what is a day old in none.
        outbox.drop(now_us if not alone else max(since_us or 0, now_us - decide.EXPIRES_US))
        if not alone or plan.alerts is None or plan.alerts.email is None:
            return
        if decide.may_tell(outbox.last_us, now_us):
            outbox.put(tuple(_mails(book, state, plan, clock, since_us)))
        notifier = opened(plan.alerts.email)
        for mail in outbox.waiting(now_us):
            send(outbox, notifier, mail, clock)


def send(outbox: Outbox, notifier: Notifier, mail: Mail, clock: Clock) -> None:
    """Try one mail once, and write down what became of it."""
    now = clock.read().at
    message = Message(key=mail.key, to=mail.address, subject=mail.subject, text=mail.body, at=now)
    delivery = notifier.deliver(message, DEADLINE_SECONDS)
    outbox.finish(mail, delivery, decide.microseconds(clock.read().at))


def _mails(book: Book, state: Path, plan: Plan, clock: Clock, since_us: int | None) -> Iterator[Mail]:
    now_us = decide.microseconds(clock.read().at)
    found = tuple(troubles(book, state, plan, clock, since_us))
    if not found:
        return
    _ = translator(plan.organisation.language, "fallback")
    zone, node = plan.organisation.timezone, plan.node.id
    for each in decide.recipients(plan):
        yield Mail(
            key=decide.key_of(plan.fleet, node, each.contact, now_us),
            made_us=now_us,
            contact=each.contact,
            address=each.address,
            subject=words.subject(_, node, found, zone),
            body=words.body(_, node, found, zone),
            causes=tuple(trouble.cause for trouble in found),
            since_us=since_us,
        )


def troubles(book: Book, state: Path, plan: Plan, clock: Clock, since_us: int | None) -> Iterator[Trouble]:
    """What people must know now, the manager's silence first."""
    if since_us is not None:
        yield Trouble(kind="manager", since=decide.instant(since_us))
    judgement = judge(state, clock)
    for verdict in judgement.verdicts:
        if verdict.state is State.FAIL and verdict.severity is Severity.BLOCKING:
            title = judgement.rule(verdict).title.of(plan.organisation.language)
            yield Trouble(kind="rule", rule=verdict.rule, asset=verdict.asset or "", title=title)
    for asset in plan.assets:
        failed = book.facts("backup.failed", asset=asset, since=clock.read().at - _FAILED_WITHIN, latest=1)
        done = book.facts("backup.completed", asset=asset, latest=1)
        if failed and not (done and done[0].seq > failed[0].seq):
            yield Trouble(kind="backup", asset=asset, since=failed[0].at)
