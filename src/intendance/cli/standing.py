"""What `status` never leaves out: who answers for a waived rule, and what plans of the last 400 days took away."""

from __future__ import annotations

from typing import Any

from intendance.agent.losses import Loss
from intendance.cli.page import Page
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.verdict import Excuse


def excuse_text(_: Translator, excuse: Excuse, zone: str) -> str:
    """Until when, who answers for it, why, and for how long it has been so in all."""
    told = _("waived until {moment} by {granter}: {reason} ({ticket})").format(
        moment=dates.moment(excuse.ends_at, zone, _.language),
        granter=excuse.granter,
        reason=excuse.reason,
        ticket=excuse.ticket,
    )
    days = _.plural("waived for {n} day in all", "waived for {n} days in all", excuse.days).format(n=excuse.days)
    renewed = _.plural("renewed {n} time", "renewed {n} times", excuse.renewal).format(n=excuse.renewal)
    return f"{told} · {days} · {renewed}" if excuse.renewal else f"{told} · {days}"


def loss_json(loss: Loss) -> dict[str, Any]:
    """Something taken away, for machines."""
    return {
        "record": loss.seq,
        "at": dates.iso(loss.at),
        "name": loss.name,
        "change": loss.change,
        "sentence": loss.sentence or f"{loss.name} is no longer maintained",
    }


def draw_losses(page: Page, _: Translator, losses: tuple[Loss, ...], zone: str) -> None:
    """What plans took away: what, when, in which record."""
    if not losses:
        return
    page.blank()
    page.text((_("Taken away by a plan; shown for 400 days"), "strong"))
    for loss in losses:
        day = dates.moment(loss.at, zone, _.language)
        record = _("record {number}").format(number=loss.seq)
        page.text(_words(_, loss), (f" · {day} · {record}", "quiet"), indent=2, hang=4)


def _words(_: Translator, loss: Loss) -> str:
    """The change in the reader's language; in English as it was told when it was confirmed."""
    if loss.sentence and _.language == "en":
        return loss.sentence
    told = {
        "catalogue-dropped": _("the catalogue {name} is no longer followed"),
        "asset-dropped": _("{name} is no longer maintained"),
        "backup-dropped": _("{name} is no longer backed up"),
        "activity-dropped": _("an activity of {name} is no longer done"),
        "schedule-dropped": _("an activity of {name} has no schedule any more"),
        "schedule-rarer": _("an activity of {name} is scheduled more rarely"),
        "catch-up": _("{name} makes up for less of what was missed"),
        "excludes-more": _("{name} leaves out more files"),
        "databases-dropped": _("{name} keeps fewer databases"),
        "retention-shorter": _("{name} is kept for a shorter time"),
        "store-left": _("{name} is stored in fewer places"),
        "store-dropped": _("the store {name} is dropped"),
        "store-moved": _("the store {name} is another place"),
        "recipient-removed": _("{name} can open the backups no more"),
        "declared-dropped": _("what the plan declared under {name} is gone"),
    }
    return told[loss.change].format(name=loss.name) if loss.change in told else loss.sentence
