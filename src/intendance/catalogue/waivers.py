"""Waivers: which count now, which may be granted, for how many days a rule has been excused. Pure.

What was recorded is judged again each time: a record that the law does not allow excuses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from intendance.catalogue.rule import Rule
from intendance.model.evidence.waiver import WaiverGranted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

LONGEST = timedelta(days=90)
"""No waiver lasts longer, whatever it says (`docs/rules.md`)."""

IN_A_ROW = 2
"""As many waivers of one rule may come from one person, one after the other; the next needs somebody else."""

LOOK_BACK = timedelta(days=400)
"""Waivers that ended longer ago no longer count as renewed, nor among the days excused."""

Grant = Fact[WaiverGranted]
Refusal = Literal["never", "over", "too_long", "same_person", "unsigned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A waiver as it stands: its record, when it began and ends (or ended), the days that its rule was excused for.

    `days` counts, of the last 400 days, those on which this rule was waived for the same thing, begun days as whole
    ones. `revoked`: it was taken back before its time.
    """

    grant: Grant
    ends_at: datetime
    days: int
    revoked: bool = False

    @property
    def began_at(self) -> datetime:
        return self.grant.at


def waivers(grants: Iterable[Grant], revocations: Iterable[Fact[Any]], now: datetime) -> tuple[Waiver, ...]:
    """Every waiver of the last 400 days that the law allows, oldest first."""
    ended = {(fact.node, fact.data.grant): fact.at for fact in revocations}
    lawful: list[Grant] = []
    for grant in sorted(grants, key=lambda each: (each.at, each.node, each.seq)):
        before = [each for each in lawful if _same_thing(each.data, grant.data)]
        if refusal_of(grant.data, before, grant.at) is None:
            lawful.append(grant)
    ends = {grant: _end(grant, ended.get((grant.node, grant.seq))) for grant in lawful}
    return tuple(
        Waiver(
            grant=grant,
            ends_at=ends[grant],
            days=_days([(each.at, ends[each]) for each in lawful if _same_thing(each.data, grant.data)], now),
            revoked=(grant.node, grant.seq) in ended and ends[grant] == ended[grant.node, grant.seq],
        )
        for grant in lawful
        if ends[grant] > now - LOOK_BACK
    )


def live(found: Iterable[Waiver], rule: Rule, about: str, now: datetime) -> Waiver | None:
    """The waiver of a rule, for the asset of that identity, that counts at `now`; the one that lasts longest."""
    if not rule.waivable:
        return None
    fitting = [
        each
        for each in found
        if each.grant.data.rule == rule.id
        and each.grant.data.about in ("", about)
        and each.began_at <= now < each.ends_at
    ]
    return max(fitting, key=lambda each: each.ends_at, default=None)


def refusal_of(
    asked: WaiverGranted, before: Sequence[Grant], now: datetime, *, waivable: bool = True
) -> Refusal | None:
    """Why a waiver may not be granted at `now`; `before` are the former ones of the same rule, for the same thing.

    `never`: the rule admits none. `over`: it ends in the past. `too_long`: in more than 90 days. `unsigned`: nobody
    answers for it, or without a reason or a ticket. `same_person`: it would be the third in a row from one person.
    """
    if not waivable:
        return "never"
    ends_at = datetime.fromisoformat(asked.expires_at)
    if ends_at <= now:
        return "over"
    if ends_at > now + LONGEST:
        return "too_long"
    if not (asked.reason.strip() and asked.ticket.strip() and asked.marks):
        return "unsigned"
    recent = [each for each in before if datetime.fromisoformat(each.data.expires_at) > now - LOOK_BACK]
    last = recent[-IN_A_ROW:]
    if len(last) == IN_A_ROW and all(one_person(each.data.marks, asked.marks) for each in last):
        return "same_person"
    return None


def one_person(marks: Collection[str], others: Collection[str]) -> bool:
    """Whether two contacts are one person: they share a name, an address or a telephone."""
    return bool(set(marks) & set(others))


def of_same_thing(grants: Iterable[Grant], rule: str, about: str) -> tuple[Grant, ...]:
    """The waivers of a rule that touch the asset of that identity (empty: any), oldest first."""
    found = [each for each in grants if each.data.rule == rule and _touches(each.data.about, about)]
    return tuple(sorted(found, key=lambda each: (each.at, each.seq)))


def _same_thing(former: WaiverGranted, latter: WaiverGranted) -> bool:
    return former.rule == latter.rule and _touches(former.about, latter.about)


def _touches(about: str, other: str) -> bool:
    return about == other or "" in (about, other)


def _end(grant: Grant, revoked_at: datetime | None) -> datetime:
    told = min(datetime.fromisoformat(grant.data.expires_at), grant.at + LONGEST)
    return told if revoked_at is None else max(grant.at, min(told, revoked_at))


def _days(spans: Iterable[tuple[datetime, datetime]], now: datetime) -> int:
    """Days covered by at least one of the spans within the last 400 days, begun days as whole ones."""
    covered = timedelta()
    reached = now - LOOK_BACK
    for start, end in sorted(spans):
        begin, stop = max(start, reached), min(end, now)
        if stop > begin:
            covered += stop - begin
            reached = stop
    return -(-covered // timedelta(days=1))
