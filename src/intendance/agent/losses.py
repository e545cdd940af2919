"""What plans took away: shown for 400 days, so that nobody loosens a node's plan unseen."""

from __future__ import annotations

from datetime import datetime, timedelta

from intendance.ledger.book import Book
from intendance.model.frozen import dataclass

SHOWN_FOR = timedelta(days=400)
_TOLD_ELSEWHERE = frozenset({"waiver-added"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that a plan took away and somebody confirmed: the record of the plan, what is meant, which change.

    `sentence` is how it was told, in English; empty for an asset that a former version dropped.
    """

    seq: int
    at: datetime
    name: str
    change: str
    sentence: str


def losses(book: Book, now: datetime) -> tuple[Loss, ...]:
    """What plans of the last 400 days took away, newest first."""
    since = now - SHOWN_FOR
    found: list[Loss] = []
    for fact in book.facts("plan.adopted", since=since):
        found += [
            Loss(seq=fact.seq, at=fact.at, name=each.name, change=each.change, sentence=each.sentence)
            for each in fact.data.confirmed
            if each.change not in _TOLD_ELSEWHERE
        ]
    told = {(each.name, each.at) for each in found if each.change == "asset-dropped"}
    for dropped in book.facts("asset.dropped", since=since):
        name = dropped.asset or dropped.data.identity
        if not any(name == known and abs(at - dropped.at) < timedelta(minutes=1) for known, at in told):
            found.append(Loss(seq=dropped.seq, at=dropped.at, name=name, change="asset-dropped", sentence=""))
    return tuple(sorted(found, key=lambda each: each.seq, reverse=True))
