"""One run: how it went, attempt by attempt, and how long such a run took before."""

from __future__ import annotations

from intendance.fleet.runs.decide import Attempt, Condition, Usual
from intendance.fleet.runs.service import OneRun, Seen
from intendance.language import dates, sizes
from intendance.language.activities import activity_name
from intendance.language.spoken import told as spoken
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.system.shown import as_typed
from intendance.web import addresses, words
from intendance.web.entries import split
from intendance.web.runs import SHAPES, Link, asked_by, pace, why, word


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    shape: str
    word: str
    number: str
    began: str
    ended: str
    took: str
    why: str
    records: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerLine:
    when: str
    href: str
    took: str
    share: str
    record: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    shape: str
    question: str
    answer: str
    lede: str
    facts: tuple[str, ...]
    links: tuple[Link, ...]
    attempts: tuple[AttemptLine, ...]
    former: tuple[FormerLine, ...]
    command: tuple[str, ...]


def run_page(found: OneRun, zone: str, _: Translator) -> RunPage:
    """The page of one run of a node."""
    latest = found.attempts[0]
    attempt = latest.attempt
    return RunPage(
        shape=SHAPES[latest.condition],
        question=_("{activity} of {asset}, on {node}").format(
            activity=words.sentence(activity_name(_.language, attempt.activity)), asset=attempt.asset, node=found.node
        ),
        answer=_answer(latest, found, _),
        lede=_lede(latest, found.usual, zone, _),
        facts=(found.run, asked_by(attempt, _)),
        links=(
            Link(name=attempt.asset, href=addresses.asset(found.node, attempt.asset)),
            Link(name=found.node, href=addresses.node(found.node)),
            Link(name=_("Runs of {name}").format(name=attempt.asset), href=addresses.runs(found.node, attempt.asset)),
        ),
        attempts=tuple(_attempt(each, found, zone, _) for each in found.attempts),
        former=tuple(_former(each, found, zone, _) for each in found.former),
        command=split(f"intendance run show {as_typed(found.run)}"),
    )


def _answer(latest: Seen, found: OneRun, _: Translator) -> str:
    attempt = latest.attempt
    if attempt.ended_at is None:
        length = words.length(found.asked_at - (attempt.began_at or found.asked_at), _, up=False)
        told = {
            Condition.SILENT: _("Nobody can tell whether it still runs."),
            Condition.LOST: _("It began and never ended."),
        }
        return told.get(latest.condition) or _("It has been running for {length}.").format(length=length)
    if latest.condition is Condition.RELEASED:
        return _("It waits: its asset was busy.")
    if latest.condition is Condition.SUCCEEDED:
        if attempt.took is None:
            return _("Done.")
        return _("Done, in {length}.").format(length=words.length(attempt.took, _, up=True))
    if latest.condition is Condition.FAILED:
        return _("It failed.")
    return _("It was broken off.")


def _lede(latest: Seen, usual: Usual | None, zone: str, _: Translator) -> str:
    attempt = latest.attempt
    if latest.condition in (Condition.SILENT, Condition.LOST):
        return why(latest, False, zone, _)  # noqa: FBT003 -- nobody knows
    said = f"{spoken(attempt.message, _.language)} " if attempt.message else ""
    return said + " ".join(pace(usual, False, _)) if usual is not None else said  # noqa: FBT003 -- told elsewhere


def _attempt(seen: Seen, found: OneRun, zone: str, _: Translator) -> AttemptLine:
    attempt = seen.attempt
    numbers = [each for each in (attempt.began_seq, attempt.ended_seq) if each is not None]
    return AttemptLine(
        shape=SHAPES[seen.condition],
        word=word(_, seen.condition, attempt.outcome if attempt.ended_at is not None else ""),
        number=sizes.number(attempt.attempt, _.language),
        began=_("not recorded") if attempt.began_at is None
        else dates.moment(attempt.began_at, zone, _.language, seconds=True),
        ended="" if attempt.ended_at is None else dates.moment(attempt.ended_at, zone, _.language, seconds=True),
        took="" if attempt.took is None else words.length(attempt.took, _, up=True),
        why=spoken(attempt.message, _.language) if attempt.message else "",
        records=tuple(
            Link(name=sizes.number(seq, _.language), href=addresses.record(found.node, seq)) for seq in numbers
        ),
    )  # fmt: skip


def _former(each: Attempt, found: OneRun, zone: str, _: Translator) -> FormerLine:
    took, seq = each.took, each.ended_seq or 0
    longest = None if found.usual is None else found.usual.longest
    return FormerLine(
        when="" if each.ended_at is None else dates.moment(each.ended_at, zone, _.language),
        href=addresses.run(each.node, each.run),
        took="" if took is None else words.length(took, _, up=True),
        share=f"{took / longest * 100:.1f}" if took is not None and longest else "0",
        record=Link(name=sizes.number(seq, _.language), href=addresses.record(each.node, seq)),
    )
