"""What is wrong with the watching itself, in words, before anything that was watched."""

from __future__ import annotations

from datetime import datetime

from intendance.fleet.alerts import texts
from intendance.fleet.alerts.owner import UNWRITTEN, Trouble
from intendance.fleet.alerts.texts import Told
from intendance.language.texts import Translator, translator
from intendance.web import addresses, words
from intendance.web.entries import Entry, Statement, split


def entry(trouble: Trouble, now: datetime, _: Translator) -> Entry:
    """An alert about the manager as the wall tells it."""
    href, command = addresses.alert(trouble.number), f"intendance alert show {trouble.number}"
    if trouble.cause == UNWRITTEN:
        href, command = addresses.HEALTH, "df -h"
    spoken = translator(_.language, "alert_texts")
    told = Told(
        number=trouble.number,
        cause=trouble.cause,
        node="",
        urgency="critical",
        since=trouble.since,
        params=trouble.params,
        labels=trouble.labels,
    )
    return Entry(
        shape="unknown",
        word=_("unknown"),
        severity=_("blocking"),
        name=_("the manager"),
        href=href,
        on=_("itself"),
        on_href="",
        statements=(Statement(title=words.sentence(texts.fact(spoken, told)), rule="", href=href),),
        why=texts.why(spoken, told.cause),
        command=split(command),
        advice="",
        when=_("for {length}").format(length=words.length(now - told.since, _, up=True)),
        who="",
        nobody=True,
    )
