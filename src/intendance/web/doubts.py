"""Findings about ledgers in words: what was found, what it means, and what to do about it."""

from __future__ import annotations

from datetime import datetime

from intendance.fleet.ledgers.decide import Doubt
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.web import addresses, words
from intendance.web.entries import Entry, Statement, split


def title(doubt: Doubt, _: Translator) -> str:
    """What was found, in a few words."""
    told = {
        "fork": _("The node has told two histories"),
        "rollback": _("The node’s ledger has gone back"),
        "gap": _("It leaves records out"),
        "chain": _("Its records do not follow on one another"),
        "signature": _("A checkpoint of it is signed by another key"),
        "undetermined": _("It holds records that this version does not know"),
        "excess": _("It sends more than is kept of one node"),
        "weaker": _("Its plan asks less of it than the one before"),
    }
    return told.get(doubt.kind, doubt.kind)


def meaning(doubt: Doubt, _: Translator) -> str:
    """What it means."""
    told = {
        "fork": _(
            "What it signed now is not what it signed before, for the same records. Either its ledger was rewritten, "
            "or somebody else speaks with its key. Nothing that it says proves anything any more."
        ),
        "rollback": _(
            "It holds fewer records than it had signed and sent. It was restored from an older copy, or its last "
            "records were taken away. Nothing that it says proves anything any more."
        ),
        "gap": _(
            "It sends later records and, though asked for them again and again, not those in between. What it did "
            "meanwhile nobody can know. Nothing that it says proves anything any more."
        ),
        "chain": _(
            "A record does not carry the fingerprint of the one before it: records were changed, left out or put in. "
            "Nothing that it says proves anything any more."
        ),
        "signature": _("Somebody speaks for this node without its key. Nothing that it says proves anything any more."),
        "undetermined": _("This manager is older than the node: what it does not know it cannot judge."),
        "weaker": _(
            "Rules that it followed are judged on it no more. Whoever adopted that plan may have meant it; whoever "
            "took the machine would begin so."
        ),
        "excess": _(
            "Its newest records were refused, so that no node fills the manager’s disk: they wait on the node and are "
            "taken the next day. Until then nobody can tell what it does."
        ),
    }
    return told.get(doubt.kind, doubt.detail)


def advice(doubt: Doubt, _: Translator) -> str:
    """What to do."""
    if doubt.kind == "excess":
        return _("See what fills its ledger, and who holds its key. A node that nobody trusts is let go.")
    if doubt.kind == "weaker":
        return _(
            "Compare its plan with the one that was meant. Meant so, it is settled; else look at the machine first."
        )
    if not doubt.grave:
        return _("Bring the manager to the version of the node.")
    return _(
        "Verify the ledger on the node, and keep both copies. Where the node was rebuilt or restored, enrol it again: "
        "an administrator compares both fingerprints, and a new ledger begins."
    )


def typed(doubt: Doubt) -> tuple[str, ...]:
    """What to type on the node."""
    others = {
        "undetermined": "intendance --version",
        "excess": "intendance ledger show",
        "weaker": "intendance plan show",
    }
    return split(others.get(doubt.kind, "intendance ledger verify"))


def settling(doubt: Doubt) -> tuple[str, ...]:
    """What to type on the manager's machine once somebody has looked into it."""
    return split(f'intendance node settle {doubt.id} --reason "…"')


def entry(doubt: Doubt, now: datetime, zone: str, _: Translator) -> Entry:
    """The finding as the wall tells it."""
    found = dates.moment(doubt.found_at, zone, _.language)
    told = _("Found on {moment}, at {subject}.").format(moment=found, subject=doubt.subject.partition(" ")[0])
    return Entry(
        shape="fail" if doubt.grave else "unknown",
        word=_("broken") if doubt.grave else _("unknown"),
        severity=_("blocking"),
        name=doubt.node,
        href=addresses.ledger(doubt.node),
        on=_("its ledger"),
        on_href="",
        statements=(Statement(title=title(doubt, _), rule="", href=addresses.ledger(doubt.node)),),
        why=f"{meaning(doubt, _)} {told}",
        command=typed(doubt),
        advice="",
        when=_("for {length}").format(length=words.length(now - doubt.found_at, _, up=True)),
        who="",
        nobody=True,
    )
