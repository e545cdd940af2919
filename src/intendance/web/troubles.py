"""What is wrong with the watching itself, in words, before anything that was watched."""

from __future__ import annotations

from datetime import datetime

from intendance.fleet.alerts import texts
from intendance.fleet.alerts.texts import Told
from intendance.language.texts import Translator, translator
from intendance.web import addresses, words
from intendance.web.entries import Entry, Statement, split


def entry(told: Told, now: datetime, _: Translator) -> Entry:
    """An alert about the manager as the wall tells it."""
    spoken = translator(_.language, "alert_texts")
    return Entry(
        shape="unknown",
        word=_("unknown"),
        severity=_("blocking"),
        name=_("the manager"),
        href=addresses.WALL,
        on=_("itself"),
        on_href="",
        statements=(Statement(title=words.sentence(texts.fact(spoken, told)), rule="", href=addresses.WALL),),
        why=texts.why(spoken, told.cause),
        command=split(f"intendance alert show {told.number}"),
        advice="",
        when=_("for {length}").format(length=words.length(now - told.since, _, up=True)),
        who="",
        nobody=True,
    )
