"""Runs: what is being done now, since when and for how long as a rule, what ended and how, and what is due next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from intendance.fleet.runs.decide import Attempt, Condition, Next, Usual
from intendance.fleet.runs.service import RunsNow, Seen
from intendance.language import dates, sizes
from intendance.language.activities import activity_name
from intendance.language.spoken import told as spoken
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.system.shown import as_typed
from intendance.web import addresses, words
from intendance.web.entries import split

SHAPES: Mapping[Condition, str] = {
    Condition.RUNNING: "pending",
    Condition.SILENT: "unknown",
    Condition.LOST: "fail",
    Condition.SUCCEEDED: "pass",
    Condition.FAILED: "fail",
    Condition.BROKEN_OFF: "waived",
    Condition.RELEASED: "na",
}
_DUE = 12
"""What is due after that is told node by node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    name: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """An attempt that did not end: `share` is how much of the usual time is over, in percent, empty where nothing is
    usual or nobody knows; `over`: it takes longer than any before."""

    shape: str
    word: str
    what: str
    href: str
    asset: Link
    node: Link
    why: str
    since: str
    began: str
    who: str
    share: str
    over: bool
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLine:
    shape: str
    word: str
    what: str
    href: str
    asset: Link
    node: Link
    when: str
    took: str
    why: str
    record: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class DueLine:
    when: str
    ahead: str
    what: str
    asset: Link
    node: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    """`older` and `newest` are addresses of other pages of what ended, empty where there are none."""

    shape: str
    question: str
    clauses: tuple[str, ...]
    facts: tuple[str, ...]
    here: tuple[Link, ...]
    trouble: tuple[OpenRun, ...]
    running: tuple[OpenRun, ...]
    due: tuple[DueLine, ...]
    due_told: str
    ended: tuple[EndedLine, ...]
    older: str
    newest: str
    alone: bool


def runs_page(found: RunsNow, zone: str, before: datetime | None, _: Translator) -> RunsPage:
    """The page of all runs, or of those of a node or of an asset."""
    opened = [_open(each, found.asked_at, zone, _) for each in found.open]
    running = tuple(each for each in opened if each.shape == "pending")
    trouble = tuple(each for each in opened if each.shape != "pending")
    place = addresses.runs(found.node, found.asset)
    return RunsPage(
        shape=_shape(found),
        question=_question(found, _),
        clauses=tuple(_clauses(found, _)),
        facts=tuple(_facts(found, zone, _)),
        here=tuple(_here(found, _)),
        trouble=trouble,
        running=running,
        due=tuple(_due(each, found.asked_at, zone, _) for each in (found.due or ())[:_DUE]),
        due_told=_due_told(found, _),
        ended=tuple(_ended(each, zone, _) for each in found.ended),
        older="" if found.more is None else addresses.runs(found.node, found.asset, dates.iso(found.more)),
        newest=place if before is not None else "",
        alone=bool(found.node),
    )


def word(_: Translator, condition: Condition, outcome: str) -> str:
    """How an attempt stands, in a word."""
    named = {
        "cancelled": _("cancelled"),
        "interrupted": _("broken off"),
        "timed_out": _("out of time"),
        "crashed": _("crashed"),
    }
    told = {
        Condition.RUNNING: _("running"),
        Condition.SILENT: _("unknown"),
        Condition.LOST: _("never ended"),
        Condition.SUCCEEDED: _("done"),
        Condition.FAILED: _("failed"),
        Condition.BROKEN_OFF: _("broken off"),
        Condition.RELEASED: _("put back"),
    }
    return named.get(outcome, told[condition])


def _shape(found: RunsNow) -> str:
    conditions = {each.condition for each in found.open}
    if Condition.LOST in conditions:
        return "fail"
    if Condition.SILENT in conditions:
        return "unknown"
    return "pending" if conditions else "na"


def _question(found: RunsNow, _: Translator) -> str:
    if found.asset:
        return _("What is being done with {asset}, on {node}?").format(asset=found.asset, node=found.node)
    if found.node:
        return _("What is being done on {node}?").format(node=found.node)
    return _("What is being done?")


def _clauses(found: RunsNow, _: Translator) -> Iterable[str]:
    counted = {each: sum(seen.condition is each for seen in found.open) for each in Condition}
    running, silent, lost = (counted[each] for each in (Condition.RUNNING, Condition.SILENT, Condition.LOST))
    if running:
        told = _.plural("{count} run is under way.", "{count} runs are under way.", running)
        yield told.format(count=sizes.number(running, _.language))
    else:
        yield _("Nothing runs now.")
    if lost:
        told = _.plural("{count} began and never ended.", "{count} began and never ended.", lost)
        yield told.format(count=sizes.number(lost, _.language))
    if silent:
        told = _.plural("Of {count} nobody can tell.", "Of {count} nobody can tell.", silent)
        yield told.format(count=sizes.number(silent, _.language))


def _facts(found: RunsNow, zone: str, _: Translator) -> Iterable[str]:
    yield _("Asked on {moment}").format(moment=dates.moment(found.asked_at, zone, _.language, seconds=True))
    done = found.counts.get("succeeded", 0)
    bad = sum(found.counts.get(each, 0) for each in ("failed", "crashed", "timed_out"))
    off = sum(found.counts.get(each, 0) for each in ("cancelled", "interrupted"))
    told = [_.plural("{n} done", "{n} done", done).format(n=sizes.number(done, _.language))]
    if bad:
        told.append(_.plural("{n} failed", "{n} failed", bad).format(n=sizes.number(bad, _.language)))
    if off:
        told.append(_.plural("{n} broken off", "{n} broken off", off).format(n=sizes.number(off, _.language)))
    yield _("In the last 24 hours: {told}").format(told=", ".join(told))


def _here(found: RunsNow, _: Translator) -> Iterable[Link]:
    if found.asset:
        yield Link(name=found.asset, href=addresses.asset(found.node, found.asset))
    if found.node:
        yield Link(name=found.node, href=addresses.node(found.node))
        yield Link(name=_("All runs"), href=addresses.RUNS)


def _open(seen: Seen, now: datetime, zone: str, _: Translator) -> OpenRun:
    attempt = seen.attempt
    began = attempt.began_at or now
    lasted = now - began
    alive = seen.condition is Condition.RUNNING
    over = alive and seen.usual is not None and lasted > seen.usual.longest
    share = ""
    if alive and seen.usual is not None and seen.usual.median:
        share = f"{min(1.0, lasted / seen.usual.median) * 100:.0f}%"
    return OpenRun(
        shape=SHAPES[seen.condition],
        word=word(_, seen.condition, ""),
        what=words.sentence(activity_name(_.language, attempt.activity)),
        href=addresses.run(attempt.node, attempt.run),
        asset=Link(name=attempt.asset, href=addresses.asset(attempt.node, attempt.asset)),
        node=Link(name=attempt.node, href=addresses.node(attempt.node)),
        why=why(seen, over, zone, _),
        since=_("for {length}").format(length=words.length(lasted, _, up=not alive)),
        began=_("began on {moment}").format(moment=dates.moment(began, zone, _.language, seconds=True)),
        who=asked_by(attempt, _),
        share=share,
        over=over,
        command=split(f"intendance run show {as_typed(attempt.run)}") if not alive else (),
    )


def why(seen: Seen, over: bool, zone: str, _: Translator) -> str:  # noqa: FBT001 -- what its caller found
    """Why it has no end, or how long such a run takes as a rule."""
    if seen.condition is Condition.SILENT:
        if seen.last_seen is None:
            return _("Nobody has ever heard its node: whether it still runs, nobody can tell.")
        moment = dates.moment(seen.last_seen, zone, _.language)
        return _("Nobody believes its node, last heard on {moment}: whether it still runs, nobody can tell.").format(
            moment=moment
        )
    if seen.condition is Condition.LOST:
        return _("It began, and no record says that it ended: its machine began anew, or its time is over. "
                 "What it did so far proves nothing.")  # fmt: skip
    return " ".join(pace(seen.usual, over, _))


def pace(usual: Usual | None, over: bool, _: Translator) -> Iterable[str]:  # noqa: FBT001 -- what its caller found
    """How long such a run takes as a rule."""
    if usual is None:
        yield _("The first of its kind that is timed.")
        return
    if over:
        yield _("It takes longer than any before.")
    median = words.length(usual.median, _, up=True)
    if usual.count == 1:
        yield _("The last one took {median}.").format(median=median)
        return
    told = _("The last {n} took {median} as a rule, {longest} at most.")
    longest = words.length(usual.longest, _, up=True)
    yield told.format(n=sizes.number(usual.count, _.language), median=median, longest=longest)


def asked_by(attempt: Attempt, _: Translator) -> str:
    """Who asked for it, and which attempt it is."""
    person = attempt.actor.removeprefix("person:")
    told = _("by the plan") if attempt.actor.startswith("schedule:") else _("by {person}").format(person=person)
    if attempt.attempt > 1:
        number = sizes.number(attempt.attempt, _.language)
        return _("{who}, attempt {number}").format(who=told, number=number)
    return told


def _ended(seen: Seen, zone: str, _: Translator) -> EndedLine:
    attempt = seen.attempt
    seq = attempt.ended_seq or 0
    return EndedLine(
        shape=SHAPES[seen.condition],
        word=word(_, seen.condition, attempt.outcome),
        what=words.sentence(activity_name(_.language, attempt.activity)),
        href=addresses.run(attempt.node, attempt.run),
        asset=Link(name=attempt.asset, href=addresses.asset(attempt.node, attempt.asset)),
        node=Link(name=attempt.node, href=addresses.node(attempt.node)),
        when="" if attempt.ended_at is None else dates.moment(attempt.ended_at, zone, _.language),
        took="" if attempt.took is None else words.length(attempt.took, _, up=True),
        why=spoken(attempt.message, _.language) if attempt.message else "",
        record=Link(name=sizes.number(seq, _.language), href=addresses.record(attempt.node, seq)),
    )


def _due(each: Next, now: datetime, zone: str, _: Translator) -> DueLine:
    return DueLine(
        when=_("by hand") if each.at is None else dates.moment(each.at, zone, _.language),
        ahead="" if each.at is None else words.ahead(each.at, now, _),
        what=words.sentence(activity_name(_.language, each.activity)),
        asset=Link(name=each.asset, href=addresses.asset(each.node, each.asset)),
        node=Link(name=each.node, href=addresses.node(each.node)),
    )


def _due_told(found: RunsNow, _: Translator) -> str:
    if found.due is None:
        return _("The page of each node says what is due on it.")
    left = len(found.due) - _DUE
    if left > 0:
        told = _.plural("{n} more, later.", "{n} more, later.", left)
        return told.format(n=sizes.number(left, _.language))
    return "" if found.due else _("No plan has arrived that says what is due.")
